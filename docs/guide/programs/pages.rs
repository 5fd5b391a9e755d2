//! The pages of the guide against the programs: each block of Rust on a page stands in a program.

use std::fs;
use std::path::Path;

/// The folder of the guide.
const GUIDE: &str = env!("CARGO_MANIFEST_DIR");

/// Returns a text with one space in place of all white space: how its lines are broken does not matter.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the blocks of Rust of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "```rust" {
            let block: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// Returns the names and texts of the files of a folder that end so.
fn files(folder: &Path, end: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("the folder of the guide is there");
    let names =
        entries.map(|entry| entry.expect("it can be listed").file_name().into_string().expect("UTF-8"));
    names
        .filter(|name| name.ends_with(end))
        .map(|name| (name.clone(), fs::read_to_string(folder.join(&name)).expect("it can be read")))
        .collect()
}

#[test]
fn each_block_of_rust_on_a_page_stands_in_a_program() {
    let programs = files(&Path::new(GUIDE).join("programs"), ".rs");
    let programs: Vec<_> = programs.iter().map(|(_, program)| flat(program)).collect();
    let pages = files(Path::new(GUIDE), ".md");
    let mut count = 0;
    for (page, text) in &pages {
        for block in blocks(text) {
            let wanted = flat(&block);
            let found = programs.iter().any(|program| program.contains(&wanted));
            assert!(!wanted.is_empty() && found, "{page}: no program of the guide has these lines:\n{block}");
            count += 1;
        }
    }
    assert!(count >= pages.len(), "{count} blocks on {} pages", pages.len());
}

#[test]
fn the_first_page_names_each_other_page() {
    let pages = files(Path::new(GUIDE), ".md");
    let (_, first) = pages.iter().find(|(name, _)| name == "README.md").expect("it has a first page");
    for (name, _) in &pages {
        assert!(
            name == "README.md" || first.contains(&format!("]({name})")),
            "README.md has no link to {name}"
        );
    }
}
