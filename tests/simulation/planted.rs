//! The list of planted faults fits the sources: a fault that cannot be planted proves nothing.

use std::path::Path;

use rpc_tests::mutants::parse;

#[test]
fn every_planted_fault_finds_its_place_in_the_sources_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let read = |file: &str| std::fs::read_to_string(root.join(file)).expect(file);
    let mutants = parse(&read("tests/mutants/mutants.txt"));
    assert!(mutants.len() >= 40, "the list was not read");
    let mut lost = Vec::new();
    for mutant in &mutants {
        let mut texts: Vec<(&str, String)> = Vec::new();
        for (file, old, new) in &mutant.patches {
            if !texts.iter().any(|(known, _)| known == file) {
                texts.push((file, read(file)));
            }
            let (_, text) = texts.iter_mut().find(|(known, _)| known == file).expect("just added");
            if text.matches(old.as_str()).count() != 1 {
                lost.push(format!("{}: in {file}", mutant.name));
            }
            *text = text.replace(old.as_str(), new);
        }
    }
    assert!(lost.is_empty(), "correct tests/mutants/mutants.txt:\n{}", lost.join("\n"));
}
