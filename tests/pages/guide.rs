//! `docs/guide/`: each block of Rust on its pages stands in one of its programs, and its table of log lines is that of the sources.

use crate::text;

/// The folder of the pages, and of the programs below it.
const GUIDE: &str = "docs/guide";

#[test]
fn each_block_of_rust_on_a_page_stands_in_a_program() {
    let programs = text::below(&[GUIDE], "rs");
    let programs: Vec<_> = programs.iter().map(|(_, program)| text::flat(program)).collect();
    let pages = text::below(&[GUIDE], "md");
    let mut count = 0;
    for (page, text) in &pages {
        for block in text::blocks(text, "rust") {
            let wanted = text::flat(&block);
            let found = programs.iter().any(|program| program.contains(&wanted));
            assert!(!wanted.is_empty() && found, "{page}: no program of the guide has these lines:\n{block}");
            count += 1;
        }
    }
    assert!(count >= pages.len(), "{count} blocks on {} pages", pages.len());
}

#[test]
fn the_first_page_names_each_other_page() {
    let first = text::of("docs/guide/README.md");
    for (name, _) in text::below(&[GUIDE], "md") {
        assert!(
            name == "README.md" || first.contains(&format!("]({name})")),
            "README.md has no link to {name}"
        );
    }
}

/// Returns the texts of the events of these levels that the library reports.
fn events(levels: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, source) in text::below(&["rpc-core/src"], "rs") {
        let code = source.split("mod tests {").next().unwrap_or_default();
        for level in levels {
            let starts = code.match_indices(level).map(|(start, _)| &code[start + level.len()..]);
            found.extend(starts.map(|call| text_of(call, &file)));
        }
    }
    found
}

/// Returns the text of one event: the last string between the parentheses of the macro.
fn text_of(call: &str, file: &str) -> String {
    let (mut depth, mut in_string) = (1, false);
    let end = call.find(|letter| {
        match letter {
            '"' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let call = &call[..end.unwrap_or(call.len())];
    let text = call.rsplit('"').nth(1).unwrap_or_else(|| panic!("{file}: no text in {call}"));
    text.to_owned()
}

#[test]
fn the_page_explains_each_line_of_the_log_that_an_operator_sees() {
    let page = text::of("docs/guide/running.md");
    let events = events(&["log::error!(", "log::warn!(", "log::info!("]);
    assert!(events.len() > 15, "the sources are read: {events:?}");
    let unexplained = |text: &&String| !page.contains(&format!("| `{text}` |"));
    let missing: Vec<_> = events.iter().filter(unexplained).collect();
    assert!(missing.is_empty(), "running.md does not explain {missing:#?}");

    let rows = page.lines().filter_map(|row| row.split('|').nth(2)).map(str::trim);
    let lines = rows.filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
    let unknown: Vec<_> = lines.filter(|line| !events.iter().any(|text| text == line)).collect();
    assert!(unknown.is_empty(), "no event has these texts: {unknown:#?}");
}
