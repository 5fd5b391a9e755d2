//! `docs/guide/changing_a_service.md`: each row of its tables is a test, each test is a row, and the refusal that it shows is the real
//! one.

use std::collections::BTreeSet;

use crate::text;

const PAGE: &str = "docs/guide/changing_a_service.md";
const PROGRAM: &str = "docs/guide/programs/changing_a_service.rs";

#[test]
fn each_row_is_a_test_and_each_test_a_row() {
    let page = text::of(PAGE);
    let mut rows = Vec::new();
    for second in ["why", "what to do instead", "what happens"] {
        rows.extend(text::table(&page, &["change", second, "test"]).into_iter().map(|row| row[2].clone()));
    }
    let program = text::of(PROGRAM);
    let tests = program.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
    let tests: BTreeSet<String> = tests.map(str::to_owned).collect();
    assert_eq!(rows.len(), tests.len(), "a test is in two rows, or in none");
    assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), tests);
}

#[test]
fn the_refusal_of_the_page_is_the_one_that_the_program_asserts() {
    let said = text::blocks(&text::of(PAGE), "text");
    let [refusal] = &said[..] else { panic!("one message") };
    let program = text::flat(&text::of(PROGRAM)).replace("\\ ", ""); // a text that goes on in the next line
    assert!(program.contains(&text::flat(refusal)), "{refusal}");
}
