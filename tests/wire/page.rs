//! Reads `docs/wire.md`: its hex blocks, and the rows of its tables.

use std::path::Path;

/// The page's text.
pub(crate) fn text() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    std::fs::read_to_string(root.join("docs/wire.md")).expect("the page is there")
}

/// The blocks that begin with three backticks and `hex NAME`, by name, without what follows `#`.
pub(crate) fn vectors(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut blocks = Vec::new();
    let mut inside: Option<(String, Vec<u8>)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```hex "), &mut inside) {
            (Some(name), None) => inside = Some((name.to_owned(), Vec::new())),
            (None, Some(_)) if line == "```" => blocks.extend(inside.take()),
            (None, Some((_, bytes))) => bytes.extend(hex(line.split('#').next().unwrap_or_default())),
            (None, None) => {}
            (Some(name), Some(_)) => panic!("the block before `{name}` does not end"),
        }
    }
    assert!(inside.is_none(), "the last block does not end");
    blocks
}

/// The rows of the table under the header row that begins with these cells: the cells of each, without backticks.
pub(crate) fn table(text: &str, header: &[&str]) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    let mut lines = text.lines();
    lines
        .find(|line| line.starts_with('|') && cells(line).iter().zip(header).all(|(cell, name)| cell == name))
        .unwrap_or_else(|| panic!("the page has no table {header:?}"));
    lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// Bytes from two digits each.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("`{digits}` is no byte"));
    text.split_whitespace().map(byte).collect()
}

/// Two digits for each byte.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

#[test]
fn blocks_and_tables_are_read() {
    let text = "```hex A\n01 02 # one\nff\n```\n| x | y |\n|---|---|\n| `a` | 1 |\n| b | |\n\n| z |\n";
    assert_eq!(vectors(text), [("A".to_owned(), vec![1, 2, 255])]);
    assert_eq!(table(text, &["x", "y"]), [["a", "1"], ["b", ""]]);
}
