//! The parts of a value that is made up: elements, entries, and variants.

use serde::de::value::U32Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::graph::Place;
use super::tracer::{Stop, Tracer, ended};

/// Lets a seed read the value at a place, and notes the choices that were made for it if it is refused.
fn read<'de, S: DeserializeSeed<'de>>(tracer: Tracer<'_>, seed: S) -> Result<S::Value, Stop> {
    let from = tracer.graph.borrow().made.len();
    let value = seed.deserialize(tracer);
    if let Err(stop) = &value {
        tracer.graph.borrow_mut().refused(from, &stop.0);
    }
    value
}

/// The elements of a list, or the fields of a struct.
pub(super) struct Elements<'t> {
    /// The place of the next one.
    tracer: Tracer<'t>,
    /// The number of those that are left.
    left: usize,
}

impl<'t> Elements<'t> {
    pub(super) fn new(tracer: Tracer<'t>, length: usize) -> Self {
        Elements { tracer, left: length }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let here = self.tracer;
        self.tracer.place.field += 1;
        read(here, seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The entries of a map: one or none.
pub(super) struct Entries<'t> {
    /// The place of the key.
    tracer: Tracer<'t>,
    /// True if there is an entry.
    one: bool,
}

impl<'t> Entries<'t> {
    pub(super) fn new(tracer: Tracer<'t>, one: bool) -> Self {
        Entries { tracer, one }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        if !std::mem::take(&mut self.one) {
            return Ok(None);
        }
        read(self.tracer, seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        let Place { node, part, .. } = self.tracer.place;
        read(self.tracer.at(node, part, 1), seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.one))
    }
}

/// The variant of an enum, before it is chosen.
pub(super) struct Variants<'t> {
    pub(super) tracer: Tracer<'t>,
}

impl<'de, 't> EnumAccess<'de> for Variants<'t> {
    type Error = Stop;
    type Variant = Chosen<'t>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Chosen<'t>), Stop> {
        let node = self.tracer.place.node;
        let index = {
            let mut graph = self.tracer.graph.borrow_mut();
            let Some(index) = graph.choose_variant(node) else {
                let text = format!("{} has no end: each of its variants contains it", graph.label(node));
                graph.fail(super::graph::Obstacle::Untraced(text));
                return Err(ended());
            };
            index
        };
        let variant = seed.deserialize(U32Deserializer::<Stop>::new(index)); // its number, as the codec has it
        let mut graph = self.tracer.graph.borrow_mut();
        match variant {
            Ok(variant) => {
                graph.variant(node, index).open += 1;
                Ok((variant, Chosen { tracer: self.tracer, index }))
            }
            Err(stop) => {
                graph.no_variant(node, index);
                Err(stop)
            }
        }
    }
}

/// A variant of an enum that was chosen.
pub(super) struct Chosen<'t> {
    tracer: Tracer<'t>,
    index: u32,
}

impl<'t> Chosen<'t> {
    /// Notes that the variant was read, if it was.
    fn end<T>(self, value: Result<T, Stop>) -> Result<T, Stop> {
        let (mut graph, node) = (self.tracer.graph.borrow_mut(), self.tracer.place.node);
        graph.variant(node, self.index).open -= 1;
        if value.is_ok() {
            graph.complete(node, self.index as usize);
        }
        drop(graph);
        value
    }

    /// Returns the place of the variant's first field.
    fn fields(&self) -> Tracer<'t> {
        self.tracer.at(self.tracer.place.node, self.index as usize, 0)
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.end(Ok(()))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        let value = read(self.fields(), seed);
        self.end(value)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        let value = visitor.visit_seq(Elements::new(self.fields(), length));
        self.end(value)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let node = self.tracer.place.node;
        self.tracer.graph.borrow_mut().variant(node, self.index).names = Some(names);
        let value = visitor.visit_seq(Elements::new(self.fields(), names.len()));
        self.end(value)
    }
}
