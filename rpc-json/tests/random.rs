//! Random types and values of them: the bytes become JSON and the JSON the same bytes.

use std::collections::BTreeSet;

use fastrand::Rng;
use rpc_core::reflection::{Definition, Fields, Format, Formats, Leaf, Shape, Variant};
use rpc_json::{Decoded, encode};
use serde_json::Value;

/// Types that are tried, each with some values: a second of them.
const TYPES: u64 = 2000;
const VALUES: usize = 5;
/// Most levels of a random type.
const DEPTH: u32 = 4;

const LEAVES: [Leaf; 17] = [
    Leaf::Unit,
    Leaf::Bool,
    Leaf::I8,
    Leaf::I16,
    Leaf::I32,
    Leaf::I64,
    Leaf::I128,
    Leaf::U8,
    Leaf::U16,
    Leaf::U32,
    Leaf::U64,
    Leaf::U128,
    Leaf::F32,
    Leaf::F64,
    Leaf::Char,
    Leaf::Str,
    Leaf::Bytes,
];

struct Made {
    random: Rng,
    definitions: Vec<Definition>,
}

impl Made {
    fn format(&mut self, depth: u32) -> Format {
        let simple = depth == 0 || self.random.u8(0..4) == 0;
        if simple {
            return Format::Leaf(LEAVES[self.random.usize(0..LEAVES.len())]);
        }
        let inner = |made: &mut Made| Box::new(made.format(depth - 1));
        match self.random.u8(0..8) {
            0 => Format::Option(inner(self)),
            1 => Format::Seq(inner(self)),
            2 => Format::Map(inner(self), inner(self)),
            3 => Format::Array(inner(self), self.random.usize(0..4)),
            4 => Format::Tuple((0..self.random.usize(1..4)).map(|_| self.format(depth - 1)).collect()),
            _ => self.named(depth),
        }
    }

    fn named(&mut self, depth: u32) -> Format {
        let known = self.definitions.len();
        if known > 0 && self.random.bool() {
            return Format::Named(self.random.usize(0..known));
        }
        let shape = match self.random.u8(0..3) {
            0 => Shape::Struct(self.fields(depth - 1)),
            1 => Shape::Same(self.format(depth - 1)),
            _ => {
                let count = self.random.usize(1..4);
                Shape::Enum(
                    (0..count)
                        .map(|number| Variant { name: format!("V{number}"), fields: self.fields(depth - 1) })
                        .collect(),
                )
            }
        };
        self.definitions.push(Definition { name: "T".to_owned(), shape });
        Format::Named(self.definitions.len() - 1)
    }

    fn fields(&mut self, depth: u32) -> Fields {
        let count = self.random.usize(1..4);
        match self.random.u8(0..3) {
            0 => Fields::Unit,
            1 => Fields::Tuple((0..count).map(|_| self.format(depth)).collect()),
            _ => Fields::Named((0..count).map(|number| (format!("f{number}"), self.format(depth))).collect()),
        }
    }

    /// Appends the bytes of a random value.
    fn value(&mut self, format: &Format, bytes: &mut Vec<u8>) {
        match format {
            Format::Leaf(leaf) => self.leaf(*leaf, bytes),
            Format::Option(inner) => {
                let some = self.random.bool();
                bytes.push(u8::from(some));
                if some {
                    self.value(inner, bytes);
                }
            }
            Format::Seq(inner) => {
                let length = self.length(bytes);
                (0..length).for_each(|_| self.value(inner, bytes));
            }
            Format::Map(key, value) => self.map(key, value, bytes),
            Format::Array(inner, length) => (0..*length).for_each(|_| self.value(inner, bytes)),
            Format::Tuple(parts) => parts.iter().for_each(|part| self.value(part, bytes)),
            Format::Named(index) => match self.definitions[*index].shape.clone() {
                Shape::Same(same) => self.value(&same, bytes),
                Shape::Struct(fields) => fields.iter().for_each(|(_, field)| self.value(field, bytes)),
                Shape::Enum(variants) => {
                    let number = self.random.usize(0..variants.len());
                    bytes.extend((number as u32).to_le_bytes());
                    variants[number].fields.iter().for_each(|(_, field)| self.value(field, bytes));
                }
            },
        }
    }

    fn length(&mut self, bytes: &mut Vec<u8>) -> u64 {
        let length = self.random.u64(0..4);
        bytes.extend(length.to_le_bytes());
        length
    }

