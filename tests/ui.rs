//! Checks that `#[rpc]` accepts all of `compiles/` without a warning, and its message for each mistake under `ui/`; and the
//! messages of rustc for the lecture's races.
//!
//! `TRYBUILD=overwrite cargo test -p rpc-tests --test ui` writes the messages again; read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn each_mistake_has_its_message_and_the_rest_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("compiles/*.rs");
    cases.compile_fail("ui/*/*.rs");
    cases.compile_fail("../examples/5_vote_collector/refused/*.rs"); // what `vote --form racy` says of rustc
}

#[test]
fn each_case_is_named_by_a_rule_and_each_name_is_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = BTreeSet::new();
    for (_, text) in sources() {
        named.extend(cases(&text).map(str::to_owned));
    }
    let folders = fs::read_dir(root.join("ui")).expect("the cases");
    let cases: BTreeSet<String> =
        folders.map(|folder| folder.expect("a folder").file_name().into_string().expect("text")).collect();
    assert_eq!(named, cases);
}

#[test]
fn each_function_that_reports_a_mistake_names_its_case() {
    let mut silent = Vec::new();
    let mut rules = 0;
    for (file, text) in sources() {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (name, documentation) in reporting_functions(text) {
            rules += 1;
            if !documentation.contains("Proved by") || cases(&documentation).next().is_none() {
                silent.push(format!("{}: `{name}`", file.display()));
            }
        }
    }
    assert!(rules > 25, "the search finds only {rules} rules");
    assert!(silent.is_empty(), "these report a mistake and name no case:\n{}", silent.join("\n"));
}

#[test]
fn a_rule_without_a_case_is_found() {
    let rule = "/// A rule.\nfn rule(report: &mut Report) {\n    report.at(token, \"no\");\n}\n";
    let no_rule = "/// No rule.\nfn other() {\n    other();\n}\n";
    let found = reporting_functions(&format!("{no_rule}{rule}{no_rule}"));
    assert_eq!(found, [("rule".to_owned(), "/// A rule.\n".to_owned())]);
}

/// Returns the source files of the macro.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../rpc-derive/codegen/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("text");
                found.push((path, text));
            }
        }
    }
    found
}

/// Returns the names of cases in a text, which are written `ui/name`.
fn cases(text: &str) -> impl Iterator<Item = &str> {
    text.split("`ui/").skip(1).filter_map(|rest| rest.split('`').next())
}

/// Returns the functions that report a mistake in words of their own, each with its documentation.
fn reporting_functions(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let (mut documentation, mut current) = (String::new(), None);
    for line in text.lines() {
        let code = line.trim_start();
        if code.starts_with("///") {
            documentation.push_str(code);
            documentation.push('\n');
        } else if let Some((before, after)) = code.split_once("fn ").filter(|(before, _)| is_start(before)) {
            let name = after.split(['(', '<']).next().unwrap_or_default();
            current = Some((format!("{before}{name}"), std::mem::take(&mut documentation)));
        } else if !code.starts_with('#') {
            documentation.clear();
        }
        let reports = [".at(", ".at_span("].iter().any(|call| line.contains(&format!("report{call}")))
            || code.starts_with(".at(");
        if reports {
            found.extend(current.take());
        }
    }
    found
}

/// Returns true if a function starts after these words.
fn is_start(before: &str) -> bool {
    matches!(before.trim(), "" | "pub" | "pub(super)" | "pub(crate)")
}
