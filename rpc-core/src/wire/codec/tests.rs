//! The encoding, byte by byte, and what is refused for other reasons than those of the guard.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

use super::{EncodeError, ErrorKind, Io, Read, Rest, decode, encode, explain};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn encoded<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut into = Vec::new();
    encode(value, &mut into, usize::MAX).unwrap();
    into
}

fn refusal<'de, T: Deserialize<'de> + Debug>(bytes: &'de [u8]) -> String {
    decode::<T>(bytes).unwrap_err().to_string()
}

/// The value has these bytes and the bytes this value.
fn golden<T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug>(value: T, hex: &str) {
    assert_eq!(encoded(&value), bytes(hex), "{value:?}");
    assert_eq!(decode::<T>(&bytes(hex)).unwrap(), value);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(u16),
    Line(u8, u8),
    Text { at: (u8, u8), text: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metres(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Drawing {
    id: u64,
    shapes: Vec<Shape>,
    width: Metres,
    marker: Marker,
}

#[test]
fn scalars_have_their_width_little_endian() {
    golden(0x12_u8, "12");
    golden(-1_i8, "ff");
    golden(0x1234_u16, "34 12");
    golden(-2_i16, "fe ff");
    golden(0x1234_5678_u32, "78 56 34 12");
    golden(-2_i32, "fe ff ff ff");
    golden(0x0102_0304_0506_0708_u64, "08 07 06 05 04 03 02 01");
    golden(i64::MIN, "00 00 00 00 00 00 00 80");
    golden(1_u128 << 64, "00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00");
    golden(-2_i128, "fe ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff");
    golden(1_usize, "01 00 00 00 00 00 00 00");
    golden(1.5_f32, "00 00 c0 3f");
    golden(-0.5_f64, "00 00 00 00 00 00 e0 bf");
    golden((false, true), "00 01");
    golden(('a', 'ü', '€'), "61 c3bc e282ac");
    golden((), "");
}

#[test]
fn collections_say_their_length_in_eight_bytes() {
    golden("hé".to_owned(), "03 00 00 00 00 00 00 00 68 c3 a9");
    golden(ByteBuf::from([1, 2]), "02 00 00 00 00 00 00 00 01 02");
    golden(vec![1_u8, 2], "02 00 00 00 00 00 00 00 01 02");
    golden(vec![1_u16, 2], "02 00 00 00 00 00 00 00 01 00 02 00");
    golden(Vec::<u64>::new(), "00 00 00 00 00 00 00 00");
    golden(
        BTreeMap::from([(1_u8, "a".to_owned()), (2, String::new())]),
        "02 00 00 00 00 00 00 00  01 01 00 00 00 00 00 00 00 61  02 00 00 00 00 00 00 00 00",
    );
    golden([1_u8, 2, 3], "01 02 03");
}

#[test]
fn options_have_a_byte_and_variants_four() {
    golden(None::<u16>, "00");
    golden(Some(7_u16), "01 07 00");
    golden(Some(None::<u8>), "01 00");
    golden(Ok::<u8, String>(5), "00 00 00 00 05");
    golden(Shape::Empty, "00 00 00 00");
    golden(Shape::Circle(9), "01 00 00 00 09 00");
    golden(Shape::Line(1, 2), "02 00 00 00 01 02");
    golden(Shape::Text { at: (3, 4), text: "x".into() }, "03 00 00 00 03 04 01 00 00 00 00 00 00 00 78");
}

#[test]
fn structs_are_their_fields_in_order() {
    golden(Metres(1), "01 00 00 00");
    golden(Marker, "");
    golden((1_u8, (2_u16, 3_u8)), "01 02 00 03");
    golden(
        Drawing { id: 5, shapes: vec![Shape::Circle(6), Shape::Empty], width: Metres(7), marker: Marker },
        "05 00 00 00 00 00 00 00  02 00 00 00 00 00 00 00  01 00 00 00 06 00  00 00 00 00  07 00 00 00",
    );
}

#[test]
fn types_with_two_forms_travel_in_the_compact_one() {
    golden(IpAddr::V4(Ipv4Addr::LOCALHOST), "00 00 00 00 7f 00 00 01");
    golden(Duration::new(1, 2), "01 00 00 00 00 00 00 00 02 00 00 00");
}

#[test]
fn what_is_borrowed_points_into_the_bytes() {
    let body = encoded(&("key", Bytes::new(b"value")));
    let (key, value): (&str, &[u8]) = decode(&body).unwrap();
    assert_eq!((key, value), ("key", &b"value"[..]));
    assert_eq!(key.as_ptr(), body[8..].as_ptr());
    assert_eq!(value.as_ptr(), body[8 + 3 + 8..].as_ptr());
}

#[test]
fn bytes_left_over_are_refused_and_counted() {
    assert_eq!(refusal::<u8>(&[1, 2, 3]), "bytes left over after the value: 2");
    assert_eq!(refusal::<()>(&[0]), "bytes left over after the value: 1");
    assert_eq!(decode::<()>(&[]), Ok(()));
}

#[test]
fn bytes_that_end_early_are_refused() {
    let whole =
        encoded(&Drawing { id: 1, shapes: vec![Shape::Line(1, 2)], width: Metres(3), marker: Marker });
    for end in 0..whole.len() {
        assert_eq!(refusal::<Drawing>(&whole[..end]), "the bytes end before the value does");
    }
    assert_eq!(refusal::<&str>(&bytes("05 00 00 00 00 00 00 00 61 62")), SHORT);
    assert_eq!(refusal::<String>(&bytes("05 00 00 00 00 00 00 00 61 62")), SHORT);
    assert_eq!(refusal::<&[u8]>(&bytes("05 00 00 00 00 00 00 00 61 62")), SHORT);
    assert_eq!(refusal::<ByteBuf>(&bytes("05 00 00 00 00 00 00 00 61 62")), SHORT);
}
const SHORT: &str = "a text or byte string claims 5 bytes where 2 are left";

/// Takes a failure for a zero.
#[derive(Debug)]
struct Careless;
impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _ = u32::deserialize(deserializer);
        Ok(Careless)
    }
}

#[test]
fn a_deserialize_that_swallows_errors_does_not_make_bytes_vanish() {
    assert_eq!(refusal::<Careless>(&[1, 2]), "bytes left over after the value: 2");
}

#[test]
fn bytes_that_are_no_such_value_are_refused() {
    assert_eq!(refusal::<bool>(&[2]), "a bool is 0 or 1, not 2");
    assert_eq!(refusal::<Option<u8>>(&[2, 0]), "an option's tag is 0 or 1, not 2");
    assert_eq!(refusal::<char>(&[0xff]), "a char is not UTF-8");
    assert!(refusal::<char>(&bytes("ed a0 80")).contains("UTF-8"), "a surrogate");
    let text = bytes("02 00 00 00 00 00 00 00 c3 28");
    assert!(refusal::<&str>(&text).starts_with("a text is not UTF-8: "));
    assert!(refusal::<String>(&text).starts_with("a text is not UTF-8: "));
    assert!(refusal::<Shape>(&bytes("04 00 00 00")).contains("expected variant index 0 <= i < 4"));
    assert!(refusal::<Shape>(&bytes("ff ff ff ff")).contains("4294967295"));
}

#[test]
fn what_is_over_the_limit_leaves_no_trace_and_says_its_size() {
    let mut into = b"head".to_vec();
    assert_eq!(encode(&("12345", 7_u32), &mut into, 16), Err(EncodeError::TooLarge { size: 17, limit: 16 }));
    assert_eq!(into, b"head");
    assert_eq!(encode(&("12345", 7_u32), &mut into, 17), Ok(()));
    assert_eq!(into.len(), 4 + 17);
    assert_eq!(encode(&(), &mut into, 0), Ok(()));
}

struct Failing;
impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("no such luck"))
    }
}

