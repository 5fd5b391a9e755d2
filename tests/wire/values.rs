//! The page's table of values, both ways.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use rpc_core::wire::codec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::page::{self, hex, shown};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metres(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: u8,
    y: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(u16),
    Line(u8, u8),
    Text { at: u8, text: String },
}

/// Bytes as a rule of the page means them: `&[u8]` and what is spelled `Vec<u8>`.
#[derive(Debug, PartialEq)]
struct Row {
    label: String,
    bytes: Vec<u8>,
}

/// Takes the row with this label, and holds it against the value.
fn row<T: Serialize + DeserializeOwned + PartialEq + Debug>(rows: &mut Vec<Row>, label: &str, value: T) {
    let at = rows.iter().position(|row| row.label == label);
    let row = rows.remove(at.unwrap_or_else(|| panic!("the page has no row `{label}`")));
    let mut bytes = Vec::new();
    codec::encode(&value, &mut bytes, usize::MAX).expect("it can be encoded");
    assert_eq!(shown(&row.bytes), shown(&bytes), "{label}");
    assert_eq!(codec::decode::<T>(&row.bytes).as_ref(), Ok(&value), "{label}");
}

#[test]
fn every_value_of_the_page_has_its_bytes() {
    let rows = page::table(&page::text(), &["value", "bytes"]);
    let mut rows: Vec<Row> =
        rows.into_iter().map(|row| Row { bytes: hex(&row[1]), label: row[0].clone() }).collect();
    let rows = &mut rows;
    row(rows, "true", true);
    row(rows, "0x12_u8", 0x12_u8);
    row(rows, "-1_i8", -1_i8);
    row(rows, "0x1234_u16", 0x1234_u16);
    row(rows, "-2_i32", -2_i32);
    row(rows, "1_u64", 1_u64);
    row(rows, "1_u128", 1_u128);
    row(rows, "1.0_f32", 1.0_f32);
    row(rows, "1.0_f64", 1.0_f64);
    row(rows, "'a'", 'a');
    row(rows, "'é'", 'é');
    row(rows, "\"hé\"", "hé".to_owned());
    row(rows, "bytes [1, 2]", vec![1_u8, 2]);
    row(rows, "None::<u8>", None::<u8>);
    row(rows, "Some(5_u8)", Some(5_u8));
    row(rows, "()", ());
    row(rows, "(1_u8, 2_u16)", (1_u8, 2_u16));
    row(rows, "[1_u8, 2] (an array)", [1_u8, 2]);
    row(rows, "vec![1_u16, 2]", vec![1_u16, 2]);
    row(rows, "{1_u8: 2_u8} (a map)", BTreeMap::from([(1_u8, 2_u8)]));
    row(rows, "struct Unit", Unit);
    row(rows, "struct Metres(u32) with 7", Metres(7));
    row(rows, "struct Point { x: u8, y: u8 } with 1, 2", Point { x: 1, y: 2 });
    row(rows, "Shape::Empty (variant 0)", Shape::Empty);
    row(rows, "Shape::Circle(5_u16) (variant 1)", Shape::Circle(5));
    row(rows, "Shape::Line(1_u8, 2_u8) (variant 2)", Shape::Line(1, 2));
    row(
        rows,
        "Shape::Text { at: 1_u8, text: \"a\" } (variant 3)",
        Shape::Text { at: 1, text: "a".to_owned() },
    );
    row(rows, "Ok::<u8, u8>(1) inside a value", Ok::<u8, u8>(1));
    row(rows, "Duration of 1 s and 2 ns", Duration::new(1, 2));
    assert_eq!(*rows, [], "rows that this test does not know");
}
