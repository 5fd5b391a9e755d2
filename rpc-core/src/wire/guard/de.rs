//! The guard on the way in: from the codec's deserializer to the type's visitor, and what is passed between them.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::limits::{MEMORY_PER_BYTE, Nesting, SPARE_ELEMENTS, SPARE_MEMORY};

/// The number of elements that the bytes may still claim, and the memory that these may take.
#[derive(Debug)]
pub(in crate::wire) struct Budget {
    bytes: usize,
    nesting: Nesting,
    left: Cell<usize>,
    memory: Cell<usize>,
}

impl Budget {
    /// Returns the budget of `bytes` bytes: an element for each, and a few that take no bytes; the memory for them; and the
    /// nesting.
    pub(in crate::wire) fn new(bytes: usize, nesting: Nesting) -> Self {
        Budget { bytes, nesting, left: Cell::new(bytes.saturating_add(SPARE_ELEMENTS)), memory: Cell::new(0) }
    }

    /// Charges the memory of `count` elements of `size` bytes each.
    fn charge_memory<E: Error>(&self, count: usize, size: usize) -> Result<(), E> {
        let limit = self.bytes.saturating_mul(MEMORY_PER_BYTE).saturating_add(SPARE_MEMORY);
        let taken = self.memory.get();
        let memory = count.saturating_mul(size).saturating_add(taken);
        if memory > limit {
            return Err(too_much_memory(count, size, limit - taken, limit));
        }
        self.memory.set(memory);
        Ok(())
    }

    /// Charges a collection's claim; returns for how many of its elements memory may be reserved. All collections
    /// of a value together get no more of those than there are bytes.
    #[inline]
    fn charge<E: Error>(&self, claimed: Option<usize>) -> Result<usize, E> {
        let left = self.left.get();
        match claimed {
            Some(claimed) if claimed <= left => {
                self.left.set(left - claimed);
                Ok(claimed.min(left.saturating_sub(SPARE_ELEMENTS)))
            }
            Some(claimed) => Err(too_many(claimed, left, self.bytes.saturating_add(SPARE_ELEMENTS))),
            None => Err(no_length()),
        }
    }
}

/// The levels that a part of the value may have, and the parts that all levels share.
#[derive(Clone, Copy)]
struct Level<'a> {
    left: u32,
    budget: &'a Budget,
}

impl Level<'_> {
    #[inline]
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Level { left, ..self }),
            None => Err(too_deep(self.budget)),
        }
    }
}

/// Anything of serde's with the guard around it: a deserializer, a seed, an enum, or the visitor of a shape whose
/// size its type says (option, newtype, tuple, struct).
pub(in crate::wire) struct Guarded<'a, X> {
    inner: X,
    level: Level<'a>,
}

/// The visitor of a shape whose size the bytes claim: a sequence or a map.
struct Claimed<'a, V>(Guarded<'a, V>);

/// Elements on their way to a visitor.
struct Elements<'a, A> {
    access: Guarded<'a, A>,
    /// The most elements to reserve memory for.
    reserve: usize,
    /// Elements of a sequence, or keys of a map, whose memory is not charged yet: all of them, or none.
    uncharged: usize,
    /// The same for the values of a map.
    uncharged_values: usize,
}

/// Charges the memory of all elements of a collection before the first of them is read: only there is their type known.
#[inline]
fn charge_all<T, E: Error>(uncharged: &mut usize, budget: &Budget) -> Result<(), E> {
    match std::mem::take(uncharged) {
        0 => Ok(()),
        count => budget.charge_memory(count, size_of::<T>()),
    }
}

impl<'a, D> Guarded<'a, D> {
    /// The codec's deserializer, at the surface of a value.
    pub(in crate::wire) fn new(inner: D, budget: &'a Budget) -> Self {
        Guarded { inner, level: Level { left: budget.nesting.levels(), budget } }
    }
}

