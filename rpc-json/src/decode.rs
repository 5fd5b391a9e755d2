//! From the bytes of a type (W14) to JSON, by its format.

use std::collections::HashSet;
use std::fmt;

use rpc_core::limits::SPARE_ELEMENTS;
use rpc_core::reflection::{Fields, Format, Formats, Leaf, Shape, Variant};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::encode::{is_key, may_be_null};
use crate::mistake::Mistake;
use crate::{MOST_LEVELS, PARTS_PER_BYTE, SPARE_PARTS, floats, text_of_bytes};

/// A value that was decoded. As [`Serialize`] it has the fields of a struct in their order, which a [`Value`] does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// A simple value.
    Simple(Value),
    /// A list.
    List(Vec<Decoded>),
    /// An object, in the order of its type or of the bytes.
    Object(Vec<(String, Decoded)>),
}

impl Decoded {
    /// Decodes a value of this format from all of `bytes`.
    ///
    /// # Errors
    /// Returns the place in the value at which the bytes are not of the format.
    pub fn from_bytes(formats: &Formats, format: &Format, bytes: &[u8]) -> Result<Decoded, Mistake> {
        let mut decoder = Decoder {
            formats,
            rest: bytes,
            elements: bytes.len().saturating_add(SPARE_ELEMENTS),
            parts: bytes.len().saturating_mul(PARTS_PER_BYTE).saturating_add(SPARE_PARTS),
        };
        let value = decoder.take(format, MOST_LEVELS)?;
        match decoder.rest.len() {
            0 => Ok(value),
            left => Err(Mistake::new(format!("{left} bytes are left over"))),
        }
    }
}

impl From<Decoded> for Value {
    fn from(decoded: Decoded) -> Value {
        match decoded {
            Decoded::Simple(value) => value,
            Decoded::List(list) => list.into_iter().map(Value::from).collect(),
            Decoded::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
            }
        }
    }
}

/// Writes JSON on one line.
impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?) // each name is a string: it can be written
    }
}

impl Serialize for Decoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Decoded::Simple(value) => value.serialize(serializer),
            Decoded::List(list) => list.serialize(serializer),
            Decoded::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

struct Decoder<'a> {
    formats: &'a Formats,
    rest: &'a [u8],
    /// Elements of lists and maps that may still come.
    elements: usize,
    /// Parts of the value that may still be looked at.
    parts: usize,
}

