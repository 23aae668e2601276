# The commands of this project. `make run` shows it working; `make test` proves it.

.PHONY: run web test test-all lint bench build

# The demonstration: everything on this machine, one crawl of a local network. ONCE=1 ends after the result.
run:
	@scripts/run

# The dashboard, which `build` puts into the binary. Without npm the binary says how to build it.
web:
	@scripts/web build

build: web
	cargo build --release --locked

# The first tier: every promise once, with the real services it needs.
test:
	@scripts/test

# The second tier: what takes minutes or needs partners installed first. ONLY=name for one module of tests/all.
test-all:
	@scripts/test all $(ONLY)

lint:
	@scripts/web lint
	cargo fmt --check
	rustfmt --edition 2024 --check platforms/*.rs
	cargo clippy --locked --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --quiet

# What the README claims, measured on this machine.
bench: build
	$${CARGO_TARGET_DIR:-target}/release/collector bench queue
	$${CARGO_TARGET_DIR:-target}/release/collector bench crawl
	$${CARGO_TARGET_DIR:-target}/release/collector bench network
