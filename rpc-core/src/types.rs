//! Layer 0: the formats of the types of a method, as its bytes show them: found from serde's traits, written as a text, compared.
//!
//! ```text
//! Deserialize --tracer, passes--> graph --build--> Formats --text--> canonical text, fingerprint
//! Serialize   --checker---------->  |                 '-- difference: what another program has elsewhere
//!                                   '--> what cannot be sent, or cannot be traced, and why
//! ```
//! bincode does not describe itself, so a value of another type is read without an error as something else. A format says all that
//! the bytes depend on, and the names of fields and variants as well: without them two fields of one type could change places.

mod access;
mod build;
mod checker;
mod checker_parts;
mod difference;
mod graph;
mod method;
mod parse;
mod passes;
mod samples;
mod text;
mod tracer;

use serde::{Deserialize, Serialize};

pub use difference::Difference;
pub(crate) use method::UNTRACED;
pub use method::{MethodTypes, ServiceTypes, Traced, fingerprint_of_service, trace};
pub use parse::ParseError;
pub use text::fingerprint;

/// A simple value, or one without parts that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Leaf {
    /// No bytes: `()`, a struct without fields.
    Unit,
    /// A `bool`.
    Bool,
    /// An `i8`.
    I8,
    /// An `i16`.
    I16,
    /// An `i32`.
    I32,
    /// An `i64` or an `isize`.
    I64,
    /// An `i128`.
    I128,
    /// A `u8`.
    U8,
    /// A `u16`.
    U16,
    /// A `u32`.
    U32,
    /// A `u64` or a `usize`.
    U64,
    /// A `u128`.
    U128,
    /// An `f32`.
    F32,
    /// An `f64`.
    F64,
    /// A `char`.
    Char,
    /// A text, borrowed or owned.
    Str,
    /// Bytes, and lists of `u8`, which are the same on the wire.
    Bytes,
}

/// The format of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// A simple value.
    Leaf(Leaf),
    /// A value that may be absent.
    Option(Box<Format>),
    /// Any number of values: a list or a set.
    Seq(Box<Format>),
    /// Any number of keys with their values.
    Map(Box<Format>, Box<Format>),
    /// Values of these formats, one behind the other.
    Tuple(Vec<Format>),
    /// As many values of one format: an array, or a tuple of equal formats.
    Array(Box<Format>, usize),
    /// The type with this index in [`Formats::definitions`].
    Named(usize),
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name, as serde has it. It is shown, and is no part of the fingerprint.
    pub name: String,
    /// The format behind the name.
    pub shape: Shape,
}

/// The format behind a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A type that is the same as another on the wire, and contains itself: `struct Tree(Vec<Tree>)`.
    Same(Format),
    /// A struct: its fields.
    Struct(Fields),
    /// An enum: its variants, in the order of their numbers.
    Enum(Vec<Variant>),
}

/// The fields of a struct or a variant, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fields {
    /// None.
    Unit,
    /// Without names.
    Tuple(Vec<Format>),
    /// With names.
    Named(Vec<(String, Format)>),
}

/// A variant of an enum. Its number is its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Fields,
}

/// The formats of a method: of its arguments, of what it returns, and of its own error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formats {
    /// The arguments, in their order.
    pub arguments: Vec<Format>,
    /// The value; of `Result<T, E>` the `T`.
    pub value: Format,
    /// The `E` of `Result<T, E>`.
    pub error: Option<Format>,
    /// The types with names, in the order in which the text of all formats uses them first.
    pub definitions: Vec<Definition>,
}

impl Fields {
    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        match self {
            Fields::Unit => 0,
            Fields::Tuple(formats) => formats.len(),
            Fields::Named(fields) => fields.len(),
        }
    }

    /// Returns true if there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the formats of the fields, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &Format)> {
        let (tuple, named): (&[Format], &[(String, Format)]) = match self {
            Fields::Unit => (&[], &[]),
            Fields::Tuple(formats) => (formats, &[]),
            Fields::Named(fields) => (&[], fields),
        };
        let unnamed = tuple.iter().map(|format| (None, format));
        unnamed.chain(named.iter().map(|(name, format)| (Some(name.as_str()), format)))
    }
}

impl Formats {
    /// Returns the roots of all formats, in the order of the text.
    pub fn roots(&self) -> impl Iterator<Item = &Format> {
        self.arguments.iter().chain([&self.value]).chain(&self.error)
    }
}
