//! The formats of a method as a text, and its hash.

use std::collections::HashMap;
use std::fmt::{self, Display, Write};

use super::{Fields, Format, Formats, Leaf, Shape};
use crate::ids::{FNV_START, fnv1a};

/// The leaves, as they are written.
pub(super) const LEAVES: [(Leaf, &str); 17] = [
    (Leaf::Unit, "()"),
    (Leaf::Bool, "bool"),
    (Leaf::I8, "i8"),
    (Leaf::I16, "i16"),
    (Leaf::I32, "i32"),
    (Leaf::I64, "i64"),
    (Leaf::I128, "i128"),
    (Leaf::U8, "u8"),
    (Leaf::U16, "u16"),
    (Leaf::U32, "u32"),
    (Leaf::U64, "u64"),
    (Leaf::U128, "u128"),
    (Leaf::F32, "f32"),
    (Leaf::F64, "f64"),
    (Leaf::Char, "char"),
    (Leaf::Str, "str"),
    (Leaf::Bytes, "bytes"),
];

/// Words that stand for formats, so that a type of such a name gets a number behind it.
const WORDS: [&str; 2] = ["Option", "Result"];

impl Leaf {
    /// Returns its name in a text.
    pub fn name(self) -> &'static str {
        LEAVES.iter().find(|(leaf, _)| *leaf == self).map_or("", |(_, name)| name)
    }
}

/// Returns the hash of the formats: FNV-1a of their text, in which each type has its number for a name.
pub fn fingerprint(formats: &Formats) -> u64 {
    fnv1a(FNV_START, written(formats, &numbers(formats)).as_bytes())
}

/// Returns the names of the definitions that go into the hash: `#1`, `#2`.
fn numbers(formats: &Formats) -> Vec<String> {
    (1..=formats.definitions.len()).map(|number| format!("#{number}")).collect()
}

/// Returns the names of the definitions that are shown: `Page`, and `Page'2` for the second one of that name.
pub(super) fn names(formats: &Formats) -> Vec<String> {
    let mut used: HashMap<&str, usize> = HashMap::new();
    let taken = LEAVES.iter().map(|(_, name)| *name).chain(WORDS);
    used.extend(taken.map(|word| (word, 1)));
    let unique = |definition: &super::Definition, count: usize| {
        let mut name = String::new();
        let _ = put_name(&mut name, &definition.name); // a `String` takes all
        if count > 1 {
            let _ = write!(name, "'{count}");
        }
        name
    };
    let mut names = Vec::with_capacity(formats.definitions.len());
    for definition in &formats.definitions {
        let count = used.entry(&definition.name).or_insert(0);
        *count += 1;
        names.push(unique(definition, *count));
    }
    names
}

fn written(formats: &Formats, names: &[String]) -> String {
    let mut text = String::new();
    let _ = put(&mut text, formats, names); // a `String` takes all
    text
}

impl Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self, &names(self)))
    }
}

/// Writes `fn(str, Job) -> Result<str, Failed>; struct Job { id: u64 }; enum Failed { Busy, Late(u64) }`.
fn put(text: &mut String, formats: &Formats, names: &[String]) -> fmt::Result {
    text.push_str("fn");
    put_list(text, &formats.arguments, names, false)?;
    text.push_str(" -> ");
    match &formats.error {
        None => put_format(text, &formats.value, names)?,
        Some(error) => {
            text.push_str("Result<");
            put_format(text, &formats.value, names)?;
            text.push_str(", ");
            put_format(text, error, names)?;
            text.push('>');
        }
    }
    for (definition, name) in formats.definitions.iter().zip(names) {
        match &definition.shape {
            Shape::Same(format) => {
                write!(text, "; type {name} = ")?;
                put_format(text, format, names)?;
            }
            Shape::Struct(fields) => {
                write!(text, "; struct {name}")?;
                put_fields(text, fields, names)?;
            }
            Shape::Enum(variants) => {
                write!(text, "; enum {name} {{")?;
                for (index, variant) in variants.iter().enumerate() {
                    text.push_str(if index == 0 { " " } else { ", " });
                    put_name(text, &variant.name)?;
                    put_fields(text, &variant.fields, names)?;
                }
                text.push_str(" }");
            }
        }
    }
    Ok(())
}

fn put_fields(text: &mut String, fields: &Fields, names: &[String]) -> fmt::Result {
    match fields {
        Fields::Unit => Ok(()),
        Fields::Tuple(formats) => put_list(text, formats, names, false),
        Fields::Named(fields) => {
            text.push_str(" {");
            for (index, (name, format)) in fields.iter().enumerate() {
                text.push_str(if index == 0 { " " } else { ", " });
                put_name(text, name)?;
                text.push_str(": ");
                put_format(text, format, names)?;
            }
            text.push_str(" }");
            Ok(())
        }
    }
}

/// Writes formats in parentheses; a tuple of one has a comma.
fn put_list(text: &mut String, formats: &[Format], names: &[String], is_tuple: bool) -> fmt::Result {
    text.push('(');
    for (index, format) in formats.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        put_format(text, format, names)?;
    }
    text.push_str(if is_tuple && formats.len() == 1 { ",)" } else { ")" });
    Ok(())
}

pub(super) fn put_format(text: &mut String, format: &Format, names: &[String]) -> fmt::Result {
    match format {
        Format::Leaf(leaf) => text.push_str(leaf.name()),
        Format::Named(index) => text.push_str(names.get(*index).map_or("?", String::as_str)),
        Format::Tuple(formats) => put_list(text, formats, names, true)?,
        Format::Option(inner) => {
            text.push_str("Option<");
            put_format(text, inner, names)?;
            text.push('>');
        }
        Format::Seq(inner) => {
            text.push('[');
            put_format(text, inner, names)?;
            text.push(']');
        }
        Format::Array(inner, length) => {
            text.push('[');
            put_format(text, inner, names)?;
            write!(text, "; {length}]")?;
        }
        Format::Map(key, value) => {
            text.push('{');
            put_format(text, key, names)?;
            text.push_str(": ");
            put_format(text, value, names)?;
            text.push('}');
        }
    }
    Ok(())
}

/// Returns true if a name is written as it is: it is a word.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric())
}

/// Writes a name. One that is no word, as `rename` can make it, is in quotes.
fn put_name(text: &mut String, name: &str) -> fmt::Result {
    if is_word(name) {
        text.push_str(name);
        return Ok(());
    }
    text.push('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    Ok(())
}
