//! One table of the types of all methods. Types that are the same in several methods are one type in it.

use std::collections::HashMap;
use std::fmt::Write;

use rpc_core::reflection::{Definition, Fields, Format, Formats, Leaf, Shape, Variant};

use crate::description::KnownService;

/// The types of all methods.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// The types, in the order of their first use. [`Format::Named`] is an index of it.
    pub(crate) definitions: Vec<Definition>,
    /// The formats of each method of each service, in their order.
    pub(crate) methods: Vec<Vec<MethodFormats>>,
    /// The indices of the types by what they are.
    known: HashMap<String, usize>,
}

/// The formats of a method.
#[derive(Debug)]
pub(crate) struct MethodFormats {
    pub(crate) arguments: Vec<Format>,
    pub(crate) value: Format,
    pub(crate) error: Option<Format>,
}

impl Types {
    /// Collects the types of these services.
    pub(crate) fn of(services: &[KnownService<'_>]) -> Self {
        let mut types = Types::default();
        for service in services {
            let methods = service.methods.iter().map(|method| types.add(&method.formats));
            let methods = methods.collect();
            types.methods.push(methods);
        }
        types
    }

    fn add(&mut self, formats: &Formats) -> MethodFormats {
        let mut new = Vec::new();
        let mut indices = Vec::new();
        for (own, definition) in formats.definitions.iter().enumerate() {
            let key = Key::of(formats, own);
            let next = self.known.len();
            let index = *self.known.entry(key).or_insert(next);
            if index == next {
                new.push(definition);
            }
            indices.push(index);
        }
        let moved = |format: &Format| moved(format, &indices);
        self.definitions.extend(new.into_iter().map(|definition| Definition {
            name: definition.name.clone(),
            shape: match &definition.shape {
                Shape::Same(format) => Shape::Same(moved(format)),
                Shape::Struct(fields) => Shape::Struct(moved_fields(fields, &indices)),
                Shape::Enum(variants) => {
                    Shape::Enum(variants.iter().map(|v| moved_variant(v, &indices)).collect())
                }
            },
        }));
        MethodFormats {
            arguments: formats.arguments.iter().map(moved).collect(),
            value: moved(&formats.value),
            error: formats.error.as_ref().map(moved),
        }
    }

    /// Returns true if a value of this format can be the language's word for nothing, so that an option of it needs a wrapper.
    pub(crate) fn is_nullable(&self, format: &Format) -> bool {
        self.all(format, &|format| match format {
            Format::Leaf(Leaf::Unit) | Format::Option(_) => Some(true),
            Format::Named(index) => match &self.definitions[*index].shape {
                Shape::Same(_) => None,
                _ => Some(false),
            },
            _ => Some(false),
        })
    }

    /// Follows [`Shape::Same`] until `known` knows the answer. A type that is nothing but itself has none.
    fn all(&self, format: &Format, known: &dyn Fn(&Format) -> Option<bool>) -> bool {
        let mut format = format;
        for _ in 0..=self.definitions.len() {
            match (known(format), format) {
                (Some(answer), _) => return answer,
                (None, Format::Named(index)) => match &self.definitions[*index].shape {
                    Shape::Same(inner) => format = inner,
                    _ => return false,
                },
                (None, _) => return false,
            }
        }
        false
    }

    /// Returns true if values of this format can be keys where a language looks them up: no list, no map and no float is in it.
    pub(crate) fn is_hashable(&self, format: &Format) -> bool {
        self.hashable(format, &mut Vec::new())
    }

    /// Returns true if two values of this format are the same for a language that compares objects by what they are, not by what is in
    /// them: a number, a text, a bool, or an enum of names alone.
    pub(crate) fn is_primitive(&self, format: &Format) -> bool {
        self.all(format, &|format| match format {
            Format::Leaf(leaf) => Some(!matches!(leaf, Leaf::F32 | Leaf::F64 | Leaf::Bytes | Leaf::Unit)),
            Format::Named(index) => match &self.definitions[*index].shape {
                Shape::Same(_) => None,
                Shape::Enum(variants) => Some(has_only_names(variants)),
                Shape::Struct(_) => Some(false),
            },
            _ => Some(false),
        })
    }

    fn hashable(&self, format: &Format, open: &mut Vec<usize>) -> bool {
        match format {
            Format::Leaf(leaf) => !matches!(leaf, Leaf::F32 | Leaf::F64),
            Format::Seq(_) | Format::Map(..) => false,
            Format::Option(inner) | Format::Array(inner, _) => self.hashable(inner, open),
            Format::Tuple(formats) => formats.iter().all(|format| self.hashable(format, open)),
            Format::Named(index) if open.contains(index) => true,
            Format::Named(index) => {
                open.push(*index);
                let hashable = match &self.definitions[*index].shape {
                    Shape::Same(format) => self.hashable(format, open),
                    Shape::Struct(fields) => fields.iter().all(|(_, format)| self.hashable(format, open)),
                    Shape::Enum(variants) => variants
                        .iter()
                        .flat_map(|variant| variant.fields.iter())
                        .all(|(_, format)| self.hashable(format, open)),
                };
                open.pop();
                hashable
            }
        }
    }

    /// Returns the indices of the types in an order in which each needs only those before it, where there is one.
    pub(crate) fn in_order(&self) -> Vec<usize> {
        let (mut order, mut seen) = (Vec::new(), vec![false; self.definitions.len()]);
        for index in 0..self.definitions.len() {
            self.visit(index, &mut order, &mut seen);
        }
        order
    }

    fn visit(&self, index: usize, order: &mut Vec<usize>, seen: &mut Vec<bool>) {
        if std::mem::replace(&mut seen[index], true) {
            return;
        }
        let mut needed = Vec::new();
        match &self.definitions[index].shape {
            Shape::Same(format) => names_in(format, &mut needed),
            Shape::Struct(fields) => fields.iter().for_each(|(_, format)| names_in(format, &mut needed)),
            Shape::Enum(variants) => {
                let formats = variants.iter().flat_map(|variant| variant.fields.iter());
                formats.for_each(|(_, format)| names_in(format, &mut needed));
            }
        }
        for needed in needed {
            self.visit(needed, order, seen);
        }
        order.push(index);
    }
}

/// Returns true if no variant has fields.
pub(crate) fn has_only_names(variants: &[Variant]) -> bool {
    variants.iter().all(|variant| matches!(variant.fields, Fields::Unit))
}

fn names_in(format: &Format, names: &mut Vec<usize>) {
    match format {
        Format::Leaf(_) => {}
        Format::Named(index) => names.push(*index),
        Format::Option(inner) | Format::Seq(inner) | Format::Array(inner, _) => names_in(inner, names),
        Format::Map(key, value) => {
            names_in(key, names);
            names_in(value, names);
        }
        Format::Tuple(formats) => formats.iter().for_each(|format| names_in(format, names)),
    }
}

fn moved(format: &Format, indices: &[usize]) -> Format {
    let inner = |format: &Format| Box::new(moved(format, indices));
    match format {
        Format::Leaf(leaf) => Format::Leaf(*leaf),
        Format::Named(index) => Format::Named(indices[*index]),
        Format::Option(format) => Format::Option(inner(format)),
        Format::Seq(format) => Format::Seq(inner(format)),
        Format::Array(format, length) => Format::Array(inner(format), *length),
        Format::Map(key, value) => Format::Map(inner(key), inner(value)),
        Format::Tuple(formats) => {
            Format::Tuple(formats.iter().map(|format| moved(format, indices)).collect())
        }
    }
}

fn moved_fields(fields: &Fields, indices: &[usize]) -> Fields {
    match fields {
        Fields::Unit => Fields::Unit,
        Fields::Tuple(formats) => {
            Fields::Tuple(formats.iter().map(|format| moved(format, indices)).collect())
        }
        Fields::Named(fields) => Fields::Named(
            fields.iter().map(|(name, format)| (name.clone(), moved(format, indices))).collect(),
        ),
    }
}

fn moved_variant(variant: &Variant, indices: &[usize]) -> Variant {
    Variant { name: variant.name.clone(), fields: moved_fields(&variant.fields, indices) }
}

/// Writes a type so that two types have the same text if they are the same, names and all that they contain.
struct Key<'a> {
    formats: &'a Formats,
    text: String,
    /// The types that were begun.
    seen: Vec<usize>,
}

