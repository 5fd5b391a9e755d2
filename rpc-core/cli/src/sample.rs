//! An example of a value of a format: the smallest one that shows its form.

use rpc_core::reflection::{Fields, Format, Formats, Leaf, MethodDescription, Shape, Variant};
use serde_json::{Map, Value, json};

/// Most elements of an example of an array.
const ELEMENTS: usize = 4;
/// Most types inside each other that are looked at: a program's types may be deep, and those of a hostile server without an end.
const LEVELS: usize = 64;

/// Most parts that are looked at: types of a hostile server may have more than anything can count.
const PARTS: usize = 10_000;

/// Returns an example of the arguments of a method, by their names.
pub(crate) fn arguments(method: &MethodDescription, formats: &Formats) -> Value {
    let arguments = method.arguments();
    let mut sampler = Sampler { formats, path: Vec::new(), left: PARTS };
    let named = arguments.iter().zip(&formats.arguments);
    let named =
        named.map(|(argument, format)| (argument.name.to_owned(), sampler.of(format).unwrap_or_default()));
    Value::Object(named.collect())
}

struct Sampler<'f> {
    formats: &'f Formats,
    /// The types around the present place: an example has none of them once more.
    path: Vec<usize>,
    /// Parts that may still be looked at.
    left: usize,
}

impl Sampler<'_> {
    /// Returns an example; `None` if each one has a type that is around it.
    fn of(&mut self, format: &Format) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        Some(match format {
            Format::Leaf(leaf) => of_leaf(*leaf),
            Format::Option(_) => Value::Null,
            Format::Seq(inner) => Value::Array(self.of(inner).into_iter().collect()),
            Format::Map(key, value) => match (key.as_ref(), self.of(key), self.of(value)) {
                (Format::Leaf(Leaf::Str), _, Some(value)) => json!({"key": value}),
                (_, Some(key), Some(value)) => json!([[key, value]]),
                _ => json!([]),
            },
            Format::Tuple(parts) => self.list(parts)?,
            Format::Array(inner, length) => Value::Array(vec![self.of(inner)?; (*length).min(ELEMENTS)]),
            Format::Named(index) => {
                let shape = self.formats.definitions.get(*index).map(|definition| &definition.shape)?;
                if self.path.contains(index) || self.path.len() == LEVELS {
                    return None;
                }
                self.path.push(*index);
                let value = match shape {
                    Shape::Same(same) => self.of(same),
                    Shape::Struct(fields) => self.fields(fields),
                    Shape::Enum(variants) => self.variant(variants),
                };
                self.path.pop();
                value?
            }
        })
    }

    fn list(&mut self, parts: &[Format]) -> Option<Value> {
        parts.iter().map(|part| self.of(part)).collect()
    }

    fn fields(&mut self, fields: &Fields) -> Option<Value> {
        match fields {
            Fields::Unit => Some(Value::Null),
            Fields::Tuple(parts) => self.list(parts),
            Fields::Named(fields) => {
                let fields: Option<Map<String, Value>> =
                    fields.iter().map(|(name, format)| Some((name.clone(), self.of(format)?))).collect();
                fields.map(Value::Object)
            }
        }
    }

    /// Returns an example of the first variant that has one.
    fn variant(&mut self, variants: &[Variant]) -> Option<Value> {
        variants.iter().find_map(|variant| {
            let inner = match &variant.fields {
                Fields::Unit => return Some(json!(variant.name)),
                Fields::Tuple(parts) if parts.len() == 1 => self.of(&parts[0])?,
                fields => self.fields(fields)?,
            };
            Some(json!({variant.name.as_str(): inner}))
        })
    }
}

fn of_leaf(leaf: Leaf) -> Value {
    match leaf {
        Leaf::Unit => Value::Null,
        Leaf::Bool => json!(true),
        Leaf::F32 | Leaf::F64 => json!(1.5),
        Leaf::Char => json!("c"),
        Leaf::Str => json!("text"),
        Leaf::Bytes => json!("bytes"),
        _ => json!(1),
    }
}
