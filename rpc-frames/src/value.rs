//! Opens a value by the format of its type: each of its bytes gets a field, and the whole is written as in Rust. Rules W14 and W15.

use rpc_core::limits::SPARE_ELEMENTS;
use rpc_core::types::{Fields, Format, Formats, Leaf, Shape};
use rpc_core::wire::message::cut;

use crate::reader::{Reader, Stop, Taken, counted, quoted, short};

/// Most values inside each other, as the codec has it (W15).
const MOST_NESTED: usize = 64;
/// Most steps for each byte of a frame: a type may have parts without bytes, but its text comes from the other side, and must not
/// make a reader count to 2^60.
const STEPS_PER_BYTE: usize = 64;
/// Steps beside them.
const SPARE_STEPS: usize = 64 * SPARE_ELEMENTS;
/// Longest text of a value, in bytes.
const MOST_SAID: usize = 200;

/// Reads the values of a body.
#[derive(Debug)]
pub(crate) struct Values<'r, 'a> {
    reader: &'r mut Reader<'a>,
    formats: &'a Formats,
    steps: usize,
}

impl<'r, 'a> Values<'r, 'a> {
    pub(crate) fn new(reader: &'r mut Reader<'a>, formats: &'a Formats) -> Self {
        let steps = reader.left().saturating_mul(STEPS_PER_BYTE).saturating_add(SPARE_STEPS);
        Values { reader, formats, steps }
    }

    /// Reads a value of this format. Returns it in a few words.
    pub(crate) fn read(&mut self, format: &Format, path: &str, depth: usize) -> Result<String, Stop> {
        if depth > MOST_NESTED {
            return Err(self.refuse(path, format!("values are nested deeper than {MOST_NESTED}")));
        }
        self.steps = match self.steps.checked_sub(1) {
            Some(steps) => steps,
            None => return Err(self.refuse(path, "more values than a body of this length has")),
        };
        match format {
            Format::Leaf(leaf) => self.leaf(*leaf, path),
            Format::Option(inner) => {
                let (taken, tag) = self.reader.number(path, 1)?;
                match tag {
                    0 => self.put(path, taken, "None"),
                    1 => {
                        self.reader.field(path, taken, "Some");
                        Ok(format!("Some({})", self.read(inner, path, depth + 1)?))
                    }
                    _ => Err(self.stop(path, taken, &tag.to_string(), "an option begins with 0 or 1")),
                }
            }
            Format::Seq(inner) => {
                let count = self.count(path, "element")?;
                let list = (0..count).map(|at| (format!("{path}[{at}]"), None, inner.as_ref()));
                self.list(list, depth, ["[", "]"])
            }
            Format::Array(inner, length) => {
                let list = (0..*length).map(|at| (format!("{path}[{at}]"), None, inner.as_ref()));
                self.list(list, depth, ["[", "]"])
            }
            Format::Map(key, value) => self.map(key, value, path, depth),
            Format::Tuple(formats) => {
                let list =
                    formats.iter().enumerate().map(|(at, format)| (format!("{path}.{at}"), None, format));
                self.list(list, depth, ["(", ")"])
            }
            Format::Named(index) => self.named(*index, path, depth),
        }
    }

    fn named(&mut self, index: usize, path: &str, depth: usize) -> Result<String, Stop> {
        let Some(definition) = self.formats.definitions.get(index) else {
            return Err(self.refuse(path, "its type is not defined"));
        };
        match &definition.shape {
            Shape::Same(format) => self.read(format, path, depth + 1),
            Shape::Struct(fields) => self.fields(&definition.name, fields, path, depth),
            Shape::Enum(variants) => {
                let (taken, number) = self.reader.number(path, 4)?;
                let variant = usize::try_from(number).ok().and_then(|number| variants.get(number));
                let Some(variant) = variant else {
                    let most = counted(variants.len() as u64, "variant");
                    let wrong = format!("{} has {most}", short(&definition.name, MOST_SAID));
                    return Err(self.stop(path, taken, &format!("variant {number}"), &wrong));
                };
                let name = short(&variant.name, MOST_SAID);
                self.reader.field(path, taken, format!("variant {number}: {name}"));
                self.fields(&variant.name, &variant.fields, path, depth)
            }
        }
    }

