//! The crate's root: each item that users need is named in the crate's documentation, and there are few of them.

use crate::text;

/// The most items at the root: about as many as a user can look through. Raise it for a new feature, not for an internal.
const MOST_ITEMS: usize = 66;

/// The names that the text of a crate's root exports, those that are hidden left out.
pub(crate) fn exported(root: &str) -> Vec<String> {
    let code: String =
        root.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut names = Vec::new();
    let mut hidden = false;
    for statement in code.split(';') {
        let Some((before, path)) = statement.split_once("pub use ") else { continue };
        hidden |= before.contains("doc(hidden)");
        if !std::mem::take(&mut hidden) {
            let list = path.rsplit("::").next().unwrap_or_default();
            let parts = list.split(|c: char| !c.is_alphanumeric() && c != '_');
            names.extend(parts.filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    names
}

/// The names that the `//!` comment of a file does not mention in backticks.
fn undocumented(root: &str) -> Vec<String> {
    let docs: Vec<&str> = root.lines().filter(|line| line.starts_with("//!")).collect();
    let docs = docs.join("\n");
    let named = |name: &String| docs.contains(&format!("`{name}`")) || docs.contains(&format!("::{name}`"));
    exported(root).into_iter().filter(|name| !named(name) && name != "rpc").collect()
}

#[test]
fn every_item_of_the_root_is_in_the_documentation_of_the_crate() {
    assert_eq!(undocumented(&text::of("rpc-core/src/lib.rs")), Vec::<String>::new());
}

#[test]
fn the_root_has_few_items() {
    let names = exported(&text::of("rpc-core/src/lib.rs"));
    assert!((20..=MOST_ITEMS).contains(&names.len()), "{}: {names:?}", names.len());
}

#[test]
fn an_item_without_documentation_is_found_and_a_hidden_one_is_not() {
    let root =
        "//! [`A`], `b`.\npub use a::{\n    A, C,\n};\n#[doc(hidden)] // why\npub use d::D;\npub use b;\n";
    assert_eq!(exported(root), ["A", "C", "b"]);
    assert_eq!(undocumented(root), ["C"]);
}
