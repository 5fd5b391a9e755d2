//! Seeded: values come back as they went, and no bytes make a decoder panic, grow or run away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{bare, decode, encode};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Value {
    Null,
    Flag(bool),
    Number(i64),
    Large(i128, u128),
    Letter(char),
    Text(String),
    Blob(ByteBuf),
    Maybe(Option<Box<Value>>),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Point { x: f64, y: f32 },
    Units(Vec<()>),
}

fn value(rng: &mut Rng, depth: u32) -> Value {
    let text = |rng: &mut Rng| (0..rng.usize(..6)).map(|_| rng.char(..)).collect::<String>();
    match rng.u8(..if depth == 0 { 8 } else { 12 }) {
        0 => Value::Null,
        1 => Value::Flag(rng.bool()),
        2 => Value::Number(rng.i64(..)),
        3 => Value::Large(rng.i128(..), rng.u128(..)),
        4 => Value::Letter(rng.char(..)),
        5 => Value::Text(text(rng)),
        6 => Value::Blob((0..rng.usize(..9)).map(|_| rng.u8(..)).collect::<Vec<_>>().into()),
        7 => Value::Point { x: rng.f64(), y: rng.f32() },
        8 => Value::Maybe(rng.bool().then(|| Box::new(value(rng, depth - 1)))),
        9 => Value::List((0..rng.usize(..5)).map(|_| value(rng, depth - 1)).collect()),
        10 => Value::Map((0..rng.usize(..5)).map(|_| (text(rng), value(rng, depth - 1))).collect()),
        _ => Value::Units(vec![(); rng.usize(..9)]),
    }
}

#[test]
fn values_come_back_as_they_went() {
    for seed in 0..20_000 {
        let mut rng = Rng::with_seed(seed);
        let sent = (value(&mut rng, 6), seed);
        let mut bytes = vec![0xaa; 3];
        encode(&sent, &mut bytes, usize::MAX).unwrap();
        assert_eq!(bytes[..3], [0xaa; 3]);
        assert_eq!(decode::<(Value, u64)>(&bytes[3..]).as_ref(), Ok(&sent), "seed {seed}");
    }
}

/// Few distinct bytes, so that tags, variants and lengths are often right, and now and then a whole small length.
fn noise(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(..24) {
        match rng.u8(..8) {
            0..4 => bytes.extend_from_slice(&u32::from(rng.u8(..14)).to_le_bytes()),
            4 | 5 => bytes.extend_from_slice(&u64::from(rng.u8(..5)).to_le_bytes()),
            6 => bytes.push(rng.u8(..3)),
            _ => bytes.push(rng.u8(..)),
        }
    }
    bytes
}

/// A value that is decoded equals the value that the codec alone decodes, and encodes to no more bytes than it had.
fn survive<T: Serialize + for<'de> Deserialize<'de> + Debug>(bytes: &[u8], seed: u64) -> bool {
    let Ok(value) = decode::<T>(bytes) else { return false };
    let alone = bare::decode::<T>(bytes).unwrap();
    assert_eq!(format!("{alone:?}"), format!("{value:?}"), "seed {seed}"); // by text: a NaN is not equal to itself
    let mut again = Vec::new();
    encode(&value, &mut again, bytes.len()).unwrap_or_else(|error| panic!("seed {seed}: {error}: {value:?}"));
    true
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    let mut decoded = [0_u32; 6];
    for seed in 0..200_000 {
        let bytes = noise(&mut Rng::with_seed(seed));
        let passed = [
            survive::<Value>(&bytes, seed),
            survive::<Vec<Value>>(&bytes, seed),
            survive::<(String, Option<Vec<u16>>, BTreeSet<u8>)>(&bytes, seed),
            survive::<BTreeMap<u32, Result<ByteBuf, Vec<()>>>>(&bytes, seed),
            survive::<Vec<Vec<Option<(u8, bool)>>>>(&bytes, seed),
            decode::<(&str, &[u8])>(&bytes).is_ok(),
        ];
        passed.iter().zip(&mut decoded).for_each(|(passed, count)| *count += u32::from(*passed));
    }
    println!("decoded of 200,000: {decoded:?}");
    assert!(decoded.iter().all(|count| *count > 20), "noise so noisy that it tests little: {decoded:?}");
}

#[test]
fn no_damage_to_good_bytes_makes_a_decoder_panic() {
    for seed in 0..20_000 {
        let mut rng = Rng::with_seed(seed);
        let mut bytes = Vec::new();
        encode(&value(&mut rng, 6), &mut bytes, usize::MAX).unwrap();
        for _ in 0..1 + rng.usize(..3) {
            match rng.u8(..3) {
                0 => bytes.truncate(rng.usize(..=bytes.len())),
                1 => bytes.push(rng.u8(..)),
                _ if bytes.is_empty() => {}
                _ => {
                    let at = rng.usize(..bytes.len());
                    bytes[at] = rng.u8(..);
                }
            }
        }
        survive::<Value>(&bytes, seed);
    }
}
