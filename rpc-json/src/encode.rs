//! From JSON to the bytes of a type (W14), by its format.

use rpc_core::limits::SPARE_ELEMENTS;
use rpc_core::reflection::{Argument, Fields, Format, Formats, Leaf, Shape, Variant};
use serde_json::{Map, Value};

use crate::mistake::{Mistake, Shown};
use crate::names::advice;
use crate::{MOST_LEVELS, floats, text_of_bytes};

/// Returns the bytes of a value that has this format.
///
/// # Errors
/// Returns the place in the value where it is not of the format, with what was expected and what was given.
pub fn encode(formats: &Formats, format: &Format, value: &Value) -> Result<Vec<u8>, Mistake> {
    let mut encoder = Encoder { formats, bytes: Vec::new(), elements: 0 };
    encoder.put(format, value, MOST_LEVELS)?;
    encoder.end()
}

/// Returns the bytes of the arguments of a method: an object of them by their names, or a list of them in their order.
///
/// # Errors
/// Returns the place in the value where it is not of the format, with what was expected and what was given.
pub fn encode_arguments(
    formats: &Formats,
    arguments: &[Argument<'_>],
    value: &Value,
) -> Result<Vec<u8>, Mistake> {
    let mut encoder = Encoder { formats, bytes: Vec::new(), elements: 0 };
    let parts = &formats.arguments;
    let fields = || arguments.iter().map(|argument| argument.name).zip(parts);
    match value {
        Value::Object(object) if arguments.len() == parts.len() => {
            encoder.put_fields("argument", &fields().collect::<Vec<_>>(), object, MOST_LEVELS - 1)?;
        }
        Value::Array(list) if list.len() == parts.len() => {
            for (index, (format, value)) in parts.iter().zip(list).enumerate() {
                let name = arguments
                    .get(index)
                    .map_or_else(|| format!("[{index}]"), |argument| argument.name.to_owned());
                encoder.put(format, value, MOST_LEVELS - 1).map_err(|mistake| mistake.inside(&name))?;
            }
        }
        Value::Null if parts.is_empty() => {}
        _ => {
            let names: Vec<String> =
                fields().map(|(name, format)| format!("{name}: {}", Shown(format, formats))).collect();
            let of = if names.is_empty() {
                "no arguments".to_owned()
            } else {
                format!("the arguments ({})", names.join(", "))
            };
            return Err(Mistake::expected(format_args!("{of}, as an object or a list"), value));
        }
    }
    encoder.end()
}

struct Encoder<'f> {
    formats: &'f Formats,
    bytes: Vec<u8>,
    /// Elements of lists and maps so far.
    elements: usize,
}

