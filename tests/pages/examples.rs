//! The crates' roots: each item that users need has an example in its own documentation, and the example uses it.

use std::path::Path;

use crate::surface::exported;
use crate::text;

/// The crates whose roots are for users.
const CRATES: [&str; 3] = ["rpc-core", "rpc-sim", "rpc-metrics"];

/// The items without an example, each with the reason.
const WITHOUT: [(&str, &str); 14] = [
    ("serde", "a crate of others"),
    ("prometheus_client", "a crate of others"),
    ("BegunCall", "a hook of this project makes it and takes it back: users see its name alone"),
    (
        "ClientId",
        "of the bare state machines, which the proof of the protocol runs, and no test of a service",
    ),
    ("ClientSeen", "as `ClientId`"),
    ("Delivery", "as `ClientId`"),
    ("DurableFilter", "a store implements it, and `rpc-store` has one: users give that to the server"),
    ("Job", "as `ClientId`"),
    ("JobDone", "as `ClientId`"),
    ("LinkId", "as `ClientId`"),
    ("Mangler", "as `ClientId`"),
    ("Sent", "as `ClientId`"),
    ("ServerSeen", "as `ClientId`"),
    ("World", "as `ClientId`"),
];

/// The documentation of one item.
#[derive(Debug)]
struct Item {
    name: String,
    docs: String,
}

/// The name of the item that a line declares.
fn declared(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let (kind, rest) = rest.split_once(' ')?;
    let is_item = matches!(kind, "struct" | "enum" | "trait" | "fn" | "const" | "type" | "static");
    is_item.then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
}

/// The items that a source declares, with their documentation. `include` reads a file beside it.
fn items(source: &str, include: impl Fn(&str) -> String) -> Vec<Item> {
    let (mut found, mut docs) = (Vec::new(), String::new());
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("///") {
            docs.push_str(text.strip_prefix(' ').unwrap_or(text));
            docs.push('\n');
        } else if let Some(file) = line.strip_prefix("#[doc = include_str!(\"") {
            docs.push_str(&include(file.trim_end_matches("\")]")));
        } else if let Some(name) = declared(line) {
            found.push(Item { name: name.to_owned(), docs: std::mem::take(&mut docs) });
        } else if line.is_empty() || line.starts_with('}') {
            docs.clear();
        }
    }
    found
}

/// Returns true if a block of Rust in the documentation, which is compiled, uses the item.
fn has_example(item: &Item) -> bool {
    let (mut block, mut used) = (None, false);
    for line in item.docs.lines() {
        match (line.strip_prefix("```"), block) {
            (Some(opening), None) => block = Some(matches!(opening, "" | "no_run" | "should_panic")),
            (Some(_), Some(_)) => block = None,
            (None, Some(true)) => {
                let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
                used |= words.any(|word| word == item.name);
            }
            (None, _) => {}
        }
    }
    used
}

/// The items at the root of a crate whose documentation has no example.
fn without_example(names: &[String], items: &[Item]) -> Vec<String> {
    let has = |name: &String| items.iter().any(|item| item.name == *name && has_example(item));
    names.iter().filter(|name| !has(name)).cloned().collect()
}

/// The items of a crate, and those at its root without an example.
fn of_crate(name: &str) -> Vec<String> {
    let folder = format!("{name}/src");
    let mut all = Vec::new();
    for (path, source) in text::paths_below(&[&folder], "rs") {
        let beside = |file: &str| {
            let path = path.parent().unwrap_or(Path::new("")).join(file);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        all.extend(items(&source, beside));
    }
    let root = text::of(&format!("{folder}/lib.rs"));
    let mut names = exported(&root);
    names.extend(items(&root, |_| String::new()).into_iter().map(|item| item.name));
    assert!(names.len() >= 4, "{name}: {names:?}");
    names.retain(|name| name != "rpc"); // its example is that of the package `rpc-derive`
    without_example(&names, &all)
}

#[test]
fn each_item_at_the_root_of_a_crate_has_an_example() {
    let missing: Vec<String> = CRATES.iter().flat_map(|name| of_crate(name)).collect();
    let excused = |name: &String| WITHOUT.iter().any(|(without, _)| without == name);
    let without: Vec<_> = missing.iter().filter(|name| !excused(name)).collect();
    assert!(without.is_empty(), "write an example that uses it into the documentation of {without:?}");
    for (name, why) in WITHOUT {
        assert!(missing.iter().any(|missing| missing == name), "`{name}` ({why}) has one, or is gone");
    }
}

#[test]
fn an_item_without_an_example_is_found() {
    let source = "/// A.\n///\n/// ```\n/// use a::A;\n/// ```\n#[derive(Debug)]\npub struct A;\n\n\
                  /// B.\n/// ```text\n/// B\n/// ```\npub enum B {}\n\n\
                  /// ```ignore\n/// C\n/// ```\npub fn C() {}\n\n\
                  /// ```no_run\n/// let _ = AnotherD;\n/// ```\npub trait D {}\n\n\
                  #[doc = include_str!(\"e.md\")]\npub const E: u8 = 1;\n";
    let items = items(source, |file| format!("```\nlet {} = E;\n```\n", file.replace('.', "_")));
    let names: Vec<String> = ["A", "B", "C", "D", "E", "F"].map(str::to_owned).into();
    assert_eq!(without_example(&names, &items), ["B", "C", "D", "F"]);
}
