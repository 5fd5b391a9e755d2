//! Compares how a value is written with how it was read: serde lets the two differ, and the codec does not notice.
//!
//! A field that is sometimes left out, or never written, shifts all that follow; a variant that is skipped shifts the numbers of
//! those behind it. A value of another type comes out then, or none.

use std::cell::RefCell;

use serde::ser::{Serialize, Serializer};

use super::Leaf;
use super::checker_parts::{Entries, Fields, List};
use super::graph::{Graph, Kind, NodeId, Obstacle};
use super::tracer::{Stop, ended};

/// The value that a type is expected to write next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// A value of this node.
    Node(NodeId),
    /// A byte.
    Byte,
    /// Any value, since nothing is known.
    Any,
}

impl Expected {
    /// Returns what a child of a part is to be.
    pub(super) fn of(child: Option<NodeId>) -> Expected {
        child.map_or(Expected::Any, Expected::Node)
    }
}

/// The serializer that compares one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checker<'t> {
    pub(super) graph: &'t RefCell<Graph>,
    pub(super) expected: Expected,
}

impl<'t> Checker<'t> {
    pub(super) fn with(self, expected: Expected) -> Checker<'t> {
        Checker { expected, ..self }
    }

    /// Notes that what is written is not what is read.
    pub(super) fn differs<T>(self, text: String) -> Result<T, Stop> {
        self.graph.borrow_mut().fail(Obstacle::Unsendable(text));
        Err(ended())
    }

    /// Notes that a value of another kind is written.
    fn other_kind<T>(self, node: NodeId, written: &str) -> Result<T, Stop> {
        let label = self.graph.borrow().label(node);
        self.differs(format!("{written} is written where {label} is read"))
    }

    /// Returns the node behind newtypes, which have no bytes of their own; `None` if nothing is known of it.
    fn node(self) -> Option<NodeId> {
        let Expected::Node(mut node) = self.expected else { return None };
        let graph = self.graph.borrow();
        for _ in 0..graph.nodes.len() {
            if !matches!(graph.nodes[node].kind, Kind::Newtype(_)) {
                return Some(node);
            }
            node = (*graph.nodes[node].parts.first()?.children.first()?)?;
        }
        None
    }

    fn leaf(self, leaf: Leaf) -> Result<(), Stop> {
        if matches!(self.expected, Expected::Byte) {
            return if leaf == Leaf::U8 {
                Ok(())
            } else {
                self.differs("other values are written than bytes".to_owned())
            };
        }
        let Some(node) = self.node() else { return Ok(()) };
        let kind = self.graph.borrow().nodes[node].kind;
        match kind {
            Kind::Leaf(read) if read == leaf => Ok(()),
            Kind::Tuple(0) | Kind::TupleStruct(_, 0) | Kind::Struct(_, []) if leaf == Leaf::Unit => Ok(()),
            Kind::Seq if leaf == Leaf::Bytes => Ok(()), // the same bytes, if its elements are bytes
            _ => self.other_kind(node, &format!("`{}`", leaf.name())),
        }
    }

    /// Returns the part that is to be written, of a value with fields; `None` if nothing is known of it.
    fn product(self, written: &str) -> Result<Option<NodeId>, Stop> {
        let Some(node) = self.node() else { return Ok(None) };
        let kind = self.graph.borrow().nodes[node].kind;
        match kind {
            Kind::Tuple(_) | Kind::TupleStruct(..) | Kind::Struct(..) => Ok(Some(node)),
            Kind::Leaf(Leaf::Unit) => Ok(None),
            _ => self.other_kind(node, written),
        }
    }

    fn fields(self, written: &str) -> Result<Fields<'t>, Stop> {
        Ok(Fields::new(self, self.product(written)?.map(|node| (node, 0))))
    }

    /// Notes the number and the name of a variant. Returns its part, if it is known.
    fn variant(self, index: u32, name: &'static str) -> Result<Option<(NodeId, usize)>, Stop> {
        let Some(node) = self.node() else { return Ok(None) };
        let kind = self.graph.borrow().nodes[node].kind;
        let Kind::Enum(_, names) = kind else { return self.other_kind(node, "an enum") };
        self.graph.borrow_mut().nodes[node].written.insert(index, name);
        // With another number than it is read with, what follows would be compared with the fields of another variant. Or one of
        // the names is an alias: that is known at the end.
        if names.get(index as usize).is_some_and(|read| *read != name) && names.contains(&name) {
            return Ok(None);
        }
        Ok(Some((node, index as usize)))
    }
}

