//! Types that a user derives: structs, enums, generics, recursion, and serde's attributes that the codec can carry.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::text;

#[derive(Serialize, Deserialize)]
struct Job<'a> {
    id: u64,
    name: &'a str,
    body: Cow<'a, [u8]>,
    priority: Option<Option<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Metres(u32);

#[derive(Serialize, Deserialize)]
struct Pair(u8, u16);

#[derive(Serialize, Deserialize)]
struct Nothing;

#[derive(Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(Metres),
    Line(u8, Pair),
    Text { at: u8, text: String },
}

#[derive(Serialize, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Bare(Vec<Bare>);

#[derive(Serialize, Deserialize)]
enum Expr {
    Add(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Of(Term),
    Lit(i64),
}

#[derive(Serialize, Deserialize)]
enum Term {
    Inside(Box<Expr>),
    Named { name: String, then: Option<Box<Term>> },
}

#[derive(Serialize, Deserialize)]
enum Json {
    Null,
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Map(BTreeMap<String, Json>),
}

#[test]
fn a_simple_type_is_one_word() {
    assert_eq!(text::<()>(), "()");
    assert_eq!(
        (text::<bool>(), text::<char>(), text::<&str>(), text::<String>()),
        ("bool".into(), "char".into(), "str".into(), "str".into())
    );
    assert_eq!(
        (text::<usize>(), text::<isize>(), text::<u128>(), text::<i128>()),
        ("u64".into(), "i64".into(), "u128".into(), "i128".into())
    );
    assert_eq!((text::<f32>(), text::<f64>(), text::<Nothing>()), ("f32".into(), "f64".into(), "()".into()));
}

#[test]
fn bytes_and_lists_of_bytes_are_the_same_as_on_the_wire() {
    for text in [text::<&[u8]>(), text::<Vec<u8>>(), text::<serde_bytes::ByteBuf>(), text::<bytes::Bytes>()] {
        assert_eq!(text, "bytes");
    }
    assert_eq!((text::<[u8; 4]>(), text::<(u8, u8)>()), ("[u8; 4]".into(), "[u8; 2]".into()));
}

#[test]
fn collections_options_and_tuples_show_what_is_in_them() {
    assert_eq!(text::<Vec<(u8, String)>>(), "[(u8, str)]");
    assert_eq!(text::<HashMap<u32, HashSet<i8>>>(), "{u32: [i8]}");
    assert_eq!(text::<Option<Option<(u8,)>>>(), "Option<Option<(u8,)>>");
    assert_eq!(text::<[Option<Vec<u16>>; 3]>(), "[Option<[u16]>; 3]");
    assert_eq!(text::<Result<Box<u8>, Box<str>>>(), "Result'2; enum Result'2 { Ok(u8), Err(str) }");
}

#[test]
fn structs_and_enums_are_defined_once_and_newtypes_are_what_is_in_them() {
    assert_eq!(
        text::<(Job<'_>, Metres)>(),
        "(Job, u32); struct Job { id: u64, name: str, body: bytes, priority: Option<Option<u8>> }"
    );
    assert_eq!(
        text::<Vec<Shape>>(),
        "[Shape]; enum Shape { Empty, Circle(u32), Line(u8, Pair), Text { at: u8, text: str } }; struct Pair(u8, u16)"
    );
}

#[test]
fn a_generic_type_that_is_used_twice_is_two_types() {
    assert_eq!(
        text::<(Page<u8>, Page<String>, Page<u8>)>(),
        "(Page, Page'2, Page); struct Page { items: bytes, next: Option<u64> }; \
         struct Page'2 { items: [str], next: Option<u64> }"
    );
}

#[test]
fn a_type_that_contains_itself_has_a_name_for_that() {
    assert_eq!(text::<Tree>(), "Tree; type Tree = [Tree]");
    assert_eq!(text::<Bare>(), "Recursive; type Recursive = [Recursive]");
    assert_eq!(
        text::<Expr>(),
        "Expr; enum Expr { Add(Expr, Expr), Not(Expr), Of(Term), Lit(i64) }; \
         enum Term { Inside(Expr), Named { name: str, then: Option<Term> } }"
    );
    assert_eq!(
        text::<Json>(),
        "Json; enum Json { Null, Number(f64), Text(str), List([Json]), Map({str: Json}) }"
    );
}

#[derive(Serialize, Deserialize)]
struct Odd {
    #[serde(rename = "type of; it")]
    kind: u8,
    #[serde(alias = "old", alias = "older")]
    now: u16,
    #[serde(skip)]
    cache: u32,
    #[serde(default)]
    late: u64,
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
    choice: Choice,
}

#[derive(Serialize, Deserialize)]
enum Choice {
    #[serde(alias = "Aye")]
    Yes,
    No(u8),
    #[serde(skip)]
    #[allow(dead_code, reason = "it is never made")]
    Perhaps,
}

#[test]
fn attributes_that_the_codec_can_carry_are_traced() {
    assert_eq!(
        text::<Odd>(),
        "Odd; struct Odd { \"type of; it\": u8, now: u16, late: u64, body: bytes, choice: Choice }; \
         enum Choice { Yes, No(u8) }"
    );
    let of = |odd: Odd| (odd.kind, odd.now, odd.cache, odd.late, odd.body);
    let _ = (of, Choice::Yes);
}

#[derive(Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
#[derive(Clone)]
struct Range {
    low: u32,
    high: u32,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    low: u32,
    high: u32,
    name: String,
}

impl TryFrom<Raw> for Range {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Range, &'static str> {
        if raw.low < raw.high {
            Ok(Range { low: raw.low, high: raw.high })
        } else {
            Err("low must be below high")
        }
    }
}

impl From<Range> for Raw {
    fn from(range: Range) -> Raw {
        Raw { low: range.low, high: range.high, name: String::new() }
    }
}

#[test]
fn a_type_that_checks_its_values_is_tried_with_others() {
    assert_eq!(text::<Range>(), "Raw; struct Raw { low: u32, high: u32, name: str }");
    assert_eq!(text::<Vec<Range>>(), "[Raw]; struct Raw { low: u32, high: u32, name: str }");
}
