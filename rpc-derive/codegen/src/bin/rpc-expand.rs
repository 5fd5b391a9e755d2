//! Prints a Rust file with the stubs of its `#[rpc]` traits written out.

use std::io::Write;
use std::process::ExitCode;

use rpc_codegen::print;

const USAGE: &str = "\
Prints a Rust file as #[rpc] expands it: each trait is followed by its stubs, all else is unchanged.

usage: rpc-expand FILE.rs

status: 0 printed; 1 the file has mistakes, each as `error: FILE:LINE:COLUMN: text`; 2 wrong usage";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag] if flag == "--help" || flag == "-h" => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        [file] if !file.starts_with('-') => expand(file),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn expand(file: &str) -> ExitCode {
    let source = match std::fs::read_to_string(file) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("error: {file}: {error}");
            return ExitCode::FAILURE;
        }
    };
    match print::expand_file(&source) {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE, // the reader closed the pipe, as `head` does
        },
        Err(diagnostics) => {
            for diagnostic in diagnostics {
                let (line, column) = (diagnostic.line(), diagnostic.column());
                eprintln!("error: {file}:{line}:{column}: {diagnostic}");
            }
            ExitCode::FAILURE
        }
    }
}
