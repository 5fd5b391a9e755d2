//! A value that is not of its type is refused with its place, what was expected and what was given; and no bytes do harm.

use rpc_core::reflection::{Argument, Definition, Fields, Format, Formats, Leaf, Shape};
use rpc_json::{Decoded, encode, encode_arguments};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::forms::formats_of;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    item: String,
    parts: Vec<Part>,
    colour: Colour,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    size: u8,
    note: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Colour {
    Red,
    Mixed { red: u8 },
}

fn mistake(value: &Value) -> String {
    let formats = formats_of::<Order>();
    encode(&formats, &formats.value, value).expect_err("a mistake").to_string()
}

#[test]
fn a_mistake_has_its_place_what_was_expected_and_what_was_given() {
    let order =
        |part: Value, colour: Value| json!({"item": "a", "parts": [{"size": 1}, part], "colour": colour});
    for (value, text) in [
        (json!(7), "expected the struct Order, not 7"),
        (json!({"item": 3, "parts": [], "colour": "Red"}), "item: expected str, not 3"),
        (order(json!({"size": 300}), json!("Red")), "parts[1].size: expected u8 from 0 to 255, not 300"),
        (order(json!({"size": 1.5}), json!("Red")), "parts[1].size: expected u8 from 0 to 255, not 1.5"),
        (order(json!({"size": "x"}), json!("Red")), "parts[1].size: expected u8, not the string \"x\""),
        (order(json!({}), json!("Red")), "parts[1].size: missing; expected u8"),
        (
            order(json!({"size": 1, "nota": "n"}), json!("Red")),
            "parts[1]: there is no field `nota`; did you mean `note`?",
        ),
        (
            order(json!({"size": 1}), json!("Rod")),
            "colour: the enum Colour has no variant `Rod`; did you mean `Red`?",
        ),
        (
            order(json!({"size": 1}), json!({"Mixed": {"red": []}})),
            "colour.Mixed.red: expected u8, not an empty list",
        ),
        (
            order(json!({"size": 1}), json!({"Red": 1})),
            "colour.Red: expected nothing, as the variant has no fields, not 1",
        ),
    ] {
        assert_eq!(mistake(&value), text, "{value}");
    }
}

#[test]
fn a_long_value_is_shown_in_short() {
    let text = mistake(&json!("x".repeat(5000)));
    assert!(text.len() < 150 && text.ends_with(".."), "{text}");
}

#[test]
fn arguments_are_named_by_their_names() {
    let formats: Formats = "fn(str, Option<u8>) -> ()".parse().expect("formats");
    let arguments = [Argument { name: "key", ty: "&str" }, Argument { name: "size", ty: "Option<u8>" }];
    let encoded =
        |value: Value| encode_arguments(&formats, &arguments, &value).map_err(|mistake| mistake.to_string());
    let bytes = encoded(json!(["a", null])).expect("by place");
    assert_eq!(encoded(json!({"key": "a"})), Ok(bytes.clone()));
    assert_eq!(encoded(json!({"size": null, "key": "a"})), Ok(bytes));
    let refused = |value: Value| encoded(value).expect_err("a mistake");
    assert_eq!(refused(json!({"kez": "a"})), "there is no argument `kez`; did you mean `key`?");
    assert_eq!(refused(json!({})), "key: missing; expected str");
    assert_eq!(refused(json!(["a", 300])), "size: expected u8 from 0 to 255, not 300");
    let whole = "expected the arguments (key: str, size: Option<u8>), as an object or a list, not ";
    assert_eq!(refused(json!(["a"])), format!("{whole}the list [\"a\"]"));
    assert_eq!(refused(json!("a")), format!("{whole}the string \"a\""));
}

fn leaf(leaf: Leaf) -> Format {
    Format::Leaf(leaf)
}

fn formats(value: Format, definitions: Vec<Definition>) -> Formats {
    Formats { arguments: Vec::new(), value, error: None, definitions }
}

#[test]
fn types_and_bytes_of_a_hostile_server_end_in_bounded_time() {
    let endless = Definition {
        name: "A".to_owned(),
        shape: Shape::Struct(Fields::Tuple(vec![Format::Named(0), Format::Named(0)])),
    };
    let same = Definition { name: "B".to_owned(), shape: Shape::Same(Format::Named(1)) };
    let many = u64::MAX.to_le_bytes();
    for (format, bytes) in [
        (Format::Named(0), &[][..]),
        (Format::Named(1), &[]),
        (Format::Named(9), &[]),
        (Format::Option(Box::new(Format::Named(1))), &[1]),
        (Format::Array(Box::new(leaf(Leaf::Unit)), usize::MAX), &[]),
        (Format::Seq(Box::new(leaf(Leaf::Unit))), &many),
        (Format::Map(Box::new(leaf(Leaf::Unit)), Box::new(leaf(Leaf::Unit))), &many),
        (leaf(Leaf::Str), &many),
        (leaf(Leaf::Bytes), &many),
        (leaf(Leaf::Bool), &[2]),
        (leaf(Leaf::Char), &[0xff]),
        (leaf(Leaf::U8), &[1, 2]),
    ] {
        let formats = formats(format, vec![endless.clone(), same.clone()]);
        assert!(Decoded::from_bytes(&formats, &formats.value, bytes).is_err(), "{formats:?}");
    }
}

#[test]
fn elements_without_bytes_are_bounded_as_for_any_reader() {
    let formats = formats(Format::Seq(Box::new(leaf(Leaf::Unit))), Vec::new());
    let of = |count: usize| encode(&formats, &formats.value, &Value::Array(vec![Value::Null; count]));
    assert!(of(1000).is_ok());
    assert!(of(5000).is_err_and(|mistake| mistake.what.contains("5000 elements")));
}

#[test]
fn a_value_that_is_nested_too_deep_is_refused_both_ways() {
    let tree =
        Definition { name: "Tree".to_owned(), shape: Shape::Same(Format::Seq(Box::new(Format::Named(0)))) };
    let formats = formats(Format::Named(0), vec![tree]);
    let nested = |levels: usize| (0..levels).fold(json!([]), |inner, _| json!([inner]));
    let fits = encode(&formats, &formats.value, &nested(20)).expect("it fits");
    assert_eq!(
        Value::from(Decoded::from_bytes(&formats, &formats.value, &fits).expect("it fits")),
        nested(20)
    );
    assert!(
        encode(&formats, &formats.value, &nested(40))
            .is_err_and(|mistake| mistake.what.contains("64 levels"))
    );
    let deep = [1_u64.to_le_bytes(); 200].concat();
    assert!(
        Decoded::from_bytes(&formats, &formats.value, &deep)
            .is_err_and(|mistake| mistake.what.contains("64 levels"))
    );
}
