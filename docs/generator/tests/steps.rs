//! Each step writes a part of what `#[rpc]` writes, and the last one writes all of it.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use rpc_codegen::print::expand_file;
use rpc_generator::{step1, step2, step3, step4, step5, step6, step7};
use syn::{File, Item, ItemTrait};

/// The most lines of a step: what one reads in a sitting.
const MOST_LINES: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn hello() -> String {
    read("examples/1_hello/main.rs")
}

/// Returns the trait with `#[rpc]` of a file.
fn trait_of(source: &str) -> ItemTrait {
    let items = syn::parse_file(source).expect("Rust").items;
    let found = items.into_iter().find_map(|item| match item {
        Item::Trait(item) => Some(item),
        _ => None,
    });
    found.expect("a trait")
}

/// Returns the tokens as text, each apart: the same for every formatting.
fn flat(tokens: impl ToTokens) -> String {
    tokens.to_token_stream().to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns tokens as a formatted file.
fn formatted(tokens: TokenStream) -> String {
    let file: File =
        syn::parse2(tokens).unwrap_or_else(|error| panic!("what is written is no Rust: {error}"));
    prettyplease::unparse(&file)
}

/// Returns what `rpc-expand` prints for the trait of a file: the items that are not in the source.
fn expanded(source: &str) -> String {
    let printed = expand_file(source).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let (source, printed) =
        (syn::parse_file(source).expect("Rust"), syn::parse_file(&printed).expect("Rust"));
    let own: Vec<String> = source.items.iter().map(flat).collect();
    let stubs = printed.items.into_iter().filter(|item| !own.contains(&flat(item)));
    prettyplease::unparse(&File {
        shebang: None,
        attrs: Vec::new(),
        items: stubs.collect(),
        frontmatter: None,
    })
}

/// Returns tokens without spaces, and without the commas at the ends of lists: those that a formatter puts there or takes away.
fn dense(tokens: impl ToTokens) -> String {
    let text: String = tokens.to_token_stream().to_string().replace("r\"", "\"").split_whitespace().collect();
    [",)", ",}", ",>", ",]", ",{"].iter().fold(text, |text, end| text.replace(end, &end[1..]))
}

/// Checks that the tokens stand in what `rpc-expand` prints for `hello`.
#[track_caller]
fn is_part(tokens: impl ToTokens) {
    let (part, whole) = (dense(tokens), dense(expanded(&hello()).parse::<TokenStream>().expect("Rust")));
    assert!(whole.contains(&part), "this is not written by `#[rpc]`:\n{part}\n\nit writes:\n{whole}");
}

#[test]
fn step_1_prints_the_method_of_a_client() {
    let text = step1::client_method("add", &[("x", "i64"), ("y", "i64")], "i64");
    is_part(text.parse::<TokenStream>().expect("Rust"));
    assert!(step1::client_method("get", &[("key", "&str")], "String").contains("&(key,))"));
}

#[test]
fn step_2_reads_a_trait_and_writes_what_step_1_prints() {
    let service = step2::read(trait_of(&hello()));
    let written = step2::client_method(&service.methods[0]);
    is_part(&written);
    let printed = step1::client_method("add", &[("x", "i64"), ("y", "i64")], "i64");
    assert!(
        dense(written).ends_with(&dense(printed.parse::<TokenStream>().expect("Rust"))),
        "and the documentation"
    );
    let kv = step2::read(trait_of(&read("tests/expand/kv.rs")));
    assert_eq!(kv.methods.iter().map(|method| method.is_idempotent).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn step_3_writes_the_server() {
    let service = step2::read(trait_of(&hello()));
    is_part(step3::server_type(&service));
    is_part(step3::server(&service));
}

#[test]
fn step_4_takes_results_apart_and_tells_what_is_wrong() {
    let mut kv = step2::read(trait_of(&read("tests/expand/kv.rs")));
    step4::read_results(&mut kv);
    let types: Vec<(String, String)> =
        kv.methods.iter().map(|method| (flat(&method.value), flat(&method.error))).collect();
    assert_eq!(types, [("String".into(), "KvError".into()), ("()".into(), "KvError".into())]);
    let wrong =
        "#[rpc]\ntrait Kv {\n    type Key;\n    fn get(&mut self, key: &str);\n    fn put(&mut self);\n}\n";
    let ours: Vec<(usize, usize, String)> = step4::mistakes(&trait_of(wrong))
        .iter()
        .map(|mistake| {
            let place = mistake.span().start();
            (place.line, place.column + 1, mistake.to_string())
        })
        .collect();
    let theirs = expand_file(wrong).expect_err("it is wrong");
    let theirs: Vec<(usize, usize, String)> =
        theirs.iter().map(|mistake| (mistake.line(), mistake.column(), mistake.to_string())).collect();
    assert_eq!(ours, theirs, "the same mistakes at the same places, in the same words");
    assert_eq!(ours.len(), 3);
}

#[test]
fn step_5_writes_the_client() {
    let service = step2::read(trait_of(&hello()));
    is_part(step5::client_type(&service));
    is_part(step5::client(&service));
    is_part(step5::start_type(&service));
    is_part(step5::start(&service));
}

#[test]
fn step_6_writes_the_contract() {
    let service = step2::read(trait_of(&hello()));
    is_part(step6::contract(&service));
    is_part(step6::client_trait(&service));
}

#[test]
fn step_7_writes_what_the_macro_writes() {
    for file in ["examples/1_hello/main.rs", "tests/expand/kv.rs", "examples/4_key_value/api.rs"] {
        let source = read(file);
        let ours = step7::expand(trait_of(&source)).unwrap_or_else(|mistakes| panic!("{file}: {mistakes:?}"));
        let (ours, theirs) = (formatted(ours), expanded(&source));
        let differs = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
        assert!(ours == theirs, "{file}: (this generator, rpc-expand): {differs:?}\n{ours}");
    }
}

#[test]
fn step_7_refuses_a_trait_that_is_wrong() {
    let wrong = step7::expand(trait_of("trait A { fn connect(&self); fn b(self, (c, d): (u8, u8)); }"));
    assert_eq!(wrong.expect_err("it is wrong").len(), 3);
}

#[test]
fn a_step_is_short() {
    for step in 1..=7 {
        let lines = read(&format!("docs/generator/src/step{step}.rs")).lines().count();
        assert!(lines <= MOST_LINES, "step {step} has {lines} lines");
    }
}
