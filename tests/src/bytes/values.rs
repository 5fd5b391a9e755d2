//! Types of many shapes for the codec's fuzz target, and how deep and how large their values are by hand.

use std::collections::{BTreeMap, BTreeSet};

use rpc_core::stub::{ByteBuf, Bytes};
use serde::{Deserialize, Serialize};

/// An enum that holds itself in every way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Value {
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
    Point { x: f64, y: f32, label: Wrapped },
    Units(Vec<()>),
    Pair(Box<(Value, Value)>),
}

/// A newtype.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wrapped(pub u16);

/// A chain that is as deep as it is long: two levels each, the enum's and the struct's.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Chain {
    End,
    Link(Box<Link>),
}

/// An element of a chain.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Link {
    pub next: Chain,
}

/// A value of every shape that is not an enum.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shapes {
    pub unit: (),
    pub tuple: (u8, Option<i16>),
    pub array: [u8; 3],
    pub set: BTreeSet<u8>,
    pub results: BTreeMap<u32, Result<ByteBuf, Vec<()>>>,
    pub nested: Vec<Vec<Option<(u8, bool)>>>,
}

/// A value that points into the bytes it was read from.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Borrowed<'a> {
    pub name: &'a str,
    #[serde(borrow)]
    pub bytes: &'a Bytes,
    #[serde(borrow)]
    pub more: Vec<&'a str>,
    pub last: Option<&'a str>,
}

impl Borrowed<'_> {
    /// The address and length of each part.
    pub(super) fn parts(&self) -> Vec<(usize, usize)> {
        let texts = self.more.iter().chain(&self.last).chain([&self.name]);
        let mut parts: Vec<_> = texts.map(|text| (text.as_ptr() as usize, text.len())).collect();
        parts.push((self.bytes.as_ptr() as usize, self.bytes.len()));
        parts
    }
}

/// The number that the guard counts, counted by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub depth: usize,
    pub elements: usize,
}

impl Extent {
    fn below(parts: impl Iterator<Item = Extent>, levels: usize, elements: usize) -> Extent {
        let inner = parts.fold(Extent::default(), |all, part| Extent {
            depth: all.depth.max(part.depth),
            elements: all.elements + part.elements,
        });
        Extent { depth: levels + inner.depth, elements: elements + inner.elements }
    }
}

impl Value {
    pub(super) fn extent(&self) -> Extent {
        use std::iter::{empty, once};
        match self {
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Letter(_) => {
                Extent::below(empty(), 1, 0)
            }
            Value::Text(_) | Value::Blob(_) | Value::Large(..) => Extent::below(empty(), 1, 0),
            Value::Maybe(inner) => Extent::below(inner.iter().map(|value| value.extent()), 2, 0),
            Value::List(list) => Extent::below(list.iter().map(Value::extent), 2, list.len()),
            Value::Map(map) => Extent::below(map.values().map(Value::extent), 2, map.len()),
            Value::Point { label: Wrapped(_), .. } => Extent::below(empty(), 2, 0),
            Value::Units(units) => Extent::below(empty(), 2, units.len()),
            Value::Pair(pair) => Extent::below(once(pair.0.extent()).chain(once(pair.1.extent())), 2, 0),
        }
    }
}

impl Chain {
    /// This chain with one more link in front.
    pub(super) fn behind(self) -> Chain {
        Chain::Link(Box::new(Link { next: self }))
    }

    pub(super) fn extent(&self) -> Extent {
        let mut depth = 1;
        let mut chain = self;
        while let Chain::Link(link) = chain {
            depth += 2;
            chain = &link.next;
        }
        Extent { depth, elements: 0 }
    }
}

impl Shapes {
    /// Its depth is bounded by its type.
    pub(super) fn extent(&self) -> Extent {
        let units = |result: &Result<ByteBuf, Vec<()>>| result.as_ref().err().map_or(0, Vec::len);
        let results = self.results.len() + self.results.values().map(units).sum::<usize>();
        let nested = self.nested.len() + self.nested.iter().map(Vec::len).sum::<usize>();
        Extent { depth: 5, elements: self.set.len() + results + nested }
    }
}
