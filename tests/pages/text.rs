//! Reads a page: its tables and its blocks of code.

use std::path::Path;

/// The text of a file of the repository.
pub(crate) fn of(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of the table whose header begins with these cells, without backticks.
pub(crate) fn table(text: &str, header: &[&str]) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    let begins = |line: &&str| {
        line.starts_with('|') && cells(line).iter().zip(header).all(|(cell, name)| cell == name)
    };
    let mut lines = text.lines();
    lines.find(begins).unwrap_or_else(|| panic!("there is no table {header:?}"));
    lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The blocks of code in this language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let after = text.split(opening.as_str()).skip(1);
    after.filter_map(|rest| rest.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}
