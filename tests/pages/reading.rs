//! `docs/glossary.md` is in order. The reading guide is checked by `--test tidy`, which can read imports.

use crate::text;

#[test]
fn the_glossary_has_each_word_once_in_order() {
    let rows = text::table(&text::of("docs/glossary.md"), &["word", "means", "Go", "Rust", "中文"]);
    let words: Vec<String> = rows.iter().map(|row| row[0].to_lowercase()).collect();
    assert!(words.len() > 50);
    for pair in words.windows(2) {
        assert!(pair[0] < pair[1], "`{}` stands before `{}`", pair[0], pair[1]);
    }
}
