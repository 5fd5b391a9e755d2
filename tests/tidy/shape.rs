//! Sizes, first lines and names of files.

use crate::source::{Broken, House, blank, tokens};

/// Lines of a file, tests included. Aim at 250.
const LONGEST_FILE: usize = 400;
/// Lines of a function, from `fn` to its last brace. Aim at 40.
const LONGEST_FUNCTION: usize = 70;
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "common", "helpers", "helper", "misc", "shared_utils", "stuff"];

pub(crate) fn long_files(house: &House) -> Vec<Broken> {
    let long = house.rust.iter().filter_map(|file| {
        let lines = file.text.lines().count();
        let what = format!("{lines} lines, over the {LONGEST_FILE} of a file");
        let instead = "divide it by what it does, or move its tests into a file of their own";
        (lines > LONGEST_FILE).then(|| file.broken(LONGEST_FILE + 1, what, instead))
    });
    long.collect()
}

pub(crate) fn long_functions(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in &house.rust {
        let code = blank(&file.text);
        let tokens = tokens(&code);
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.text == "fn") {
            let name = tokens.get(at + 1).map_or("", |token| token.text);
            let Some(last) = last_line(&tokens[at..]) else { continue };
            let lines = last - token.line + 1;
            if lines > LONGEST_FUNCTION {
                let what = format!("`{name}` has {lines} lines, over the {LONGEST_FUNCTION} of a function");
                broken.push(file.broken(token.line, what, "give its parts names"));
            }
        }
    }
    broken
}

/// The line of the brace that ends the function that `tokens` begin with; none for a declaration or a type.
fn last_line(tokens: &[crate::source::Token<'_>]) -> Option<usize> {
    let (mut braces, mut round) = (0usize, 0isize);
    for token in tokens {
        match token.text {
            "(" | "[" => round += 1,
            ")" | "]" => round -= 1,
            ";" if braces == 0 && round == 0 => return None,
            "{" => braces += 1,
            "}" if braces == 1 => return Some(token.line),
            "}" => braces = braces.checked_sub(1)?,
            _ if round < 0 => return None, // `fn(A) -> B` as an argument's type
            _ => {}
        }
    }
    None
}

/// Files that do not open with one sentence of purpose: `//!`.
pub(crate) fn files_without_purpose(house: &House) -> Vec<Broken> {
    let silent = house.rust.iter().filter(|file| {
        let first = file.text.lines().next().unwrap_or_default();
        first.strip_prefix("//!").is_none_or(|purpose| purpose.trim().len() <= 3)
    });
    silent
        .map(|file| {
            let what = "the file does not open with `//!` and its purpose".to_owned();
            file.broken(1, what, "say in one sentence what it is for")
        })
        .collect()
}

pub(crate) fn empty_names(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in &house.rust {
        let folders = file.path.rsplit('/').skip(1);
        if let Some(name) = folders.chain([file.stem()]).find(|name| EMPTY_NAMES.contains(name)) {
            let what = format!("`{name}` says nothing of what is inside");
            broken.push(file.broken(1, what, "name it for what it does"));
        }
    }
    broken
}

#[test]
fn a_long_file_is_found_and_one_at_the_limit_is_not() {
    assert_eq!(long_files(&House::with("a.rs", &"x\n".repeat(400))), []);
    assert_eq!(long_files(&House::with("a.rs", &"x\n".repeat(401))).len(), 1);
}

#[test]
fn a_long_function_is_found_and_one_at_the_limit_is_not() {
    let function = |lines: usize| {
        format!("impl A {{\nfn f(a: [u8; 4], g: fn(u8) -> u8) {{\n{}}}\n}}\n", "x;\n".repeat(lines - 2))
    };
    assert_eq!(long_functions(&House::with("a.rs", &function(70))), []);
    let found = long_functions(&House::with("a.rs", &function(71)));
    assert_eq!(found.iter().map(|broken| broken.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_declaration_is_no_function() {
    let text = format!("trait A {{\nfn f(&self) -> [u8; 4];\n{}}}", "const X: u8 = 1;\n".repeat(90));
    assert_eq!(long_functions(&House::with("a.rs", &text)), []);
}

#[test]
fn a_file_without_purpose_is_found() {
    assert_eq!(files_without_purpose(&House::with("a.rs", "use std::fmt;")).len(), 1);
    assert_eq!(files_without_purpose(&House::with("a.rs", "//!\nuse std::fmt;")).len(), 1);
    assert_eq!(files_without_purpose(&House::with("a.rs", "//! What it is for.\n")), []);
}

#[test]
fn an_empty_name_is_found_as_a_file_and_as_a_folder() {
    assert_eq!(empty_names(&House::with("src/utils.rs", "")).len(), 1);
    assert_eq!(empty_names(&House::with("src/common/mod.rs", "")).len(), 1);
    assert_eq!(empty_names(&House::with("src/wire/frame.rs", "")), []);
}
