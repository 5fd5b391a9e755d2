//! Each form of a value in JSON, against the bytes that the codec has for the same value in Rust.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use rpc_core::reflection::Formats;
use rpc_core::types::{Traced, trace};
use rpc_json::{Decoded, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) fn formats_of<T: Serialize + DeserializeOwned>() -> Formats {
    match trace::<(), T, ()>(false) {
        Traced::Formats(formats) => formats,
        other => panic!("{other:?}"),
    }
}

fn bytes_of<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    rpc_core::wire::codec::encode(value, &mut bytes, 1 << 20).expect("it can be encoded");
    bytes
}

/// Asserts that a value has this form, by its bytes, both ways; and that other forms of it are read.
fn has_form<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, form: Value, others: &[Value]) {
    let formats = formats_of::<T>();
    let bytes = bytes_of(&value);
    let decoded = Decoded::from_bytes(&formats, &formats.value, &bytes).expect("its bytes");
    assert_eq!(Value::from(decoded), form, "{value:?}");
    for form in [&form].into_iter().chain(others) {
        let text = serde_json::to_string(form).expect("a text");
        let read: Value = serde_json::from_str(&text).expect("the same");
        match encode(&formats, &formats.value, &read) {
            Ok(encoded) => assert_eq!(encoded, bytes, "{value:?} as {form}"),
            Err(mistake) => panic!("{form}: {mistake}"),
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metres(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    name: String,
    parent: Option<Box<Job>>,
    size: Option<u16>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Figure {
    Empty,
    Circle(u16),
    Line(u8, u8),
    Text { at: u8, text: String },
    Inside(Box<Figure>),
    Maybe(Option<u8>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Blob(#[serde(with = "as_bytes")] Vec<u8>);

mod as_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Vec::<u8>::deserialize(deserializer)
    }
}

#[test]
fn simple_values_are_as_json_has_them() {
    has_form((), json!(null), &[]);
    has_form(true, json!(true), &[]);
    has_form("hé\n".to_owned(), json!("hé\n"), &[]);
    has_form('é', json!("é"), &[]);
    has_form(-5_i8, json!(-5), &[json!("-5")]);
    has_form(u64::MAX, json!(u64::MAX), &[json!("18446744073709551615")]);
    has_form(i64::MIN, json!(i64::MIN), &[]);
    has_form((1_u64 << 53) + 1, json!(9_007_199_254_740_993_u64), &[]);
}

#[test]
fn numbers_of_128_bits_are_strings_where_a_number_would_lose_digits() {
    has_form(7_u128, json!(7), &[json!("7")]);
    has_form(u128::MAX, json!("340282366920938463463374607431768211455"), &[]);
    has_form(i128::MIN, json!("-170141183460469231731687303715884105728"), &[]);
    has_form(i128::from(u64::MAX), json!(u64::MAX), &[]);
}

#[test]
fn floats_come_back_to_the_bit() {
    let wide = |value: f64, form: Value| {
        let formats = formats_of::<f64>();
        let decoded = Decoded::from_bytes(&formats, &formats.value, &value.to_le_bytes()).expect("a float");
        assert_eq!(Value::from(decoded), form);
        assert_eq!(encode(&formats, &formats.value, &form), Ok(value.to_le_bytes().to_vec()), "{form}");
    };
    wide(0.1, json!(0.1));
    wide(-0.0, json!(-0.0));
    wide(f64::INFINITY, json!("inf"));
    wide(f64::NEG_INFINITY, json!("-inf"));
    wide(f64::NAN, json!("NaN"));
    wide(f64::from_bits(0x7ff8_0000_0000_0001), json!("NaN:7ff8000000000001"));
    let narrow = |value: f32, form: Value| {
        let formats = formats_of::<f32>();
        let decoded = Decoded::from_bytes(&formats, &formats.value, &value.to_le_bytes()).expect("a float");
        assert_eq!(Value::from(decoded), form);
        assert_eq!(encode(&formats, &formats.value, &form), Ok(value.to_le_bytes().to_vec()), "{form}");
    };
    narrow(0.1, json!(0.1));
    narrow(f32::MAX, json!(3.402_823_5e38));
    narrow(f32::NAN, json!("NaN"));
    narrow(f32::from_bits(0xffc0_0001), json!("NaN:ffc00001"));
    let formats = formats_of::<f32>();
    assert!(encode(&formats, &formats.value, &json!(1e39)).is_err(), "it would become an infinity");
    has_form(3.0_f64, json!(3.0), &[json!(3)]);
}

#[test]
fn an_option_that_could_be_null_twice_says_some() {
    has_form(None::<u8>, json!(null), &[]);
    has_form(Some(5_u8), json!(5), &[]);
    has_form(Some(None::<u8>), json!({"some": null}), &[]);
    has_form(Some(Some(5_u8)), json!({"some": 5}), &[]);
    has_form(None::<Option<u8>>, json!(null), &[]);
    has_form(Some(()), json!({"some": null}), &[]);
    has_form(Some(Nothing), json!({"some": null}), &[]);
    has_form(Some(Some(None::<u8>)), json!({"some": {"some": null}}), &[]);
}

#[test]
fn bytes_are_a_text_or_digits() {
    has_form(Blob(b"a text".to_vec()), json!("a text"), &[json!({"base64": "YSB0ZXh0"})]);
    has_form(vec![0_u8, 255], json!({"hex": "00ff"}), &[json!([0, 255])]);
    has_form(Vec::<u8>::new(), json!(""), &[json!([]), json!({"hex": ""})]);
}

#[test]
fn maps_are_objects_where_their_keys_can_be_names() {
    has_form(
        BTreeMap::from([("b".to_owned(), 1_u8), ("a".to_owned(), 2)]),
        json!({"a": 2, "b": 1}),
        &[json!([["a", 2], ["b", 1]])],
    );
    has_form(
        BTreeMap::from([(10_i32, 'x'), (-9, 'y'), (2, 'z')]),
        json!({"-9": "y", "10": "x", "2": "z"}),
        &[json!([[-9, "y"], [2, "z"], [10, "x"]])],
    );
    has_form(
        BTreeMap::from([(u128::MAX, ()), (3, ())]),
        json!({"3": null, "340282366920938463463374607431768211455": null}),
        &[],
    );
    has_form(BTreeMap::from([(true, 1_u8), (false, 0)]), json!({"false": 0, "true": 1}), &[]);
    has_form(HashMap::from([('é', 1_u8)]), json!({"é": 1}), &[]);
    has_form(BTreeMap::from([((1_u8, 2_u8), 3_u8)]), json!([[[1, 2], 3]]), &[]);
    has_form(BTreeMap::from([(None::<u8>, 3_u8), (Some(1), 4)]), json!([[null, 3], [1, 4]]), &[]);
}

#[test]
fn a_map_with_a_key_twice_is_a_list_of_pairs() {
    let formats = formats_of::<BTreeMap<u8, u8>>();
    let bytes = [2, 0, 0, 0, 0, 0, 0, 0, 7, 1, 7, 2];
    let decoded = Decoded::from_bytes(&formats, &formats.value, &bytes).expect("a map");
    assert_eq!(decoded.to_string(), "[[7,1],[7,2]]");
    assert_eq!(encode(&formats, &formats.value, &decoded.into()), Ok(bytes.to_vec()));
}

#[test]
fn structs_and_enums_have_the_names_of_their_source() {
    has_form(Nothing, json!(null), &[]);
    has_form(Metres(7), json!(7), &[]);
    has_form(Pair(1, "a".to_owned()), json!([1, "a"]), &[]);
    let parent = Job { name: "all".to_owned(), parent: None, size: Some(3) };
    let job = Job { name: "part".to_owned(), parent: Some(Box::new(parent)), size: None };
    let form = json!({"name": "part", "parent": {"name": "all", "parent": null, "size": 3}, "size": null});
    has_form(job, form, &[json!({"parent": {"size": 3, "name": "all"}, "name": "part"})]);
    has_form(Figure::Empty, json!("Empty"), &[json!({"Empty": null})]);
    has_form(Figure::Circle(5), json!({"Circle": 5}), &[]);
    has_form(Figure::Line(1, 2), json!({"Line": [1, 2]}), &[]);
    has_form(Figure::Text { at: 1, text: "a".to_owned() }, json!({"Text": {"at": 1, "text": "a"}}), &[]);
    has_form(Figure::Inside(Box::new(Figure::Empty)), json!({"Inside": "Empty"}), &[]);
    has_form(Figure::Maybe(None), json!({"Maybe": null}), &[json!("Maybe")]);
    has_form(Ok::<u8, String>(1), json!({"Ok": 1}), &[]);
}

#[test]
fn a_struct_is_written_in_the_order_of_its_fields() {
    let formats = formats_of::<Figure>();
    let bytes = bytes_of(&Figure::Text { at: 1, text: "a".to_owned() });
    let decoded = Decoded::from_bytes(&formats, &formats.value, &bytes).expect("its bytes");
    assert_eq!(decoded.to_string(), r#"{"Text":{"at":1,"text":"a"}}"#);
}

#[test]
fn lists_tuples_and_arrays_are_lists() {
    has_form(vec![1_u16, 2], json!([1, 2]), &[]);
    has_form((1_u8, "a".to_owned()), json!([1, "a"]), &[]);
    has_form((1_u8,), json!([1]), &[]);
    has_form([1_u8, 2, 3], json!([1, 2, 3]), &[]);
    has_form(vec![(), ()], json!([null, null]), &[]);
}
