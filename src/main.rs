//! The `collector` program: everything it does is in the library's `cli`.

use std::process::ExitCode;

/// A job is many small allocations that another thread frees: what the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A huge page is zeroed whole as soon as one byte of it is used, which cost a crawl a tenth of its time.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    collector::cli::main()
}
