//! `cargo run --release -p rpc-site` builds the page; with `check` it also plays every lesson in a browser, and with `play STORY`
//! it tells a story here.

use std::process::ExitCode;

#[cfg(not(target_family = "wasm"))]
mod browser;
#[cfg(not(target_family = "wasm"))]
mod build;
#[cfg(not(target_family = "wasm"))]
mod check;

#[cfg(target_family = "wasm")]
fn main() -> ExitCode {
    ExitCode::FAILURE // the module of the page is the other program
}

#[cfg(not(target_family = "wasm"))]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => build::build().map(|page| println!("open {}", page.display())),
        ["check"] => build::build().and_then(|page| check::check(&page, false)),
        ["check", "--screenshots"] => build::build().and_then(|page| check::check(&page, true)),
        ["play", story] => {
            println!("{}", rpc_site::ask::answer(&["play".to_owned(), story.to_owned()], String::new));
            Ok(())
        }
        _ => Err("usage: rpc-site [check [--screenshots] | play STORY]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("rpc-site: {wrong}");
            ExitCode::FAILURE
        }
    }
}
