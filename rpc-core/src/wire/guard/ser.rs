//! The guard on the way out: from a value to the codec's serializer. It goes around the pass that measures.

use std::cell::Cell;
use std::fmt;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::limits::Nesting;

/// The counts of a value that was measured.
#[derive(Debug, Default)]
pub(in crate::wire) struct Tally {
    elements: Cell<usize>,
    too_deep: Cell<bool>,
}

impl Tally {
    /// Returns the number of elements of all its sequences and maps together.
    pub(in crate::wire) fn elements(&self) -> usize {
        self.elements.get()
    }

    /// Returns true if it is refused for its depth. Check it even after a success: a `Serialize` may hide errors.
    pub(in crate::wire) fn too_deep(&self) -> bool {
        self.too_deep.get()
    }
}

/// The levels that a part of the value may have, and the parts that all levels share.
#[derive(Clone, Copy)]
struct Level<'a> {
    left: u32,
    tally: &'a Tally,
}

impl Level<'_> {
    #[inline]
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let Some(left) = self.left.checked_sub(1) else {
            self.tally.too_deep.set(true);
            return Err(too_deep());
        };
        Ok(Level { left, ..self })
    }
}

/// A value, or a part of one, that serializes through the guard.
pub(in crate::wire) struct Watched<'a, T: ?Sized> {
    value: &'a T,
    level: Level<'a>,
}

impl<'a, T: ?Sized> Watched<'a, T> {
    /// A whole value, which may be nested as deep as this.
    pub(in crate::wire) fn new(value: &'a T, nesting: Nesting, tally: &'a Tally) -> Self {
        Watched { value, level: Level { left: nesting.levels(), tally } }
    }
}

impl<T: Serialize + ?Sized> Serialize for Watched<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guarded { inner, level: self.level })
    }
}

/// The codec's serializer, or one of a tuple's or struct's fields, with the guard around it.
struct Guarded<'a, X> {
    inner: X,
    level: Level<'a>,
}

/// The codec's serializer of a sequence or a map, whose length travels and therefore must be true.
struct Counted<'a, X> {
    inner: X,
    level: Level<'a>,
    announced: usize,
    written: usize,
}

impl<X> Counted<'_, X> {
    #[inline]
    fn check<E: Error>(&self) -> Result<(), E> {
        if self.written == self.announced { Ok(()) } else { Err(miscounted(self.announced, self.written)) }
    }
}

macro_rules! straight_through {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        #[inline]
        fn $method(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )*};
}

macro_rules! one_level_down {
    ($($method:ident($($name:ident: $type:ty),*) -> $fields:ident)*) => {$(
        #[inline]
        fn $method(self, $($name: $type),*) -> Result<Self::$fields, S::Error> {
            let level = self.level.deeper()?;
            Ok(Guarded { inner: self.inner.$method($($name),*)?, level })
        }
    )*};
}

macro_rules! counted {
    ($($method:ident -> $elements:ident)*) => {$(
        #[inline]
        fn $method(self, len: Option<usize>) -> Result<Self::$elements, S::Error> {
            let level = self.level.deeper()?;
            let announced = len.ok_or_else(no_length)?;
            level.tally.elements.set(level.tally.elements.get().saturating_add(announced));
            Ok(Counted { inner: self.inner.$method(len)?, level, announced, written: 0 })
        }
    )*};
}