    /// Keys that become names are in the order of a sorted map, or one of them is there twice.
    fn map(&mut self, key: &Format, value: &Format, bytes: &mut Vec<u8>) {
        let keys: BTreeSet<Vec<u8>> = (0..self.random.usize(0..4))
            .map(|_| {
                let mut one = Vec::new();
                self.value(key, &mut one);
                one
            })
            .collect();
        let mut keys: Vec<Vec<u8>> = keys.into_iter().collect();
        match key {
            Format::Leaf(leaf @ (Leaf::I8 | Leaf::I16 | Leaf::I32 | Leaf::I64 | Leaf::I128)) => {
                keys.sort_by_key(|key| number(key, *leaf != Leaf::Unit));
            }
            Format::Leaf(Leaf::U8 | Leaf::U16 | Leaf::U32 | Leaf::U64 | Leaf::U128) => {
                keys.sort_by_key(|key| number(key, false) as u128);
            }
            Format::Leaf(Leaf::Str) => keys.sort_by(|a, b| a[8..].cmp(&b[8..])),
            _ => {}
        }
        if let (true, Some(first)) = (self.random.u8(0..4) == 0, keys.first().cloned()) {
            keys.push(first);
        }
        bytes.extend((keys.len() as u64).to_le_bytes());
        for key in keys {
            bytes.extend(key);
            self.value(value, bytes);
        }
    }

    fn leaf(&mut self, leaf: Leaf, bytes: &mut Vec<u8>) {
        let width = match leaf {
            Leaf::Unit => 0,
            Leaf::Bool => return bytes.push(u8::from(self.random.bool())),
            Leaf::I8 | Leaf::U8 => 1,
            Leaf::I16 | Leaf::U16 => 2,
            Leaf::I32 | Leaf::U32 | Leaf::F32 => 4,
            Leaf::I64 | Leaf::U64 | Leaf::F64 => 8,
            Leaf::I128 | Leaf::U128 => 16,
            Leaf::Char => return bytes.extend(self.random.char(..).encode_utf8(&mut [0; 4]).as_bytes()),
            Leaf::Str => {
                let text: String = (0..self.random.usize(0..4)).map(|_| self.random.char(..)).collect();
                bytes.extend((text.len() as u64).to_le_bytes());
                return bytes.extend(text.as_bytes());
            }
            Leaf::Bytes => {
                let length = self.length(bytes);
                return (0..length).for_each(|_| bytes.push(self.random.u8(..)));
            }
        };
        // Often a number at an end of its range.
        let filled = [None, None, Some(0), Some(0xff)][self.random.usize(0..4)];
        let any = (0..width).map(|_| filled.unwrap_or_else(|| self.random.u8(..))).collect::<Vec<u8>>();
        bytes.extend(any);
    }
}

/// Returns a number of up to 128 bits.
fn number(bytes: &[u8], signed: bool) -> i128 {
    let fill = if signed && bytes.last().is_some_and(|last| *last >= 0x80) { 0xff } else { 0 };
    let mut wide = [fill; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

#[test]
fn the_bytes_of_random_types_become_json_and_the_same_bytes_again() {
    let mut lengths = 0;
    for seed in 0..TYPES {
        let mut made = Made { random: Rng::with_seed(seed), definitions: Vec::new() };
        let value = made.format(DEPTH);
        for _ in 0..VALUES {
            let mut bytes = Vec::new();
            made.value(&value, &mut bytes);
            lengths += bytes.len();
            let formats = Formats {
                arguments: Vec::new(),
                value: value.clone(),
                error: None,
                definitions: made.definitions.clone(),
            };
            let decoded = match Decoded::from_bytes(&formats, &value, &bytes) {
                Ok(decoded) => decoded,
                Err(mistake) => panic!("seed {seed}: {mistake}: {formats:?} {bytes:?}"),
            };
            let read: Value = serde_json::from_str(&decoded.to_string()).expect("it is JSON");
            match encode(&formats, &value, &read) {
                Ok(again) => assert_eq!(again, bytes, "seed {seed}: {decoded}, {formats:?}"),
                Err(mistake) => panic!("seed {seed}: {mistake}: {decoded}, {formats:?}"),
            }
        }
    }
    assert!(lengths > 100_000, "{lengths} bytes"); // the values are not empty
}