impl Key<'_> {
    fn of(formats: &Formats, index: usize) -> String {
        let mut key = Key { formats, text: String::new(), seen: Vec::new() };
        key.format(&Format::Named(index));
        key.text
    }

    fn format(&mut self, format: &Format) {
        match format {
            Format::Leaf(leaf) => self.text.push_str(leaf.name()),
            Format::Option(inner) => self.list('?', [&**inner]),
            Format::Seq(inner) => self.list('*', [&**inner]),
            Format::Map(key, value) => self.list(':', [&**key, &**value]),
            Format::Tuple(formats) => self.list('t', formats),
            Format::Array(inner, length) => {
                let _ = write!(self.text, "{length}"); // a `String` takes all
                self.list('a', [&**inner]);
            }
            Format::Named(index) => match self.seen.iter().position(|seen| seen == index) {
                Some(place) => {
                    let _ = write!(self.text, "#{place}");
                }
                None => self.definition(*index),
            },
        }
    }

    fn list<'f>(&mut self, what: char, formats: impl IntoIterator<Item = &'f Format>) {
        self.text.extend([what, '(']);
        for format in formats {
            self.format(format);
            self.text.push(',');
        }
        self.text.push(')');
    }

    fn definition(&mut self, index: usize) {
        self.seen.push(index);
        let definition = &self.formats.definitions[index];
        let _ = write!(self.text, "{:?}", definition.name);
        match &definition.shape {
            Shape::Same(format) => self.list('=', [format]),
            Shape::Struct(fields) => self.fields(fields),
            Shape::Enum(variants) => {
                self.text.push('{');
                for variant in variants {
                    let _ = write!(self.text, "{:?}", variant.name);
                    self.fields(&variant.fields);
                }
                self.text.push('}');
            }
        }
    }

    fn fields(&mut self, fields: &Fields) {
        self.text.push('(');
        for (name, format) in fields.iter() {
            let _ = write!(self.text, "{name:?}");
            self.format(format);
            self.text.push(',');
        }
        self.text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(texts: &[&str]) -> Types {
        let mut types = Types::default();
        for text in texts {
            types.add(&text.parse().expect("formats"));
        }
        types
    }

    #[test]
    fn a_type_of_two_methods_is_one_and_another_of_its_name_is_two() {
        let same = [
            "fn(A) -> (); struct A { b: B }; struct B { a: Option<A> }",
            "fn(B) -> A; struct B { a: Option<A> }; struct A { b: B }",
        ];
        assert_eq!(types(&same).definitions.len(), 2);
        assert_eq!(
            types(&["fn(A) -> (); struct A { b: u8 }", "fn(A) -> (); struct A { b: u16 }"]).definitions.len(),
            2
        );
    }

    #[test]
    fn an_option_of_what_can_be_nothing_is_known() {
        let types = types(&["fn(A, Option<u8>, (), u8) -> (); type A = Option<A>"]);
        assert!(types.is_nullable(&Format::Named(0)));
        assert!(types.is_nullable(&Format::Leaf(Leaf::Unit)));
        assert!(!types.is_nullable(&Format::Leaf(Leaf::U8)));
    }
}
