//! The nesting that a setting allows: both sides keep to it, their errors name it, and its stack is enough.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::thread;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use rpc_core::limits::{Bounds, MOST_NESTING, Nesting, STACK_PER_LEVEL};
use rpc_core::wire::codec::{EncodeError, decode_within, encode};

/// The settings of both sides that allow so many levels.
fn both(nesting: u32) -> [Nesting; 2] {
    [Nesting::of_client(nesting), Nesting::of_server(nesting)]
}

/// Runs on a thread with the stack that these levels get.
fn with_stack_of(levels: u32, work: fn(u32)) {
    let stack = both(levels)[1].stack().expect("more than is usual");
    let thread = thread::Builder::new().stack_size(stack).spawn(move || work(levels));
    thread.expect("a thread").join().expect("it fits");
}

/// The largest of a service's types: an enum of 12 variants, with lists and maps of itself.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    End,
    Flag(bool),
    Number(u64),
    Text(String),
    Pair(String, u64),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
    Optional(Option<Box<Tree>>),
    Boxed(Box<Tree>),
    Named { next: Box<Tree>, name: String },
    Both(Box<Tree>, Box<Tree>),
    Bottom(Bottom),
}

/// Notes the place of the stack where it is written or read.
#[derive(Debug, PartialEq)]
struct Bottom;

thread_local!(static LOWEST: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

/// Returns the place of the stack here.
#[inline(never)]
fn place() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl Serialize for Bottom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        LOWEST.set(place());
        serializer.serialize_u8(7)
    }
}

impl<'de> Deserialize<'de> for Bottom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LOWEST.set(place());
        u8::deserialize(deserializer).map(|_| Bottom)
    }
}

/// A way to wrap a tree, with its name and the levels that it adds.
type Wrap = (&'static str, u32, fn(Tree) -> Tree);

const WRAPS: [Wrap; 6] = [
    ("newtype variant", 1, |tree| Tree::Boxed(Box::new(tree))),
    ("struct variant", 1, |next| Tree::Named { next: Box::new(next), name: String::new() }),
    ("tuple variant", 1, |tree| Tree::Both(Box::new(Tree::End), Box::new(tree))),
    ("option", 2, |tree| Tree::Optional(Some(Box::new(tree)))),
    ("list", 2, |tree| Tree::List(vec![tree])),
    ("map", 2, |tree| Tree::Map(BTreeMap::from([(String::new(), tree)]))),
];

/// Returns the value that has so many levels, or one less.
fn tree(levels: u32, step: u32, wrap: fn(Tree) -> Tree) -> Tree {
    (0..(levels - 1) / step).fold(Tree::Bottom(Bottom), |tree, _| wrap(tree))
}

#[test]
fn both_sides_draw_the_line_at_the_nesting_of_their_setting() {
    with_stack_of(1000, |levels| {
        for (name, step, wrap) in WRAPS {
            for nesting in both(levels) {
                let bounds = Bounds { bytes: usize::MAX, nesting };
                let value = tree(levels, step, wrap);
                let mut bytes = Vec::new();
                assert_eq!(encode(&value, &mut bytes, bounds), Ok(()), "{name}");
                assert_eq!(decode_within(&bytes, nesting), Ok(value), "{name}");
                let value = wrap(tree(levels, step, wrap));
                assert_eq!(
                    encode(&value, &mut Vec::new(), bounds),
                    Err(EncodeError::TooDeep(nesting)),
                    "{name}"
                );
                let more = Bounds { bytes: usize::MAX, nesting: Nesting::of_client(levels + 2) };
                let mut bytes = Vec::new();
                assert_eq!(encode(&value, &mut bytes, more), Ok(()), "{name}");
                let said = decode_within::<Tree>(&bytes, nesting).expect_err("one beyond").to_string();
                assert!(said.starts_with("nested too deep: at most 1000 levels"), "{name}: {said}");
            }
        }
    });
}

#[test]
fn the_error_names_the_setting_of_the_side_that_refuses() {
    let [client, server] = both(1);
    let two_levels = (Some(1_u8),);
    let mut bytes = Vec::new();
    encode(&two_levels, &mut bytes, 64).expect("it fits");
    for (nesting, said) in [
        (client, "nested too deep: at most 1 levels, which is the client's setting `ClientLimits::nesting`"),
        (server, "nested too deep: at most 1 levels, which is the server's setting `ServerLimits::nesting`"),
    ] {
        let bounds = Bounds { bytes: 64, nesting };
        let refused = encode(&two_levels, &mut Vec::new(), bounds).expect_err("two levels");
        assert_eq!(refused.to_string(), said);
        let refused = decode_within::<(Option<u8>,)>(&bytes, nesting).expect_err("two levels");
        assert_eq!(refused.to_string(), said);
    }
}

/// Returns the bytes of stack between here and the bottom of the value, for each of its levels.
fn stack_of_a_level(levels: u32, work: impl FnOnce()) -> usize {
    let top = place();
    work();
    top.abs_diff(LOWEST.get()) / levels as usize
}

#[test]
fn a_level_of_a_large_type_takes_less_than_its_share_of_the_stack() {
    with_stack_of(MOST_NESTING, |levels| {
        let nesting = both(levels)[1];
        for (name, step, wrap) in WRAPS {
            let (value, mut bytes) = (tree(levels, step, wrap), Vec::new());
            let bounds = Bounds { bytes: usize::MAX, nesting };
            let out = stack_of_a_level(levels, || encode(&value, &mut bytes, bounds).expect("it fits"));
            let mut read = None;
            let into = stack_of_a_level(levels, || read = decode_within::<Tree>(&bytes, nesting).ok());
            assert_eq!(read, Some(value), "{name}");
            eprintln!("{name}: {out} bytes of stack for a level to encode, {into} to decode");
            assert!(out.max(into) < STACK_PER_LEVEL / 4, "{name}: {out} and {into}");
        }
    });
}
