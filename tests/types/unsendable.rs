//! Attributes of serde that the codec cannot carry: each is found without a value of the user's.

use serde::{Deserialize, Serialize};

use super::unsendable;

#[derive(Serialize, Deserialize)]
enum Price {
    #[serde(skip)]
    #[allow(dead_code, reason = "it is never made")]
    Cached(u64),
    Buy(u64),
    Sell(u64),
    Hold(u64),
}

#[derive(Serialize, Deserialize)]
enum Order {
    Buy,
    #[serde(skip_deserializing)]
    #[allow(dead_code, reason = "it is never made")]
    Old,
    #[serde(alias = "Away")]
    Sell(u8),
}

#[test]
fn a_variant_that_is_skipped_and_not_the_last_is_found() {
    assert_eq!(
        unsendable::<Price>(),
        "`Price::Buy` is written as number 1, and read as number 0: only the last variants of an enum can be skipped"
    );
    let why = unsendable::<Vec<Order>>();
    assert!(why.contains("`Order::Sell` is written as number 2"), "{why}");
    let _ = (Price::Buy(1), Price::Sell(1), Price::Hold(1), Order::Buy, Order::Sell(1));
}

#[derive(Serialize, Deserialize)]
struct Account {
    name: String,
    #[serde(skip_serializing, default)]
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Half {
    #[serde(skip_deserializing)]
    seen: u8,
    kept: u16,
}

#[test]
fn a_field_that_is_only_read_or_only_written_is_found_by_its_name() {
    let why = unsendable::<Account>();
    assert!(why.contains("`Account`") && why.contains("`password` is read and not written"), "{why}");
    let why = unsendable::<Half>();
    assert_eq!(why, "the field `seen` of `Half`: `u8` is written where `u16` is read");
    let of = |account: Account, half: Half| (account.name, account.password, half.seen, half.kept);
    let _ = of;
}

#[derive(Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    tail: u8,
}

#[derive(Serialize, Deserialize)]
struct Zero {
    #[serde(skip_serializing_if = "is_zero", default)]
    count: u8,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u8) -> bool {
    *count == 0
}

#[test]
fn a_field_that_is_sometimes_left_out_is_found_by_its_name() {
    let why = unsendable::<Sparse>();
    assert!(why.contains("the field `note` of `Sparse` is left out"), "{why}");
    let why = unsendable::<(u8, Vec<Zero>)>();
    assert!(why.contains("the field `count` of `Zero` is left out"), "{why}");
    let of = |sparse: Sparse, zero: Zero| (sparse.note, sparse.tail, zero.count);
    let _ = of;
}

#[derive(Serialize, Deserialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Serialize, Deserialize)]
struct Rest {
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(u8),
    Text(String),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    One { a: u8 },
}

#[test]
fn types_that_say_themselves_what_they_are_are_found() {
    assert!(unsendable::<Flat>().contains("`#[serde(flatten)]`"));
    for why in [unsendable::<Loose>(), unsendable::<(u8, Tagged)>(), unsendable::<serde_json::Value>()] {
        assert!(why.contains("must say itself what it is"), "{why}");
    }
    let of = |flat: Flat| (flat.id, flat.rest.name);
    let _ = (of, Loose::Number(1), Loose::Text(String::new()), Tagged::One { a: 1 });
}
