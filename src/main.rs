//! The `collector` program: everything it does is in the library's `cli`.

use std::process::ExitCode;

/// A job is many small allocations that another thread frees: what the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    collector::cli::main()
}
