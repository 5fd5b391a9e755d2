//! A mistake in a value: its place, what was expected there, and what was given.

use std::fmt::{self, Display, Write};

use rpc_core::reflection::{Format, Formats, Shape};
use serde_json::Value;

/// Most characters of a given value that a message shows: enough to find it.
const MOST_SHOWN: usize = 60;

/// The reason for which a value in JSON is not one of a method's types, or for which bytes are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The place in the value: `job.parts[3].size`; empty for the value itself.
    pub path: String,
    /// The rest of the sentence: what was expected there, and what was given.
    pub what: String,
}

impl Mistake {
    /// Returns a mistake at the place where it is found; [`Mistake::inside`] says where that is.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Mistake { path: String::new(), what: what.into() }
    }

    /// Returns the mistake of a value that is not of this format.
    pub(crate) fn expected(expected: impl Display, given: &Value) -> Self {
        Mistake::new(format!("expected {expected}, not {}", Given(given)))
    }

    /// Returns the mistake with a field around its place.
    pub(crate) fn inside(mut self, field: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path.insert_str(0, joint);
        self.path.insert_str(0, field);
        self
    }

    /// Returns the mistake with a list around its place.
    pub(crate) fn at(self, index: usize) -> Self {
        self.inside(&format!("[{index}]"))
    }
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { path, what } = self;
        if path.is_empty() { f.write_str(what) } else { write!(f, "{path}: {what}") }
    }
}

impl std::error::Error for Mistake {}

/// Shows a value that was given, in short.
struct Given<'a>(&'a Value);

impl Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            Value::Null => return f.write_str("null"),
            Value::Bool(_) | Value::Number(_) => self.0.to_string(),
            Value::String(_) => format!("the string {}", self.0),
            Value::Array(list) if list.is_empty() => return f.write_str("an empty list"),
            Value::Array(_) => format!("the list {}", self.0),
            Value::Object(_) => format!("the object {}", self.0),
        };
        for (index, c) in text.chars().enumerate() {
            if index == MOST_SHOWN {
                return f.write_str("..");
            }
            f.write_char(c)?;
        }
        Ok(())
    }
}

/// Shows a format in short: types with names by these.
pub(crate) struct Shown<'a>(pub(crate) &'a Format, pub(crate) &'a Formats);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let formats = self.1;
        match self.0 {
            Format::Leaf(leaf) => f.write_str(leaf.name()),
            Format::Option(inner) => write!(f, "Option<{}>", Shown(inner, formats)),
            Format::Seq(inner) => write!(f, "[{}]", Shown(inner, formats)),
            Format::Array(inner, length) => write!(f, "[{}; {length}]", Shown(inner, formats)),
            Format::Map(key, value) => write!(f, "{{{}: {}}}", Shown(key, formats), Shown(value, formats)),
            Format::Tuple(parts) => {
                f.write_str("(")?;
                for (index, part) in parts.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, Shown(part, formats))?;
                }
                f.write_str(")")
            }
            Format::Named(index) => match formats.definitions.get(*index) {
                Some(definition) => match definition.shape {
                    Shape::Struct(_) => write!(f, "the struct {}", definition.name),
                    Shape::Enum(_) => write!(f, "the enum {}", definition.name),
                    Shape::Same(_) => f.write_str(&definition.name),
                },
                None => f.write_str("a type that the server does not describe"),
            },
        }
    }
}