macro_rules! straight_through {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

macro_rules! one_level_down {
    ($wrap:expr; $($method:ident($($name:ident: $type:ty),*))*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let level = self.level.deeper()?;
            self.inner.$method($($name,)* $wrap(Guarded { inner: visitor, level }))
        }
    )*};
}

macro_rules! not_in_these_bytes {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
            Err(asks_the_bytes())
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guarded<'_, D> {
    type Error = D::Error;

    straight_through! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    one_level_down! { Claimed; deserialize_seq() deserialize_map() }
    one_level_down! { std::convert::identity;
        deserialize_option()
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
    not_in_these_bytes! { deserialize_any deserialize_ignored_any deserialize_identifier }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guarded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Guarded { inner, level: self.level })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Guarded { inner, level: self.level })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        // Its elements are a part of what holds it, which is charged or is on the stack.
        self.inner.visit_seq(Guarded { inner, level: self.level })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Guarded { inner, level: self.level })
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Claimed<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let Guarded { inner: visitor, level } = self.0;
        let uncharged = inner.size_hint().unwrap_or_default();
        let reserve = level.budget.charge(inner.size_hint())?;
        let access = Guarded { inner, level };
        visitor.visit_seq(Elements { access, reserve, uncharged, uncharged_values: 0 })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let Guarded { inner: visitor, level } = self.0;
        let uncharged = inner.size_hint().unwrap_or_default();
        let reserve = level.budget.charge(inner.size_hint())?;
        let access = Guarded { inner, level };
        visitor.visit_map(Elements { access, reserve, uncharged, uncharged_values: uncharged })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Guarded<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Guarded { inner, level: self.level })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<Option<S::Value>, A::Error> {
        let level = self.level;
        self.inner.next_element_seed(Guarded { inner, level })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<Option<S::Value>, A::Error> {
        let level = self.access.level;
        charge_all::<S::Value, _>(&mut self.uncharged, level.budget)?;
        self.access.next_element_seed(inner)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.access.inner.size_hint().map(|elements| elements.min(self.reserve))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<Option<S::Value>, A::Error> {
        let level = self.access.level;
        charge_all::<S::Value, _>(&mut self.uncharged, level.budget)?;
        self.access.inner.next_key_seed(Guarded { inner, level })
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<S::Value, A::Error> {
        let level = self.access.level;
        charge_all::<S::Value, _>(&mut self.uncharged_values, level.budget)?;
        self.access.inner.next_value_seed(Guarded { inner, level })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.access.inner.size_hint().map(|elements| elements.min(self.reserve))
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Guarded<'a, A> {
    type Error = A::Error;
    type Variant = Guarded<'a, A::Variant>;

    /// The seed reads a variant's index and nothing that nests: it stays as it is.
    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Guarded { inner, level: self.level }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, inner: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Guarded { inner, level: self.level })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, inner: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Guarded { inner, level: self.level })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        inner: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Guarded { inner, level: self.level })
    }
}

#[cold]
#[inline(never)]
fn too_deep<E: Error>(budget: &Budget) -> E {
    E::custom(format_args!("nested too deep: at most {}", budget.nesting))
}

#[cold]
#[inline(never)]
fn too_many<E: Error>(claimed: usize, left: usize, limit: usize) -> E {
    E::custom(format_args!(
        "too many elements: {claimed} claimed where {left} of the {limit} for this many bytes are left"
    ))
}

#[cold]
#[inline(never)]
fn too_much_memory<E: Error>(count: usize, size: usize, left: usize, limit: usize) -> E {
    E::custom(format_args!(
        "too large in memory: {count} elements of {size} bytes where {left} of the {limit} bytes for a body of this \
         length are left"
    ))
}

#[cold]
#[inline(never)]
fn no_length<E: Error>() -> E {
    E::custom("a sequence or map that does not say its length")
}

#[cold]
#[inline(never)]
fn asks_the_bytes<E: Error>() -> E {
    E::custom(
        "the type asks the bytes what they hold, but the encoding does not describe itself: serde's `untagged`, \
         `tag` and `flatten`, ignored and dynamic values cannot travel; a plain enum can",
    )
}
