//! An example of a value of a format: the smallest one that shows its form.

use rpc_core::reflection::{Fields, Format, Formats, Leaf, MethodDescription, Shape, Variant};
use serde_json::{Map, Value, json};

/// Most levels of an example: a type may contain itself, and types of a program may be large.
const LEVELS: usize = 6;

/// Returns an example of the arguments of a method, by their names.
pub(crate) fn arguments(method: &MethodDescription, formats: &Formats) -> Value {
    let arguments = method.arguments();
    let named = arguments.iter().zip(&formats.arguments);
    Value::Object(
        named.map(|(argument, format)| (argument.name.to_owned(), of(formats, format, LEVELS))).collect(),
    )
}

fn of(formats: &Formats, format: &Format, levels: usize) -> Value {
    let Some(levels) = levels.checked_sub(1) else { return Value::Null };
    match format {
        Format::Leaf(leaf) => of_leaf(*leaf),
        Format::Option(_) => Value::Null,
        Format::Seq(inner) => json!([of(formats, inner, levels)]),
        Format::Map(key, value) => match key.as_ref() {
            Format::Leaf(Leaf::Str) => json!({"key": of(formats, value, levels)}),
            key => json!([[of(formats, key, levels), of(formats, value, levels)]]),
        },
        Format::Tuple(parts) => parts.iter().map(|part| of(formats, part, levels)).collect(),
        Format::Array(inner, length) => {
            Value::Array(vec![of(formats, inner, levels); (*length).min(LEVELS)]) // cut: it is an example
        }
        Format::Named(index) => match formats.definitions.get(*index).map(|definition| &definition.shape) {
            Some(Shape::Same(same)) => of(formats, same, levels),
            Some(Shape::Struct(fields)) => of_fields(formats, fields, levels),
            Some(Shape::Enum(variants)) => of_enum(formats, variants, levels),
            None => Value::Null,
        },
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

fn of_fields(formats: &Formats, fields: &Fields, levels: usize) -> Value {
    match fields {
        Fields::Unit => Value::Null,
        Fields::Tuple(parts) => parts.iter().map(|part| of(formats, part, levels)).collect(),
        Fields::Named(fields) => {
            let fields: Map<String, Value> =
                fields.iter().map(|(name, format)| (name.clone(), of(formats, format, levels))).collect();
            Value::Object(fields)
        }
    }
}

/// The variant with the fewest fields: an enum may contain itself.
fn of_enum(formats: &Formats, variants: &[Variant], levels: usize) -> Value {
    let Some(variant) = variants.iter().min_by_key(|variant| variant.fields.len()) else {
        return Value::Null;
    };
    let inner = match &variant.fields {
        Fields::Unit => return json!(variant.name),
        Fields::Tuple(parts) if parts.len() == 1 => of(formats, &parts[0], levels),
        fields => of_fields(formats, fields, levels),
    };
    json!({variant.name.as_str(): inner})
}
