//! Prints Rust files with the stubs of their `#[rpc]` traits written out.

use std::process::ExitCode;

fn main() -> ExitCode {
    rpc_codegen::cli::run(std::env::args_os().skip(1))
}