    /// Reads the fields of a struct or a variant.
    fn fields(&mut self, name: &str, fields: &Fields, path: &str, depth: usize) -> Result<String, Stop> {
        let name = short(name, MOST_SAID);
        let list = fields.iter().enumerate().map(|(at, (field, format))| {
            let below = field.map_or_else(|| format!("{path}.{at}"), |field| format!("{path}.{field}"));
            (below, field.map(str::to_owned), format)
        });
        match fields {
            Fields::Unit => Ok(name),
            Fields::Tuple(_) => Ok(format!("{name}{}", self.list(list, depth, ["(", ")"])?)),
            Fields::Named(_) => Ok(format!("{name} {}", self.list(list, depth, ["{ ", " }"])?)),
        }
    }

    /// Reads values one behind the other.
    fn list<'f>(
        &mut self,
        parts: impl Iterator<Item = (String, Option<String>, &'f Format)>,
        depth: usize,
        [open, close]: [&str; 2],
    ) -> Result<String, Stop> {
        let mut said = Said::new(open);
        for (path, name, format) in parts {
            let value = self.read(format, &short(&path, MOST_SAID), depth + 1)?;
            said.add(&name.map_or(value.clone(), |name| format!("{name}: {value}")));
        }
        Ok(said.end(close))
    }

    fn map(&mut self, key: &Format, value: &Format, path: &str, depth: usize) -> Result<String, Stop> {
        let mut said = Said::new("{");
        for at in 0..self.count(path, "entry")? {
            let path = short(path, MOST_SAID);
            let key = self.read(key, &format!("{path}[{at}].key"), depth + 1)?;
            let value = self.read(value, &format!("{path}[{at}].value"), depth + 1)?;
            said.add(&format!("{key}: {value}"));
        }
        Ok(said.end("}"))
    }

    /// Reads a number of elements. More than the body has bytes, and some, are refused, as the codec does (W15).
    fn count(&mut self, path: &str, what: &str) -> Result<usize, Stop> {
        let name = format!("{path}: number");
        let (taken, count) = self.reader.number(&name, 8)?;
        let most = self.reader.left() + self.reader.not_kept() + SPARE_ELEMENTS;
        let value = counted(count, what);
        match usize::try_from(count).ok().filter(|count| *count <= most) {
            Some(elements) => {
                self.reader.field(&name, taken, value);
                Ok(elements)
            }
            None => Err(self.stop(&name, taken, &value, "more than a body of this length has")),
        }
    }

    fn leaf(&mut self, leaf: Leaf, path: &str) -> Result<String, Stop> {
        let taken = match leaf {
            Leaf::Unit => return Ok("()".to_owned()),
            Leaf::Str | Leaf::Bytes => return self.text(leaf, path),
            Leaf::Char => return self.char(path),
            Leaf::Bool | Leaf::I8 | Leaf::U8 => self.reader.take(path, 1)?,
            Leaf::I16 | Leaf::U16 => self.reader.take(path, 2)?,
            Leaf::I32 | Leaf::U32 | Leaf::F32 => self.reader.take(path, 4)?,
            Leaf::I64 | Leaf::U64 | Leaf::F64 => self.reader.take(path, 8)?,
            Leaf::I128 | Leaf::U128 => self.reader.take(path, 16)?,
        };
        let mut wide = [0; 16];
        wide.iter_mut().zip(taken.bytes).for_each(|(to, from)| *to = *from);
        let unsigned = u128::from_le_bytes(wide);
        let value = match leaf {
            Leaf::Bool if unsigned > 1 => {
                return Err(self.stop(path, taken, &unsigned.to_string(), "a bool is 0 or 1"));
            }
            Leaf::Bool => (unsigned == 1).to_string(),
            Leaf::I8 => (unsigned as i8).to_string(), // as many bits as were read, from here on
            Leaf::I16 => (unsigned as i16).to_string(),
            Leaf::I32 => (unsigned as i32).to_string(),
            Leaf::I64 => (unsigned as i64).to_string(),
            Leaf::I128 => (unsigned as i128).to_string(),
            Leaf::F32 => format!("{:?}", f32::from_bits(unsigned as u32)),
            Leaf::F64 => format!("{:?}", f64::from_bits(unsigned as u64)),
            _ => unsigned.to_string(),
        };
        self.put(path, taken, &value)
    }

