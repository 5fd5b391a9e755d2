//! Tests of the guard: the values that it refuses, at the exact bounds.

mod memory;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

use crate::limits::{DEFAULT_NESTING, Nesting, SPARE_ELEMENTS};
use crate::wire::codec::{EncodeError, bare, decode, encode};

/// Encodes after a head, which must not change, and must be alone if there is an error.
fn appended<T: Serialize>(value: &T) -> (Vec<u8>, Result<(), EncodeError>) {
    let mut into = b"head".to_vec();
    let result = encode(value, &mut into, usize::MAX);
    assert!(into.starts_with(b"head") && (result.is_ok() || into.len() == 4));
    (into.split_off(4), result)
}

fn encoded<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let (bytes, result) = appended(value);
    result.map(|()| bytes)
}

fn refusal<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> String {
    decode::<T>(bytes).err().expect("is refused").to_string()
}

fn length(len: u64) -> Vec<u8> {
    len.to_le_bytes().to_vec()
}

// ---- depth

const TOO_DEEP: &str = "nested too deep: at most 64 levels";
const TOO_DEEP_HERE: EncodeError = EncodeError::TooDeep(Nesting::DEFAULT);

/// Wraps `value` until it is refused: both sides must draw the line at [`DEFAULT_NESTING`], where `value` is `levels` deep
/// and each wrap adds `step`.
fn line<T>(mut value: T, mut levels: u32, step: u32, wrap: impl Fn(T) -> T)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug,
{
    while levels < DEFAULT_NESTING + 6 {
        let mut bytes = Vec::new();
        assert!(bare::encode(&value, &mut bytes));
        if levels <= DEFAULT_NESTING {
            assert_eq!(encoded(&value).as_ref(), Ok(&bytes), "{levels}");
            assert_eq!(decode::<T>(&bytes).as_ref(), Ok(&value), "{levels}");
        } else {
            assert_eq!(encoded(&value), Err(TOO_DEEP_HERE), "{levels}");
            assert_eq!(refusal::<T>(&bytes), TOO_DEEP, "{levels}");
        }
        value = wrap(value);
        levels += step;
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Chain {
    End,
    Link(Box<Chain>),
    Pair(u8, Box<Chain>),
    Named { next: Box<Chain> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Options(Option<Box<Options>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(Option<Box<Newtype>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TupleStruct(u8, Option<Box<TupleStruct>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Tuple((u8, Option<Box<Tuple>>));

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Struct {
    next: Option<Box<Struct>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct List(Vec<List>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Map(BTreeMap<u8, Map>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Keys(BTreeMap<Keys, u8>);

#[test]
fn both_sides_draw_the_line_at_the_same_depth() {
    line(Chain::End, 1, 1, |next| Chain::Link(Box::new(next)));
    line(Chain::End, 1, 1, |next| Chain::Pair(7, Box::new(next)));
    line(Chain::End, 1, 1, |next| Chain::Named { next: Box::new(next) });
    line(Options(None), 1, 1, |next| Options(Some(Box::new(next))));
    line(Newtype(None), 2, 2, |next| Newtype(Some(Box::new(next))));
    line(TupleStruct(7, None), 2, 2, |next| TupleStruct(7, Some(Box::new(next))));
    line(Tuple((7, None)), 2, 2, |next| Tuple((7, Some(Box::new(next)))));
    line(Struct { next: None }, 2, 2, |next| Struct { next: Some(Box::new(next)) });
    line(List(Vec::new()), 1, 1, |next| List(vec![List(Vec::new()), next]));
    line(Map(BTreeMap::new()), 1, 1, |next| Map(BTreeMap::from([(7, next)])));
    line(Keys(BTreeMap::new()), 1, 1, |next| Keys(BTreeMap::from([(next, 7)])));
}

#[test]
fn a_payload_of_nested_shapes_does_not_reach_the_end_of_the_stack() {
    let links = |index: u32| index.to_le_bytes().repeat(3_584); // 14 KB
    assert_eq!(refusal::<Chain>(&links(1)), TOO_DEEP);
    assert_eq!(refusal::<Chain>(&links(3)), TOO_DEEP);
    assert_eq!(refusal::<Options>(&[1; 14_336]), TOO_DEEP);
    assert_eq!(refusal::<Newtype>(&[1; 14_336]), TOO_DEEP);
    assert_eq!(refusal::<Struct>(&[1; 14_336]), TOO_DEEP);
    assert_eq!(refusal::<Tuple>(&[1; 14_336]), TOO_DEEP);
    assert_eq!(refusal::<List>(&length(1).repeat(1_792)), TOO_DEEP);
    assert_eq!(refusal::<Keys>(&length(1).repeat(1_792)), TOO_DEEP);
}

#[test]
fn a_very_deep_value_is_refused_where_it_is_sent() {
    let mut chain = Chain::End;
    for _ in 0..100_000 {
        chain = Chain::Link(Box::new(chain));
    }
    assert_eq!(encoded(&("before", &chain)), Err(TOO_DEEP_HERE));
    assert_eq!(TOO_DEEP_HERE.to_string(), TOO_DEEP);
    std::mem::forget(chain); // its drop would recurse
}

/// Swallows what the guard says.
struct Deaf(Chain);
impl Serialize for Deaf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(1))?;
        let _ = seq.serialize_element(&self.0);
        seq.end()
    }
}

#[test]
fn depth_is_refused_even_if_a_serialize_swallows_the_error() {
    let chain = (0..100).fold(Chain::End, |next, _| Chain::Link(Box::new(next)));
    assert_eq!(encoded(&Deaf(chain)), Err(TOO_DEEP_HERE));
}

// ---- elements

thread_local!(static DECODED: Cell<usize> = const { Cell::new(0) });

/// Takes no bytes and counts how many of it are made.
#[derive(Debug)]
struct Nothing;
impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.set(DECODED.get() + 1);
        <()>::deserialize(deserializer).map(|()| Nothing)
    }
}

#[test]
fn a_claim_of_many_elements_is_refused_before_the_first() {
    let claim = length(2_000_000_000);
    let said = "too many elements: 2000000000 claimed where 1032 of the 1032 for this many bytes are left";
    assert_eq!(refusal::<Vec<Nothing>>(&claim), said);
    assert_eq!(refusal::<Vec<()>>(&claim), said);
    assert_eq!(refusal::<HashMap<(), ()>>(&claim), said);
    assert_eq!(refusal::<Vec<[u64; 32]>>(&claim), said);
    assert_eq!(DECODED.get(), 0);
}

#[test]
fn both_sides_draw_the_line_at_the_same_number_of_elements() {
    let most = 8 + SPARE_ELEMENTS;
    let units = vec![(); most];
    assert_eq!(decode::<Vec<()>>(&encoded(&units).unwrap()), Ok(units));
    let error = EncodeError::TooManyElements { elements: most + 1, limit: most };
    assert_eq!(encoded(&vec![(); most + 1]), Err(error));
    assert!(refusal::<Vec<()>>(&length(most as u64 + 1)).starts_with("too many elements"));
}

#[test]
fn claims_of_all_collections_share_one_budget() {
    let halves = vec![vec![(); 700]; 2]; // 24 bytes: 1,048 elements
    assert!(matches!(encoded(&halves), Err(EncodeError::TooManyElements { elements: 1402, limit: 1048 })));
    let bytes = [length(2), length(700), length(700)].concat();
    let said = "too many elements: 700 claimed where 346 of the 1048 for this many bytes are left";
    assert_eq!(refusal::<Vec<Vec<()>>>(&bytes), said);
}

#[test]
fn fields_are_no_elements_and_small_elements_are_not_refused() {
    let pairs = vec![((1_u8,), (2_u8, ((), ()))); 20_000]; // 8 fields in 2 bytes
    assert_eq!(decode(&encoded(&pairs).unwrap()), Ok(pairs));
    let bytes = vec![1_u8; 1 << 20];
    assert_eq!(decode(&encoded(&bytes).unwrap()), Ok(bytes));
}

#[test]
fn lengths_without_end_are_refused() {
    for len in [u64::MAX, u64::MAX - 7, 1 << 63, 1 << 32] {
        let bytes = &length(len)[..];
        for said in [refusal::<String>(bytes), refusal::<&str>(bytes), refusal::<&[u8]>(bytes)] {
            assert_eq!(said, format!("a text or byte string claims {len} bytes where 0 are left"));
        }
        assert!(refusal::<ByteBuf>(bytes).starts_with("a text or byte string claims"));
        assert!(refusal::<Vec<u8>>(bytes).starts_with("too many elements"));
        assert!(refusal::<Vec<String>>(bytes).starts_with("too many elements"));
        assert!(refusal::<BTreeMap<u64, u64>>(bytes).starts_with("too many elements"));
    }
}

/// A collection that records the room that it is told to reserve, and takes no element.
#[derive(Debug, PartialEq)]
struct Reserve(usize);
impl<'de> Deserialize<'de> for Reserve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hint;
        impl<'de> Visitor<'de> for Hint {
            type Value = Reserve;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Reserve, A::Error> {
                Ok(Reserve(seq.size_hint().expect("there is one")))
            }
        }
        deserializer.deserialize_seq(Hint)
    }
}

/// The same for a map.
#[derive(Debug, PartialEq)]
struct ReserveMap(usize);
impl<'de> Deserialize<'de> for ReserveMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hint;
        impl<'de> Visitor<'de> for Hint {
            type Value = ReserveMap;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ReserveMap, A::Error> {
                Ok(ReserveMap(map.size_hint().expect("there is one")))
            }
        }
        deserializer.deserialize_map(Hint)
    }
}

#[test]
fn no_more_elements_are_reserved_for_than_there_are_bytes() {
    assert_eq!(decode::<Reserve>(&length(3)), Ok(Reserve(3)));
    assert_eq!(decode::<Reserve>(&length(1032)), Ok(Reserve(8)), "8 bytes, whatever they claim");
    let bytes = [length(20), length(500), length(500)].concat();
    let shared = decode::<(Reserve, Reserve, Reserve)>(&bytes);
    assert_eq!(shared, Ok((Reserve(20), Reserve(4), Reserve(0))), "24 bytes, all of them together");
    assert_eq!(decode::<ReserveMap>(&length(3)), Ok(ReserveMap(3)));
    assert_eq!(decode::<ReserveMap>(&length(1032)), Ok(ReserveMap(8)), "the same for a map");
}

// ---- what the encoding cannot carry

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<u8>,
    #[serde(skip)]
    cache: u8,
    rest: u8,
}

