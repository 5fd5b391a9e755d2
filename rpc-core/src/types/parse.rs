//! Reads the text of formats that the other side has sent.

use std::collections::HashMap;

use super::text::LEAVES;
use super::{Definition, Fields, Format, Formats, Shape, Variant};
use crate::limits::MAX_NESTED_TYPES;

/// A text that is not one of formats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the text of formats at byte {0}")]
pub struct ParseError(pub usize);

impl std::str::FromStr for Formats {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Formats, ParseError> {
        let mut parser = Parser { rest: text, depth: 0, known: HashMap::new(), names: Vec::new() };
        match parser.formats() {
            Some(formats) if parser.rest.is_empty() => Ok(formats),
            _ => Err(ParseError(text.len() - parser.rest.len())),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    /// The number of formats inside each other.
    depth: usize,
    /// The types by their names, as they are written.
    known: HashMap<&'a str, usize>,
    /// Their names, in the order of their first use.
    names: Vec<&'a str>,
}

impl<'a> Parser<'a> {
    /// Reads this text. Returns false if it is not there.
    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.takes(text).then_some(())
    }

    fn formats(&mut self) -> Option<Formats> {
        self.expect("fn(")?;
        let arguments = self.list(false)?;
        self.expect(" -> ")?;
        let (value, error) = if self.takes("Result<") {
            let value = self.format()?;
            self.expect(", ")?;
            let error = self.format()?;
            self.expect(">")?;
            (value, Some(error))
        } else {
            (self.format()?, None)
        };
        let mut definitions = Vec::new();
        while let Some(name) = self.names.get(definitions.len()).copied() {
            definitions.push(self.definition(name)?);
        }
        Some(Formats { arguments, value, error, definitions })
    }

    fn definition(&mut self, name: &'a str) -> Option<Definition> {
        let shape = if self.takes("; type ") {
            self.expect(name)?;
            self.expect(" = ")?;
            Shape::Same(self.format()?)
        } else if self.takes("; struct ") {
            self.expect(name)?;
            Shape::Struct(self.fields()?)
        } else {
            self.expect("; enum ")?;
            self.expect(name)?;
            self.expect(" {")?;
            Shape::Enum(self.variants()?)
        };
        Some(Definition { name: unquoted(name), shape })
    }

    fn variants(&mut self) -> Option<Vec<Variant>> {
        let mut variants = Vec::new();
        while !self.takes(" }") {
            self.expect(if variants.is_empty() { " " } else { ", " })?;
            let name = unquoted(self.name()?);
            variants.push(Variant { name, fields: self.fields()? });
        }
        Some(variants)
    }

    fn fields(&mut self) -> Option<Fields> {
        if self.takes("(") {
            return self.list(false).map(Fields::Tuple);
        }
        // A variant without fields, and the end of its enum.
        if !self.rest.starts_with(" {") {
            return Some(Fields::Unit);
        }
        self.expect(" {")?;
        let mut fields = Vec::new();
        while !self.takes(" }") {
            self.expect(if fields.is_empty() { " " } else { ", " })?;
            let name = unquoted(self.name()?);
            self.expect(": ")?;
            fields.push((name, self.format()?));
        }
        Some(Fields::Named(fields))
    }

    /// Reads formats to the closing parenthesis; a tuple of one has a comma before it.
    fn list(&mut self, is_tuple: bool) -> Option<Vec<Format>> {
        let mut formats = Vec::new();
        while !self.takes(")") {
            if !formats.is_empty() {
                if is_tuple && formats.len() == 1 && self.takes(",)") {
                    break;
                }
                self.expect(", ")?;
            }
            formats.push(self.format()?);
        }
        Some(formats)
    }

    fn format(&mut self) -> Option<Format> {
        self.depth += 1;
        let format = (self.depth <= MAX_NESTED_TYPES).then(|| self.one()).flatten();
        self.depth -= 1;
        format
    }

    fn one(&mut self) -> Option<Format> {
        if self.takes("()") {
            return Some(Format::Leaf(super::Leaf::Unit));
        }
        if self.takes("(") {
            return self.list(true).map(Format::Tuple);
        }
        if self.takes("[") {
            let inner = Box::new(self.format()?);
            if self.takes("]") {
                return Some(Format::Seq(inner));
            }
            self.expect("; ")?;
            let length = self.word()?.parse().ok()?;
            self.expect("]")?;
            return Some(Format::Array(inner, length));
        }
        if self.takes("{") {
            let key = Box::new(self.format()?);
            self.expect(": ")?;
            let value = Box::new(self.format()?);
            self.expect("}")?;
            return Some(Format::Map(key, value));
        }
        if self.takes("Option<") {
            let inner = Box::new(self.format()?);
            self.expect(">")?;
            return Some(Format::Option(inner));
        }
        let name = self.name()?;
        if let Some((leaf, _)) = LEAVES.iter().find(|(_, word)| *word == name) {
            return Some(Format::Leaf(*leaf));
        }
        let next = self.names.len();
        let index = *self.known.entry(name).or_insert(next);
        if index == next {
            self.names.push(name);
        }
        Some(Format::Named(index))
    }

    /// Reads a name as it is written: a word or a text in quotes, and possibly a number behind it.
    fn name(&mut self) -> Option<&'a str> {
        let begin = self.rest;
        if self.takes("\"") {
            loop {
                let end = self.rest.find(['"', '\\'])?;
                let is_end = self.rest[end..].starts_with('"');
                // An escaped character is skipped, whatever it is.
                let skipped = if is_end { 0 } else { self.rest[end + 1..].chars().next()?.len_utf8() };
                self.rest = &self.rest[end + 1 + skipped..];
                if is_end {
                    break;
                }
            }
        } else {
            self.word()?;
        }
        if self.takes("'") {
            self.word()?;
        }
        Some(&begin[..begin.len() - self.rest.len()])
    }

    fn word(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// Returns a name without the number behind it, and without quotes.
fn unquoted(name: &str) -> String {
    let Some(quoted) = name.strip_prefix('"') else {
        return name.split('\'').next().unwrap_or_default().to_owned();
    };
    let mut plain = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}