/// Writes the functions for simple values.
macro_rules! leaves {
    ($($function:ident $leaf:ident $type:ty),*) => {$(
        fn $function(self, _: $type) -> Result<(), Stop> {
            self.leaf(Leaf::$leaf)
        }
    )*};
}

impl<'t> Serializer for Checker<'t> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = List<'t>;
    type SerializeTuple = Fields<'t>;
    type SerializeTupleStruct = Fields<'t>;
    type SerializeTupleVariant = Fields<'t>;
    type SerializeMap = Entries<'t>;
    type SerializeStruct = Fields<'t>;
    type SerializeStructVariant = Fields<'t>;

    fn is_human_readable(&self) -> bool {
        false // as the codec
    }

    leaves! {
        serialize_bool Bool bool, serialize_i8 I8 i8, serialize_i16 I16 i16, serialize_i32 I32 i32,
        serialize_i64 I64 i64, serialize_i128 I128 i128, serialize_u8 U8 u8, serialize_u16 U16 u16,
        serialize_u32 U32 u32, serialize_u64 U64 u64, serialize_u128 U128 u128, serialize_f32 F32 f32,
        serialize_f64 F64 f64, serialize_char Char char, serialize_str Str &str, serialize_bytes Bytes &[u8]
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.leaf(Leaf::Unit)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        self.leaf(Leaf::Unit)
    }

    fn serialize_none(self) -> Result<(), Stop> {
        let Some(node) = self.node() else { return Ok(()) };
        let kind = self.graph.borrow().nodes[node].kind;
        if kind == Kind::Option { Ok(()) } else { self.other_kind(node, "an option") }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.serialize_none()?;
        value.serialize(self.with(self.child(0)))
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, name: &'static str) -> Result<(), Stop> {
        let part = self.variant(index, name)?;
        Fields::new(self, part).finish()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self) // it has no bytes of its own
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        let part = self.variant(index, name)?;
        let mut fields = Fields::new(self, part);
        fields.field(None, value)?;
        fields.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'t>, Stop> {
        let Some(node) = self.node() else { return Ok(List(self.with(Expected::Any))) };
        let kind = self.graph.borrow().nodes[node].kind;
        match kind {
            Kind::Seq => Ok(List(self.with(self.child(0)))),
            Kind::Leaf(Leaf::Bytes) => Ok(List(self.with(Expected::Byte))),
            _ => self.other_kind(node, "a list"),
        }
    }

    fn serialize_tuple(self, _: usize) -> Result<Fields<'t>, Stop> {
        self.fields("a tuple")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Fields<'t>, Stop> {
        self.fields("a tuple")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Fields<'t>, Stop> {
        Ok(Fields::new(self, self.variant(index, name)?))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'t>, Stop> {
        let Some(node) = self.node() else {
            return Ok(Entries { key: self.with(Expected::Any), value: self.with(Expected::Any) });
        };
        let kind = self.graph.borrow().nodes[node].kind;
        match kind {
            Kind::Map => Ok(Entries { key: self.with(self.child(0)), value: self.with(self.child(1)) }),
            _ => self.other_kind(node, "a map"),
        }
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'t>, Stop> {
        self.fields("a struct")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Fields<'t>, Stop> {
        Ok(Fields::new(self, self.variant(index, name)?))
    }
}

impl Checker<'_> {
    /// Returns what a part of the expected value is to be.
    fn child(self, field: usize) -> Expected {
        let Some(node) = self.node() else { return Expected::Any };
        let graph = self.graph.borrow();
        let part = graph.nodes[node].parts.first();
        Expected::of(part.and_then(|part| part.children.get(field).copied().flatten()))
    }
}
