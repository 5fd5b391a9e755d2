//! The text of formats, its hash, and the first difference between two of them.

use rpc_core::types::{Formats, Traced, fingerprint, trace};
use serde::{Deserialize, Serialize};

fn read(text: &str) -> Formats {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_text_is_read_as_it_was_written() {
    for text in [
        "fn() -> ()",
        "fn(str, [u8; 4], Option<{u32: [bytes]}>, (u8,), (u8, ())) -> Result<char, i128>",
        "fn(Job) -> Job; struct Job { id: u64, \"a \\\" b\\\\\": f32 }",
        "fn(Page, Page'2, str'2) -> Tree; struct Page(u8, u16); struct Page'2(u8, u8); struct str'2 { x: u8 }; type Tree = [Tree]",
        "fn() -> E; enum E { A, B(u8), C { }, D { x: E, \"1 2\": u8 }, E(u8, u8) }",
    ] {
        assert_eq!(read(text).to_string(), text);
    }
}

#[test]
fn what_is_no_text_of_formats_is_refused_at_its_place() {
    let deep = format!("fn({}u8", "[".repeat(100_000));
    for text in [
        "",
        "fn",
        "fn(",
        "fn(u8",
        "fn(u8) -> ",
        "fn(Job) -> ()",
        "fn() -> () ",
        "fn(\") -> ()",
        "fn([u8; x]) -> ()",
        "fn(u8,) -> ()",
        "fn() -> (); struct A(u8)",
        &deep,
    ] {
        assert!(text.parse::<Formats>().is_err(), "{text}");
    }
}

#[test]
fn the_hash_is_over_the_text_with_numbers_for_names() {
    let fnv = |text: &str| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    };
    let formats = read("fn(Job, [Kind]) -> Result<(), Job>; struct Job { id: u64 }; enum Kind { A, B(Job) }");
    let hashed = "fn(#1, [#2]) -> Result<(), #1>; struct #1 { id: u64 }; enum #2 { A, B(#1) }";
    assert_eq!(fingerprint(&formats), fnv(hashed));
    let renamed =
        read("fn(Task, [Kind]) -> Result<(), Task>; struct Task { id: u64 }; enum Kind { A, B(Task) }");
    assert_eq!((fingerprint(&renamed), formats.difference(&renamed)), (fnv(hashed), None));
}

#[track_caller]
fn difference(here: &str, there: &str) -> String {
    let (here, there) = (read(here), read(there));
    assert_ne!(fingerprint(&here), fingerprint(&there));
    here.difference(&there).map_or_else(|| "none".to_owned(), |difference| difference.to_string())
}

#[test]
fn a_difference_is_named_by_its_path_with_both_sides() {
    let job = |fields: &str| format!("fn(u8, [Option<Job>]) -> (); struct Job {{ {fields} }}");
    assert_eq!(
        difference(&job("id: u64, priority: u8"), &job("id: u64, priority: u32")),
        "`Job.priority`: u8 here, u32 there"
    );
    assert_eq!(
        difference(&job("low: u8, high: u8"), &job("high: u8, low: u8")),
        "`Job`: the fields `low, high` here, the fields `high, low` there"
    );
    assert_eq!(
        difference("fn() -> E; enum E { A, B }", "fn() -> E; enum E { New, A, B }"),
        "`E`: the variants `A, B` here, the variants `New, A, B` there"
    );
    assert_eq!(
        difference("fn() -> E; enum E { A(u8, [str]) }", "fn() -> E; enum E { A(u8, [bytes]) }"),
        "`E::A.1[]`: str here, bytes there"
    );
    assert_eq!(difference("fn(u8, str) -> ()", "fn(u8, bytes) -> ()"), "`argument 2`: str here, bytes there");
    assert_eq!(
        difference("fn() -> {u8: str}", "fn() -> {u8: Option<str>}"),
        "`the reply{value}`: str here, Option<str> there"
    );
    assert_eq!(
        difference("fn() -> Result<(), u8>", "fn() -> Result<(), u16>"),
        "`the error`: u8 here, u16 there"
    );
    assert_eq!(
        difference("fn() -> A; struct A(u8)", "fn() -> A; enum A { X }"),
        "`A`: the struct `A` here, the enum `A` there"
    );
}

#[test]
fn variants_behind_those_of_both_are_no_difference() {
    for (here, there) in [("A, B(u8)", "A, B(u8), C"), ("A, B(u8), C(str)", "A, B(u8)")] {
        let read = |variants: &str| read(&format!("fn() -> Result<(), [E]>; enum E {{ {variants} }}"));
        assert_eq!(read(here).difference(&read(there)), None);
        assert_ne!(fingerprint(&read(here)), fingerprint(&read(there)));
    }
    assert_eq!(
        difference("fn() -> E; enum E { A(u8) }", "fn() -> E; enum E { A(u16), B }"),
        "`E::A.0`: u8 here, u16 there"
    );
}

#[derive(Serialize, Deserialize)]
struct List {
    value: u8,
    next: Option<Box<List>>,
}

#[test]
fn types_that_contain_themselves_are_compared_to_an_end() {
    let Traced::Formats(list) = trace::<(List,), (), ()>(false) else { panic!("it has a format") };
    assert_eq!(list.difference(&list.clone()), None);
    let other = read("fn(List) -> (); struct List { value: u16, next: Option<List> }");
    assert_eq!(
        list.difference(&other).map(|it| it.to_string()).as_deref(),
        Some("`List.value`: u8 here, u16 there")
    );
    let _ = |list: List| (list.value, list.next);
}
