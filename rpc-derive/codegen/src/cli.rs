//! The command line of `rpc-expand` and of `cargo rpc-expand`. Needs the feature `cli`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::print;

const USAGE: &str = "\
Prints Rust files as #[rpc] expands them: each trait is followed by its stubs, all else is unchanged.

usage: rpc-expand [FILE.rs ..]
       cargo rpc-expand [FILE.rs ..]

Without a file: all files below `src` that have an #[rpc] trait. Several are printed one after another, each behind a line
`// FILE`.

status: 0 printed; 1 a file has mistakes, each as `error: FILE:LINE:COLUMN: text`; 2 wrong usage";

/// The most folders that are searched inside each other: no crate has as many, and a link cannot make a circle.
const MAX_NESTING: usize = 32;

/// Runs the program with these arguments, that of its own name left out.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let is_flag = |argument: &PathBuf| argument.to_string_lossy().starts_with('-');
    match arguments.as_slice() {
        [flag] if flag.as_os_str() == "--help" || flag.as_os_str() == "-h" => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        some if some.iter().any(is_flag) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        [] => match below_src() {
            Ok(files) => print_all(&files),
            Err(text) => {
                eprintln!("error: {text}");
                ExitCode::FAILURE
            }
        },
        files => print_all(files),
    }
}

/// Returns the files below `src` that have an `#[rpc]` trait.
fn below_src() -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    find(Path::new("src"), MAX_NESTING, &mut files).map_err(|error| {
        format!("src: {error}. Run this in the folder of a crate, or name a file: `rpc-expand FILE.rs`")
    })?;
    files.sort();
    // A file that is not Rust says so itself, when it is printed.
    files.retain(|file| match std::fs::read_to_string(file) {
        Ok(source) => print::mentions_rpc(&source),
        Err(_) => true,
    });
    if files.is_empty() {
        return Err("no file below `src` has `#[rpc]` on a trait".to_owned());
    }
    Ok(files)
}

/// Adds the Rust files of a folder and of the folders in it.
fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if depth > 0 {
                find(&path, depth - 1, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn print_all(files: &[PathBuf]) -> ExitCode {
    let mut status = ExitCode::SUCCESS;
    for (at, file) in files.iter().enumerate() {
        let heading = (files.len() > 1).then(|| {
            let space = if at == 0 { "" } else { "\n" };
            format!("{space}// {}\n", file.display())
        });
        match expand(file) {
            Ok(text) => {
                let text = heading.unwrap_or_default() + &text;
                if io::stdout().write_all(text.as_bytes()).is_err() {
                    return ExitCode::FAILURE; // the reader closed the pipe, as `head` does
                }
            }
            Err(messages) => {
                messages.iter().for_each(|message| eprintln!("error: {message}"));
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

/// Returns a file as `#[rpc]` expands it, or the messages about it.
fn expand(file: &Path) -> Result<String, Vec<String>> {
    let name = file.display();
    let source = std::fs::read_to_string(file).map_err(|error| vec![format!("{name}: {error}")])?;
    print::expand_file(&source).map_err(|diagnostics| {
        let place = |found: &crate::report::Diagnostic| {
            format!("{name}:{}:{}: {found}", found.line(), found.column())
        };
        diagnostics.iter().map(place).collect()
    })
}