/// Goes one level down where [`Deserializer`](serde::de::Deserializer) does in `de.rs`: for `None` and for a unit
/// variant too, so that both sides draw the line at the same place.
impl<'a, S: Serializer> Serializer for Guarded<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Counted<'a, S::SerializeSeq>;
    type SerializeTuple = Guarded<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Guarded<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guarded<'a, S::SerializeTupleVariant>;
    type SerializeMap = Counted<'a, S::SerializeMap>;
    type SerializeStruct = Guarded<'a, S::SerializeStruct>;
    type SerializeStructVariant = Guarded<'a, S::SerializeStructVariant>;

    straight_through! {
        serialize_bool(v: bool) serialize_char(v: char) serialize_f32(v: f32) serialize_f64(v: f64)
        serialize_i8(v: i8) serialize_i16(v: i16) serialize_i32(v: i32) serialize_i64(v: i64) serialize_i128(v: i128)
        serialize_u8(v: u8) serialize_u16(v: u16) serialize_u32(v: u32) serialize_u64(v: u64) serialize_u128(v: u128)
        serialize_str(v: &str) serialize_bytes(v: &[u8]) serialize_unit() serialize_unit_struct(name: &'static str)
    }

    one_level_down! {
        serialize_tuple(len: usize) -> SerializeTuple
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct
        serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeTupleVariant
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct
        serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeStructVariant
    }

    counted! { serialize_seq -> SerializeSeq serialize_map -> SerializeMap }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.level.deeper()?;
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let level = self.level.deeper()?;
        self.inner.serialize_some(&Watched { value, level })
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.level.deeper()?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let level = self.level.deeper()?;
        self.inner.serialize_newtype_struct(name, &Watched { value, level })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let level = self.level.deeper()?;
        self.inner.serialize_newtype_variant(name, index, variant, &Watched { value, level })
    }

    #[inline]
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<X: SerializeSeq> SerializeSeq for Counted<'_, X> {
    type Ok = X::Ok;
    type Error = X::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), X::Error> {
        self.written += 1;
        self.inner.serialize_element(&Watched { value, level: self.level })
    }

    #[inline]
    fn end(self) -> Result<X::Ok, X::Error> {
        self.check()?;
        self.inner.end()
    }
}

impl<X: SerializeMap> SerializeMap for Counted<'_, X> {
    type Ok = X::Ok;
    type Error = X::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), X::Error> {
        self.written += 1;
        self.inner.serialize_key(&Watched { value, level: self.level })
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), X::Error> {
        self.inner.serialize_value(&Watched { value, level: self.level })
    }

    #[inline]
    fn end(self) -> Result<X::Ok, X::Error> {
        self.check()?;
        self.inner.end()
    }
}

macro_rules! unnamed_fields {
    ($($of:ident::$method:ident)*) => {$(
        impl<X: $of> $of for Guarded<'_, X> {
            type Ok = X::Ok;
            type Error = X::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), X::Error> {
                self.inner.$method(&Watched { value, level: self.level })
            }

            #[inline]
            fn end(self) -> Result<X::Ok, X::Error> {
                self.inner.end()
            }
        }
    )*};
}

macro_rules! named_fields {
    ($($of:ident)*) => {$(
        impl<X: $of> $of for Guarded<'_, X> {
            type Ok = X::Ok;
            type Error = X::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), X::Error> {
                self.inner.serialize_field(key, &Watched { value, level: self.level })
            }

            /// The effect of `skip_serializing_if`: the reader, which is told nothing, would take the next field's
            /// bytes for this one's.
            fn skip_field(&mut self, key: &'static str) -> Result<(), X::Error> {
                Err(left_out(key))
            }

            #[inline]
            fn end(self) -> Result<X::Ok, X::Error> {
                self.inner.end()
            }
        }
    )*};
}

unnamed_fields! {
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}
named_fields! { SerializeStruct SerializeStructVariant }

#[cold]
#[inline(never)]
fn too_deep<E: Error>() -> E {
    E::custom("nested too deep")
}

#[cold]
#[inline(never)]
fn no_length<E: Error>() -> E {
    E::custom(
        "a sequence or map that does not say its length first, as a struct with flattened fields: \
         the encoding does not describe itself, so the length must travel before the elements",
    )
}

#[cold]
#[inline(never)]
fn miscounted<E: Error>(announced: usize, written: usize) -> E {
    E::custom(format_args!("a sequence or map announced {announced} elements and wrote {written}"))
}

#[cold]
#[inline(never)]
fn left_out<E: Error>(field: &str) -> E {
    E::custom(format_args!(
        "field `{field}` was left out (skip_serializing_if), but the encoding does not describe itself: \
         the reader would take what follows for it; an Option that is always written can travel"
    ))
}
