//! The parts of a value that is compared: elements, entries, and fields.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::checker::{Checker, Expected};
use super::graph::{NodeId, Obstacle};
use super::tracer::Stop;

/// The elements of a list.
pub(super) struct List<'t>(pub(super) Checker<'t>);

impl SerializeSeq for List<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        value.serialize(self.0)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

/// The entries of a map.
pub(super) struct Entries<'t> {
    pub(super) key: Checker<'t>,
    pub(super) value: Checker<'t>,
}

impl SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        key.serialize(self.key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        value.serialize(self.value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

/// The fields of a struct, a tuple or a variant.
pub(super) struct Fields<'t> {
    checker: Checker<'t>,
    /// The part that they are compared with, if anything is known of it.
    part: Option<(NodeId, usize)>,
    /// The names of those that were written.
    written: Vec<&'static str>,
    /// The number of those that were written.
    count: usize,
}

impl<'t> Fields<'t> {
    pub(super) fn new(checker: Checker<'t>, part: Option<(NodeId, usize)>) -> Self {
        Fields { checker, part, written: Vec::new(), count: 0 }
    }

    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: Option<&'static str>,
        value: &T,
    ) -> Result<(), Stop> {
        let expected = self.part.and_then(|(node, part)| {
            let graph = self.checker.graph.borrow();
            graph.nodes[node].parts.get(part)?.children.get(self.count).copied().flatten()
        });
        self.count += 1;
        self.written.extend(name);
        let written = value.serialize(self.checker.with(Expected::of(expected)));
        if written.is_err() {
            self.locate(name);
        }
        written
    }

    /// Adds to an obstacle that was just found the field that it is in.
    fn locate(&self, name: Option<&'static str>) {
        let (Some(name), label) = (name, self.label()) else { return };
        let mut graph = self.checker.graph.borrow_mut();
        if let (false, Some(Obstacle::Unsendable(text))) = (graph.located, &mut graph.obstacle) {
            *text = format!("the field `{name}` of {label}: {text}");
            graph.located = true;
        }
    }

    fn left_out(&self, name: &'static str) -> Result<(), Stop> {
        let label = self.label();
        self.checker.differs(format!(
            "the field `{name}` of {label} is left out of some values (`skip_serializing_if`), and is always read"
        ))
    }

    fn label(&self) -> String {
        self.part.map_or_else(|| "a struct".to_owned(), |(node, _)| self.checker.graph.borrow().label(node))
    }

    /// Compares the number of the fields.
    pub(super) fn finish(self) -> Result<(), Stop> {
        let Some((node, index)) = self.part else { return Ok(()) };
        let label = self.label();
        let mut graph = self.checker.graph.borrow_mut();
        let Some(part) = graph.nodes[node].parts.get_mut(index) else { return Ok(()) };
        if part.completed.is_none() {
            return Ok(()); // not all of its fields are known
        }
        let (read, names) = (part.children.len(), part.names.unwrap_or_default());
        if read == self.count {
            if self.written.len() == self.count {
                part.written.get_or_insert(self.written);
            }
            return Ok(());
        }
        drop(graph);
        let missing = names.iter().find(|name| !self.written.contains(name));
        let surplus = self.written.iter().find(|name| !names.contains(name));
        let field = match (read > self.count, missing, surplus) {
            (true, Some(name), _) => format!(": `{name}` is read and not written"),
            (false, _, Some(name)) => format!(": `{name}` is written and not read"),
            _ => String::new(),
        };
        self.checker.differs(format!(
            "{label} is written with {} fields and read with {read}{field}; write and read the same fields, `#[serde(skip)]` does",
            self.count
        ))
    }
}

/// Implements a trait of serde for fields without names.
macro_rules! unnamed {
    ($($name:ident $function:ident),*) => {$(
        impl $name for Fields<'_> {
            type Ok = ();
            type Error = Stop;

            fn $function<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.field(None, value)
            }

            fn end(self) -> Result<(), Stop> {
                self.finish()
            }
        }
    )*};
}

unnamed!(SerializeTuple serialize_element, SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

/// Implements a trait of serde for fields with names.
macro_rules! named {
    ($($name:ident),*) => {$(
        impl $name for Fields<'_> {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Stop> {
                self.field(Some(name), value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Stop> {
                self.left_out(name)
            }

            fn end(self) -> Result<(), Stop> {
                self.finish()
            }
        }
    )*};
}

named!(SerializeStruct, SerializeStructVariant);
