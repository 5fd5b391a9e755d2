//! `docs/glossary.md` is in order, and `docs/reading_guide.md` names every room.

use std::path::Path;

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

#[test]
fn the_reading_guide_names_every_room() {
    let guide = text::of("docs/reading_guide.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    for entry in std::fs::read_dir(root.join("rpc-core/src")).expect("the library is there") {
        let name = entry.expect("its entries as well").file_name().to_string_lossy().into_owned();
        let named = name == "lib.rs" || guide.contains(&format!("../rpc-core/src/{name}"));
        assert!(named, "docs/reading_guide.md does not name rpc-core/src/{name}");
    }
}
