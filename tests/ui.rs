//! What `#[rpc]` accepts without a warning, and what it says to each mistake: one folder per mistake under `ui/`;
//! and what rustc says to the lecture's races.
//!
//! `TRYBUILD=overwrite cargo test -p rpc-tests --test ui` writes the messages anew; read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn mistakes_are_told_and_the_rest_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("compiles/*.rs");
    cases.compile_fail("ui/*/*.rs");
    cases.compile_fail("../examples/5_vote_collector/refused/*.rs"); // what `vote --form racy` says of rustc
}

#[test]
fn each_rule_names_its_case_and_each_case_has_a_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = BTreeSet::new();
    collect(&root.join("../rpc-derive/codegen/src"), &mut named);
    let folders = fs::read_dir(root.join("ui")).expect("the cases");
    let cases: BTreeSet<String> =
        folders.map(|folder| folder.expect("a folder").file_name().into_string().expect("text")).collect();
    assert_eq!(named, cases);
}

/// The names that stand as `ui/name` in the documentation of rules.
fn collect(folder: &Path, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, named);
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        let names = text.split("`ui/").skip(1).filter_map(|rest| rest.split('`').next());
        named.extend(names.map(str::to_owned));
    }
}