    /// Reads a text or bytes: the number of bytes, and then those.
    fn text(&mut self, leaf: Leaf, path: &str) -> Result<String, Stop> {
        let name = format!("{path}: length");
        let (taken, length) = self.reader.number(&name, 8)?;
        let here = self.reader.left() + self.reader.not_kept();
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= here) else {
            let wrong = format!("{} left", counted(self.reader.left() as u64, "byte"));
            return Err(self.stop(&name, taken, &length.to_string(), &wrong));
        };
        self.reader.field(&name, taken, length.to_string());
        let taken = self.reader.take(path, length)?;
        match (leaf, std::str::from_utf8(taken.bytes)) {
            (Leaf::Bytes, _) => {
                let begin: Vec<String> =
                    taken.bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
                let more = if length > 16 { " .." } else { "" };
                self.put(
                    path,
                    taken,
                    &format!("[{}: {}{more}]", counted(length as u64, "byte"), begin.join(" ")),
                )
            }
            (_, Ok(text)) => self.put(path, taken, &quoted(text)),
            (_, Err(error)) => {
                let wrong = format!("no UTF-8 from byte {} on", taken.from + error.valid_up_to());
                Err(self.stop(path, taken, "", &wrong))
            }
        }
    }

    fn char(&mut self, path: &str) -> Result<String, Stop> {
        let length = match self.reader.rest().first() {
            Some(0..=0x7f) | None => 1,
            Some(0x80..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..) => 4,
        };
        let taken = self.reader.take(path, length)?;
        match std::str::from_utf8(taken.bytes) {
            Ok(text) => self.put(path, taken, &format!("'{}'", short(text, 1))),
            Err(_) => Err(self.stop(path, taken, "", "no UTF-8 of one character")),
        }
    }

    fn put(&mut self, path: &str, taken: Taken<'_>, value: &str) -> Result<String, Stop> {
        self.reader.field(path, taken, value);
        Ok(short(value, MOST_SAID))
    }

    fn stop(&mut self, path: &str, taken: Taken<'_>, value: &str, wrong: &str) -> Stop {
        self.reader.wrong(path, taken, value, wrong);
        Stop
    }

    /// Refuses a value before any of its bytes.
    fn refuse(&mut self, path: &str, wrong: impl Into<String>) -> Stop {
        let nothing = Taken { from: self.reader.at(), bytes: &[] };
        self.reader.wrong(path, nothing, "", wrong);
        Stop
    }
}

/// A list as it is written, bounded.
#[derive(Debug)]
pub(crate) struct Said {
    text: String,
    any: bool,
    full: bool,
}

impl Said {
    pub(crate) fn new(open: &str) -> Said {
        Said { text: open.to_owned(), any: false, full: false }
    }

    pub(crate) fn add(&mut self, value: &str) {
        if self.full {
            return;
        }
        self.text.push_str(if self.any { ", " } else { "" });
        self.any = true;
        let room = MOST_SAID.saturating_sub(self.text.len());
        self.full = value.len() > room;
        self.text.push_str(cut(value, room));
        self.text.push_str(if self.full { ".." } else { "" });
    }

    pub(crate) fn end(mut self, close: &str) -> String {
        self.text.push_str(close);
        self.text
    }
}