impl Encoder<'_> {
    /// Checks what a reader checks (W15): elements without bytes are bounded.
    fn end(self) -> Result<Vec<u8>, Mistake> {
        let most = self.bytes.len() + SPARE_ELEMENTS;
        if self.elements > most {
            let text = format!(
                "{} elements in {} bytes are more than a reader takes",
                self.elements,
                self.bytes.len()
            );
            return Err(Mistake::new(text));
        }
        Ok(self.bytes)
    }

    fn put(&mut self, format: &Format, value: &Value, levels: usize) -> Result<(), Mistake> {
        if let Format::Leaf(leaf) = format {
            return self.put_leaf(*leaf, value);
        }
        let levels = levels
            .checked_sub(1)
            .ok_or_else(|| Mistake::new(format!("nested deeper than {MOST_LEVELS} levels")))?;
        match format {
            Format::Leaf(_) => Ok(()), // above
            Format::Option(inner) => self.put_option(inner, value, levels),
            Format::Seq(inner) => {
                let list = value.as_array().ok_or_else(|| self.expected(format, value))?;
                self.put_length(list.len());
                self.put_all(std::iter::repeat(&**inner), list, levels)
            }
            Format::Array(inner, length) => match value.as_array().filter(|list| list.len() == *length) {
                Some(list) => self.put_all(std::iter::repeat(&**inner), list, levels),
                None => Err(self.expected(format, value)),
            },
            Format::Tuple(parts) => match value.as_array().filter(|list| list.len() == parts.len()) {
                Some(list) => self.put_all(parts, list, levels),
                None => Err(self.expected(format, value)),
            },
            Format::Map(key, of) => self.put_map(format, (key, of), value, levels),
            Format::Named(index) => {
                match self.formats.definitions.get(*index).map(|definition| &definition.shape) {
                    Some(Shape::Same(same)) => self.put(same, value, levels),
                    Some(Shape::Struct(fields)) => self.put_struct(format, fields, value, levels),
                    Some(Shape::Enum(variants)) => self.put_enum(format, variants, value, levels),
                    None => Err(self.expected(format, value)),
                }
            }
        }
    }

    fn expected(&self, format: &Format, value: &Value) -> Mistake {
        Mistake::expected(Shown(format, self.formats), value)
    }

    fn put_length(&mut self, length: usize) {
        self.elements = self.elements.saturating_add(length);
        self.bytes.extend((length as u64).to_le_bytes());
    }

    fn put_all<'f>(
        &mut self,
        formats: impl IntoIterator<Item = &'f Format>,
        list: &[Value],
        levels: usize,
    ) -> Result<(), Mistake> {
        for (index, (format, value)) in formats.into_iter().zip(list).enumerate() {
            self.put(format, value, levels).map_err(|mistake| mistake.at(index))?;
        }
        Ok(())
    }

    fn put_option(&mut self, inner: &Format, value: &Value, levels: usize) -> Result<(), Mistake> {
        if value.is_null() {
            self.bytes.push(0);
            return Ok(());
        }
        self.bytes.push(1);
        if !may_be_null(self.formats, inner) {
            return self.put(inner, value, levels);
        }
        match value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("some")) {
            Some(value) => self.put(inner, value, levels).map_err(|mistake| mistake.inside("some")),
            None => {
                let expected = format!("null, or {{\"some\": {}}}", Shown(inner, self.formats));
                Err(Mistake::expected(expected, value))
            }
        }
    }

    fn put_map(
        &mut self,
        format: &Format,
        (key, of): (&Format, &Format),
        value: &Value,
        levels: usize,
    ) -> Result<(), Mistake> {
        match value {
            Value::Object(object) if is_key(key) => {
                let mut entries: Vec<(&String, &Value)> = object.iter().collect();
                if !matches!(key, Format::Leaf(Leaf::Str | Leaf::Char)) {
                    // The order of numbers, which a sorted map has on the wire.
                    entries.sort_by_key(|(name, _)| {
                        (number(name).unwrap_or(i128::MAX), name.parse::<u128>().ok())
                    });
                }
                self.put_length(entries.len());
                for (name, value) in entries {
                    self.put_key(key, name).map_err(|mistake| mistake.inside(name))?;
                    self.put(of, value, levels).map_err(|mistake| mistake.inside(name))?;
                }
                Ok(())
            }
            Value::Array(list) => {
                self.put_length(list.len());
                for (index, pair) in list.iter().enumerate() {
                    let Some([first, second]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(Mistake::expected("a pair of a key and a value", pair).at(index));
                    };
                    self.put(key, first, levels).map_err(|mistake| mistake.at(0).at(index))?;
                    self.put(of, second, levels).map_err(|mistake| mistake.at(1).at(index))?;
                }
                Ok(())
            }
            _ if is_key(key) => Err(self.expected(format, value)),
            _ => Err(Mistake::expected(
                format_args!("{}, as a list of pairs", Shown(format, self.formats)),
                value,
            )),
        }
    }

    /// Writes a key that is a string in JSON.
    fn put_key(&mut self, key: &Format, name: &str) -> Result<(), Mistake> {
        match (key, name) {
            (Format::Leaf(Leaf::Bool), "true" | "false") => self.put(key, &Value::Bool(name == "true"), 1),
            _ => self.put(key, &Value::String(name.to_owned()), 1),
        }
    }

    fn put_struct(
        &mut self,
        format: &Format,
        fields: &Fields,
        value: &Value,
        levels: usize,
    ) -> Result<(), Mistake> {
        match (fields, value) {
            (Fields::Unit, Value::Null) => Ok(()),
            (Fields::Tuple(formats), Value::Array(list)) if formats.len() == list.len() => {
                self.put_all(formats, list, levels)
            }
            (Fields::Named(fields), Value::Object(object)) => {
                let fields: Vec<_> = fields.iter().map(|(name, format)| (name.as_str(), format)).collect();
                self.put_fields("field", &fields, object, levels)
            }
            _ => Err(self.expected(format, value)),
        }
    }

    fn put_fields(
        &mut self,
        word: &str,
        fields: &[(&str, &Format)],
        object: &Map<String, Value>,
        levels: usize,
    ) -> Result<(), Mistake> {
        if let Some(unknown) = object.keys().find(|name| fields.iter().all(|(known, _)| known != name)) {
            let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
            return Err(Mistake::new(format!("there is no {word} `{unknown}`{}", advice(unknown, &names))));
        }
        for (name, format) in fields {
            match (object.get(*name), format) {
                (Some(value), _) => self.put(format, value, levels),
                (None, Format::Option(_)) => self.put(format, &Value::Null, levels),
                (None, _) => Err(Mistake::new(format!("missing; expected {}", Shown(format, self.formats)))),
            }
            .map_err(|mistake| mistake.inside(name))?;
        }
        Ok(())
    }

    fn put_enum(
        &mut self,
        format: &Format,
        variants: &[Variant],
        value: &Value,
        levels: usize,
    ) -> Result<(), Mistake> {
        let one =
            value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        let (name, inner) = match (value, one) {
            (Value::String(name), _) => (name, &Value::Null),
            (_, Some(one)) => one,
            _ => return Err(self.expected(format, value)),
        };
        let Some(index) = variants.iter().position(|variant| variant.name == *name) else {
            let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
            let shown = Shown(format, self.formats);
            return Err(Mistake::new(format!("{shown} has no variant `{name}`{}", advice(name, &names))));
        };
        self.bytes.extend((index as u32).to_le_bytes()); // an enum has at most 2^32 variants
        let fields = &variants[index].fields;
        let put = match (fields, inner) {
            (Fields::Tuple(formats), _) if formats.len() == 1 => self.put(&formats[0], inner, levels),
            (Fields::Unit, Value::Null) => Ok(()),
            (Fields::Unit, _) => Err(Mistake::expected("nothing, as the variant has no fields", inner)),
            (Fields::Tuple(formats), Value::Array(list)) if formats.len() == list.len() => {
                self.put_all(formats, list, levels)
            }
            (Fields::Tuple(formats), _) => {
                Err(Mistake::expected(format_args!("a list of {}", formats.len()), inner))
            }
            (Fields::Named(fields), Value::Object(object)) => {
                let fields: Vec<_> = fields.iter().map(|(name, format)| (name.as_str(), format)).collect();
                self.put_fields("field", &fields, object, levels)
            }
            (Fields::Named(_), _) => Err(Mistake::expected("an object of the variant's fields", inner)),
        };
        put.map_err(|mistake| mistake.inside(name))
    }

    fn put_leaf(&mut self, leaf: Leaf, value: &Value) -> Result<(), Mistake> {
        macro_rules! whole {
            ($type:ty) => {
                match whole(value).and_then(|number| <$type>::try_from(number).ok()) {
                    Some(number) => self.bytes.extend(number.to_le_bytes()),
                    None if whole(value).is_some() || value.is_number() => {
                        let range = format!("{} from {} to {}", leaf.name(), <$type>::MIN, <$type>::MAX);
                        return Err(Mistake::expected(range, value));
                    }
                    None => return Err(Mistake::expected(leaf.name(), value)),
                }
            };
        }
        let wrong = || Mistake::expected(leaf.name(), value);
        match leaf {
            Leaf::Unit => value.as_null().ok_or_else(|| Mistake::expected("null", value))?,
            Leaf::Bool => self.bytes.push(u8::from(value.as_bool().ok_or_else(wrong)?)),
            Leaf::I8 => whole!(i8),
            Leaf::I16 => whole!(i16),
            Leaf::I32 => whole!(i32),
            Leaf::I64 => whole!(i64),
            Leaf::I128 => whole!(i128),
            Leaf::U8 => whole!(u8),
            Leaf::U16 => whole!(u16),
            Leaf::U32 => whole!(u32),
            Leaf::U64 => whole!(u64),
            Leaf::U128 => match value.as_str().and_then(|text| text.parse::<u128>().ok()) {
                Some(number) => self.bytes.extend(number.to_le_bytes()),
                None => whole!(u128),
            },
            Leaf::F32 => self.bytes.extend(floats::narrow(value).ok_or_else(wrong)?.to_le_bytes()),
            Leaf::F64 => self.bytes.extend(floats::wide(value).ok_or_else(wrong)?.to_le_bytes()),
            Leaf::Char => {
                let mut chars = value.as_str().ok_or_else(wrong)?.chars();
                let (Some(c), None) = (chars.next(), chars.next()) else {
                    return Err(Mistake::expected("char, a string of one character", value));
                };
                self.bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Leaf::Str => self.put_bytes(value.as_str().ok_or_else(wrong)?.as_bytes()),
            Leaf::Bytes => {
                let expected =
                    "bytes: a string, {\"hex\": ..}, {\"base64\": ..}, or a list of numbers below 256";
                let bytes =
                    text_of_bytes::of_value(value).ok_or_else(|| Mistake::expected(expected, value))?;
                self.put_bytes(&bytes);
            }
        }
        Ok(())
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend((bytes.len() as u64).to_le_bytes());
        self.bytes.extend(bytes);
    }
}

/// Returns a whole number, written as a number or as a string.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)),
        Value::String(text) => number(text),
        _ => None,
    }
}

fn number(text: &str) -> Option<i128> {
    text.parse().ok()
}

/// Returns true if the keys of a map of this format can be the names in an object.
pub(crate) fn is_key(format: &Format) -> bool {
    match format {
        Format::Leaf(leaf) => !matches!(leaf, Leaf::Unit | Leaf::F32 | Leaf::F64 | Leaf::Bytes),
        _ => false,
    }
}

/// Returns true if a value of this format may be `null` in JSON.
pub(crate) fn may_be_null(formats: &Formats, format: &Format) -> bool {
    let mut format = format;
    // As many names as there are definitions: a hostile server may send types that are each other.
    for _ in 0..=formats.definitions.len() {
        let Format::Named(index) = format else {
            return matches!(format, Format::Leaf(Leaf::Unit) | Format::Option(_));
        };
        match formats.definitions.get(*index).map(|definition| &definition.shape) {
            Some(Shape::Same(same)) => format = same,
            Some(Shape::Struct(fields)) => return matches!(fields, Fields::Unit),
            _ => return false,
        }
    }
    false
}