/// Is one value when it is measured and another one when it is written.
struct Unsteady<'a>(&'a std::cell::Cell<u8>, [&'a str; 2]);
impl Serialize for Unsteady<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pass = self.0.replace(self.0.get() + 1);
        match self.1[usize::from(pass)] {
            "fail" => Err(S::Error::custom("changed my mind")),
            text => text.serialize(serializer),
        }
    }
}

#[test]
fn a_serialize_that_fails_or_changes_leaves_no_trace() {
    let mut into = b"head".to_vec();
    let mut refused = |value: &dyn Fn(&mut Vec<u8>) -> Result<(), EncodeError>| {
        let error = value(&mut into).unwrap_err();
        assert_eq!(into, b"head");
        error.to_string()
    };
    assert_eq!(refused(&|into| encode(&(7_u8, Failing), into, 99)), "no such luck");
    for (texts, said) in [
        (["short", "much longer"], "its `Serialize` gave 14 bytes the first time and 20 the second time"),
        (["longer", "short"], "its `Serialize` gave 15 bytes the first time and 14 the second time"),
        (["any", "fail"], "changed my mind"),
    ] {
        let pass = std::cell::Cell::new(0);
        assert_eq!(refused(&|into| encode(&(7_u8, Unsteady(&pass, texts)), into, 99)), said);
        assert_eq!(pass.get(), 2);
    }
}

#[test]
fn only_bytes_that_end_too_early_are_said_to_end() {
    let text = |kind: Io| explain(ErrorKind::Io(kind.into()));
    assert_eq!(text(Io::UnexpectedEof), "the bytes end before the value does");
    assert_ne!(text(Io::Other), text(Io::UnexpectedEof));
}

#[test]
fn a_reader_that_takes_what_is_there_gets_it() {
    let (mut left, mut out) = (&b"abc"[..], [0; 2]);
    let mut rest = Rest(&mut left);
    assert_eq!(rest.read(&mut out).ok(), Some(2));
    assert_eq!(rest.read(&mut out).ok(), Some(1));
    assert_eq!((out, left), (*b"cb", &b""[..]));
}
