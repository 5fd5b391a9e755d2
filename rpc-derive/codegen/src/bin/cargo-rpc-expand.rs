//! `cargo rpc-expand`: cargo runs this program for it, with `rpc-expand` as its first argument.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    arguments.next_if(|first| first == "rpc-expand");
    rpc_codegen::cli::run(arguments)
}