impl<'a> Decoder<'a> {
    fn take(&mut self, format: &Format, levels: usize) -> Result<Decoded, Mistake> {
        self.parts =
            self.parts.checked_sub(1).ok_or_else(|| Mistake::new("too many parts for so few bytes"))?;
        if let Format::Leaf(leaf) = format {
            return self.leaf(*leaf).map(Decoded::Simple);
        }
        let levels = levels
            .checked_sub(1)
            .ok_or_else(|| Mistake::new(format!("nested deeper than {MOST_LEVELS} levels")))?;
        match format {
            Format::Leaf(leaf) => self.leaf(*leaf).map(Decoded::Simple),
            Format::Option(inner) => self.option(inner, levels),
            Format::Seq(inner) => {
                let length = self.length()?;
                self.list(std::iter::repeat_n(&**inner, length), levels)
            }
            Format::Array(inner, length) => self.list(std::iter::repeat_n(&**inner, *length), levels),
            Format::Tuple(parts) => self.list(parts, levels),
            Format::Map(key, value) => self.map(key, value, levels),
            Format::Named(index) => {
                match self.formats.definitions.get(*index).map(|definition| &definition.shape) {
                    Some(Shape::Same(same)) => self.take(same, levels),
                    Some(Shape::Struct(fields)) => self.fields(fields, levels),
                    Some(Shape::Enum(variants)) => self.variant(variants, levels),
                    None => Err(Mistake::new("of a type that the server does not describe")),
                }
            }
        }
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Mistake> {
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => {
                Err(Mistake::new(format!("{length} bytes are needed where {} are left", self.rest.len())))
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Mistake> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// Reads the number of elements of a list or a map, which are bounded as for any reader (W15).
    fn length(&mut self) -> Result<usize, Mistake> {
        let length = u64::from_le_bytes(self.array()?);
        let charged = usize::try_from(length)
            .ok()
            .and_then(|length| Some((length, self.elements.checked_sub(length)?)));
        let Some((length, left)) = charged else {
            return Err(Mistake::new(format!("{length} elements are too many for so few bytes")));
        };
        self.elements = left;
        Ok(length)
    }

    fn list<'f>(
        &mut self,
        formats: impl IntoIterator<Item = &'f Format>,
        levels: usize,
    ) -> Result<Decoded, Mistake> {
        let mut list = Vec::new(); // grows with what is there, and not with what is announced
        for (index, format) in formats.into_iter().enumerate() {
            list.push(self.take(format, levels).map_err(|mistake| mistake.at(index))?);
        }
        Ok(Decoded::List(list))
    }

    fn option(&mut self, inner: &Format, levels: usize) -> Result<Decoded, Mistake> {
        match self.array()? {
            [0] => Ok(Decoded::Simple(Value::Null)),
            [1] => {
                let value = self.take(inner, levels)?;
                let is_inside = may_be_null(self.formats, inner);
                Ok(if is_inside { Decoded::Object(vec![("some".to_owned(), value)]) } else { value })
            }
            [tag] => Err(Mistake::new(format!("the tag of an option is {tag}, and not 0 or 1"))),
        }
    }

    fn map(&mut self, key: &Format, value: &Format, levels: usize) -> Result<Decoded, Mistake> {
        let length = self.length()?;
        let mut pairs = Vec::new();
        for index in 0..length {
            let first = self.take(key, levels).map_err(|mistake| mistake.at(index))?;
            let second = self.take(value, levels).map_err(|mistake| mistake.at(index))?;
            pairs.push((first, second));
        }
        let names = || pairs.iter().map(|(key, _)| name_of(key)).collect::<Option<Vec<String>>>();
        let names = is_key(key).then(names).flatten();
        let names = names.filter(|names| names.iter().collect::<HashSet<_>>().len() == names.len());
        Ok(match names {
            Some(names) => {
                Decoded::Object(names.into_iter().zip(pairs.into_iter().map(|(_, value)| value)).collect())
            }
            None => {
                Decoded::List(pairs.into_iter().map(|(key, value)| Decoded::List(vec![key, value])).collect())
            }
        })
    }

    fn fields(&mut self, fields: &Fields, levels: usize) -> Result<Decoded, Mistake> {
        match fields {
            Fields::Unit => Ok(Decoded::Simple(Value::Null)),
            Fields::Tuple(formats) => self.list(formats, levels),
            Fields::Named(fields) => {
                let mut object = Vec::with_capacity(fields.len());
                for (name, format) in fields {
                    let value = self.take(format, levels).map_err(|mistake| mistake.inside(name))?;
                    object.push((name.clone(), value));
                }
                Ok(Decoded::Object(object))
            }
        }
    }

    fn variant(&mut self, variants: &[Variant], levels: usize) -> Result<Decoded, Mistake> {
        let index = u32::from_le_bytes(self.array()?);
        let Some(variant) = usize::try_from(index).ok().and_then(|index| variants.get(index)) else {
            let text = format!("variant number {index} is not known: there are {}", variants.len());
            return Err(Mistake::new(text));
        };
        let inside = |value| Decoded::Object(vec![(variant.name.clone(), value)]);
        match &variant.fields {
            Fields::Unit => Ok(Decoded::Simple(Value::String(variant.name.clone()))),
            Fields::Tuple(formats) if formats.len() == 1 => self.take(&formats[0], levels).map(inside),
            fields => self.fields(fields, levels).map(inside),
        }
        .map_err(|mistake| mistake.inside(&variant.name))
    }

    fn leaf(&mut self, leaf: Leaf) -> Result<Value, Mistake> {
        macro_rules! whole {
            ($type:ty) => {
                <$type>::from_le_bytes(self.array()?).into()
            };
        }
        Ok(match leaf {
            Leaf::Unit => Value::Null,
            Leaf::Bool => match self.array()? {
                [bit @ (0 | 1)] => Value::Bool(bit == 1),
                [byte] => return Err(Mistake::new(format!("a bool is {byte}, and not 0 or 1"))),
            },
            Leaf::I8 => whole!(i8),
            Leaf::I16 => whole!(i16),
            Leaf::I32 => whole!(i32),
            Leaf::I64 => whole!(i64),
            Leaf::U8 => whole!(u8),
            Leaf::U16 => whole!(u16),
            Leaf::U32 => whole!(u32),
            Leaf::U64 => whole!(u64),
            Leaf::I128 => {
                let number = i128::from_le_bytes(self.array()?);
                let short = i64::try_from(number)
                    .map(Value::from)
                    .or_else(|_| u64::try_from(number).map(Value::from));
                short.unwrap_or_else(|_| Value::String(number.to_string()))
            }
            Leaf::U128 => {
                let number = u128::from_le_bytes(self.array()?);
                u64::try_from(number).map_or_else(|_| Value::String(number.to_string()), Value::from)
            }
            Leaf::F32 => {
                let float = f32::from_le_bytes(self.array()?);
                floats::to_value(f64::from(float), Some(float))
            }
            Leaf::F64 => floats::to_value(f64::from_le_bytes(self.array()?), None),
            Leaf::Char => self.character()?,
            Leaf::Str => {
                let length = self.bytes_announced()?;
                let text = std::str::from_utf8(self.bytes(length)?);
                Value::String(text.map_err(|_| Mistake::new("a text is not UTF-8"))?.to_owned())
            }
            Leaf::Bytes => {
                let length = self.bytes_announced()?;
                text_of_bytes::to_value(self.bytes(length)?)
            }
        })
    }

    /// Reads a length; one that no memory has is longer than what is left.
    fn bytes_announced(&mut self) -> Result<usize, Mistake> {
        Ok(usize::try_from(u64::from_le_bytes(self.array()?)).unwrap_or(usize::MAX))
    }

    /// Reads a character, whose first byte says how many there are.
    fn character(&mut self) -> Result<Value, Mistake> {
        let length = match self.rest.first() {
            Some(0xf0..) => 4,
            Some(0xe0..) => 3,
            Some(0xc0..) => 2,
            _ => 1,
        };
        let text =
            std::str::from_utf8(self.bytes(length)?).map_err(|_| Mistake::new("a char is not UTF-8"))?;
        Ok(Value::String(text.to_owned()))
    }
}

/// Returns a simple value as the name in an object.
fn name_of(decoded: &Decoded) -> Option<String> {
    match decoded {
        Decoded::Simple(Value::String(text)) => Some(text.clone()),
        Decoded::Simple(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
        _ => None,
    }
}
