//! Reads a type without bytes: a deserializer that notes what a visitor asks for, and answers with made-up values.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};

use super::Leaf;
use super::access::{Elements, Entries, Variants};
use super::graph::{Graph, Kind, NodeId, Obstacle, Place};
use super::samples::{CHARS, FLOATS, LENGTHS, NUMBERS, TEXTS, ZEROS};

/// The error of a value that was refused, or of a trace that has ended.
#[derive(Debug)]
pub(super) struct Stop(pub(super) String);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Stop(text.to_string())
    }
}

impl serde::ser::Error for Stop {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Stop(text.to_string())
    }
}

/// Returns the error of a trace that is ended by what the graph has noted.
pub(super) fn ended() -> Stop {
    Stop("the trace has ended".to_owned())
}

/// The deserializer of one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracer<'t> {
    pub(super) graph: &'t RefCell<Graph>,
    pub(super) place: Place,
}

impl<'t> Tracer<'t> {
    /// Returns the tracer of a field.
    pub(super) fn at(self, node: NodeId, part: usize, field: usize) -> Tracer<'t> {
        Tracer { place: Place { node, part, field }, ..self }
    }

    /// Lets a visitor read a value, and notes its kind, and the choices that were made for it if it is refused.
    fn visit<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        kind: Kind,
        read: impl FnOnce(NodeId, V) -> Result<V::Value, Stop>,
    ) -> Result<V::Value, Stop> {
        let (node, from) = {
            let mut graph = self.graph.borrow_mut();
            let from = graph.made.len();
            (graph.enter(self.place, typeid::of::<V>(), kind).ok_or_else(ended)?, from)
        };
        let value = read(node, visitor);
        let mut graph = self.graph.borrow_mut();
        graph.leave(node);
        match &value {
            Ok(_) if !matches!(kind, Kind::Enum(..)) => graph.complete(node, 0),
            Ok(_) => {}
            Err(stop) => graph.refused(from, &stop.0),
        }
        drop(graph);
        value
    }

    /// Lets a visitor read a simple value, the next one of `samples` that has not been refused.
    fn leaf<'de, V: Visitor<'de>, S: Copy>(
        self,
        visitor: V,
        leaf: Leaf,
        samples: &[S],
        read: impl FnOnce(V, S) -> Result<V::Value, Stop>,
    ) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Leaf(leaf), |_, visitor| {
            let chosen = {
                let mut graph = self.graph.borrow_mut();
                if !graph.count_leaf() {
                    return Err(ended());
                }
                graph.choose(self.place, samples.len())
            };
            match samples.get(chosen) {
                Some(sample) => read(visitor, *sample),
                None => Err(ended()), // there are no samples of this kind
            }
        })
    }

    /// Notes that the values of a type cannot be sent.
    fn cannot_be_sent<T>(self, why: &str) -> Result<T, Stop> {
        let mut graph = self.graph.borrow_mut();
        let text = format!("{} {why}", graph.label(self.place.node));
        graph.fail(Obstacle::Unsendable(text));
        Err(ended())
    }
}

/// Writes the functions for whole numbers.
macro_rules! numbers {
    ($($function:ident $visit:ident $leaf:ident $type:ty),*) => {$(
        fn $function<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            let fitting = NUMBERS.partition_point(|number| <$type>::try_from(*number).is_ok());
            self.leaf(visitor, Leaf::$leaf, &NUMBERS[..fitting], |visitor, number| {
                visitor.$visit(<$type>::try_from(number).unwrap_or_default()) // those that do not fit are left out
            })
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Stop;

    fn is_human_readable(&self) -> bool {
        false // as the codec
    }

    numbers! {
        deserialize_i8 visit_i8 I8 i8, deserialize_i16 visit_i16 I16 i16, deserialize_i32 visit_i32 I32 i32,
        deserialize_i64 visit_i64 I64 i64, deserialize_i128 visit_i128 I128 i128, deserialize_u8 visit_u8 U8 u8,
        deserialize_u16 visit_u16 U16 u16, deserialize_u32 visit_u32 U32 u32, deserialize_u64 visit_u64 U64 u64,
        deserialize_u128 visit_u128 U128 u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf(visitor, Leaf::Bool, &[false, true], V::visit_bool)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf(visitor, Leaf::F32, &FLOATS, V::visit_f32)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf(visitor, Leaf::F64, &FLOATS, |visitor, number| visitor.visit_f64(f64::from(number)))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf(visitor, Leaf::Char, &CHARS, V::visit_char)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf(visitor, Leaf::Str, &TEXTS, V::visit_borrowed_str)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf(visitor, Leaf::Bytes, &LENGTHS, |visitor, length| {
            visitor.visit_borrowed_bytes(&ZEROS[..length])
        })
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Leaf(Leaf::Unit), |_, visitor| visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Option, |node, visitor| {
            let some = self.graph.borrow_mut().wants_one(self.place, node);
            if some { visitor.visit_some(self.at(node, 0, 0)) } else { visitor.visit_none() }
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Seq, |node, visitor| {
            let one = self.graph.borrow_mut().wants_one(self.place, node);
            visitor.visit_seq(Elements::new(self.at(node, 0, 0), usize::from(one)))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Map, |node, visitor| {
            let one = self.graph.borrow_mut().wants_one(self.place, node);
            visitor.visit_map(Entries::new(self.at(node, 0, 0), one))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Tuple(length), |node, visitor| {
            visitor.visit_seq(Elements::new(self.at(node, 0, 0), length))
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Newtype(name), |node, visitor| {
            visitor.visit_newtype_struct(self.at(node, 0, 0))
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::TupleStruct(name, length), |node, visitor| {
            visitor.visit_seq(Elements::new(self.at(node, 0, 0), length))
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Struct(name, fields), |node, visitor| {
            visitor.visit_seq(Elements::new(self.at(node, 0, 0), fields.len()))
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.visit(visitor, Kind::Enum(name, variants), |node, visitor| {
            visitor.visit_enum(Variants { tracer: self.at(node, 0, 0) })
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.cannot_be_sent("has a value that must say itself what it is, as with `#[serde(untagged)]` or `tag`: the bytes do not")
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.cannot_be_sent("is read by the names of its fields, as with `#[serde(flatten)]` or `content`: the bytes have none")
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.cannot_be_sent("skips a value without knowing its type: the bytes do not say where it ends")
    }
}