#[derive(Serialize, Deserialize)]
struct Flattened {
    #[serde(flatten)]
    inner: BTreeMap<String, u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum InternallyTagged {
    Number { value: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
enum AdjacentlyTagged {
    Number(u8),
}

#[test]
fn a_field_left_out_is_refused_where_it_is_sent() {
    let written = Skipping { note: Some(1), cache: 0, rest: 2 };
    assert_eq!(decode(&encoded(&written).unwrap()), Ok(written));
    let said = encoded(&Skipping { note: None, cache: 0, rest: 2 }).unwrap_err().to_string();
    assert!(said.starts_with("field `note` was left out (skip_serializing_if)"), "{said}");
}

#[test]
fn shapes_that_ask_the_bytes_are_refused_with_a_hint() {
    let said = encoded(&Flattened { inner: BTreeMap::new() }).unwrap_err().to_string();
    assert!(said.contains("flattened") && said.contains("does not describe itself"), "{said}");
    let bytes = encoded(&Untagged::Number(7)).unwrap();
    for said in [
        refusal::<Untagged>(&bytes),
        refusal::<InternallyTagged>(&encoded(&InternallyTagged::Number { value: 7 }).unwrap()),
        refusal::<AdjacentlyTagged>(&encoded(&AdjacentlyTagged::Number(7)).unwrap()),
        refusal::<IgnoredAny>(&bytes),
        refusal::<Flattened>(&[&length(1)[..], &length(0), &[7]].concat()),
    ] {
        assert!(said.contains("does not describe itself: serde's `untagged`, `tag` and `flatten`"), "{said}");
    }
}

/// Says that it has as many elements as its first field, has as many as its second.
struct Miscounting(Option<usize>, usize);
impl Serialize for Miscounting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        (0..self.1).try_for_each(|_| seq.serialize_element(&7_u8))?;
        seq.end()
    }
}

#[test]
fn a_length_that_is_missing_or_wrong_is_refused() {
    assert!(encoded(&Miscounting(Some(3), 3)).is_ok());
    let said = |value| encoded(&value).unwrap_err().to_string();
    assert_eq!(said(Miscounting(Some(3), 2)), "a sequence or map announced 3 elements and wrote 2");
    assert_eq!(said(Miscounting(Some(0), 1)), "a sequence or map announced 0 elements and wrote 1");
    assert!(said(Miscounting(None, 1)).starts_with("a sequence or map that does not say its length first"));
}
