//! Reads pages and sources: their text, their tables and their blocks of code.

use std::path::{Path, PathBuf};

/// The path of a file or folder of the repository.
fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").join(path)
}

/// The text of a file of the repository.
pub(crate) fn of(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names and texts of all files below these folders of the repository whose names end in `.` and this extension.
pub(crate) fn below(folders: &[&str], extension: &str) -> Vec<(String, String)> {
    let name = |path: PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
    paths_below(folders, extension).into_iter().map(|(path, text)| (name(path), text)).collect()
}

/// The paths and texts of these files.
pub(crate) fn paths_below(folders: &[&str], extension: &str) -> Vec<(PathBuf, String)> {
    let mut folders: Vec<_> = folders.iter().map(|folder| in_repository(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                let text = std::fs::read_to_string(&path).expect("a text");
                files.push((path, text));
            }
        }
    }
    files
}

/// A text with one space in place of all white space: how its lines are broken does not matter.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
