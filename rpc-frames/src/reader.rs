//! Takes the bytes of a frame from the first to the last, and gives each a field.

use rpc_core::Escaped;

use crate::annotated::Field;

/// Most fields of a frame that are shown one by one: more fill several screens, and a page has one element for each.
const MOST_FIELDS: usize = 1000;
/// Longest value, in characters.
const MOST_SHOWN: usize = 160;
/// Longest name, in characters: the path of a value in a type with long names.
const MOST_NAME: usize = 80;

/// Reading cannot go on: the last field says why.
#[derive(Debug)]
pub(crate) struct Stop;

/// The bytes of a frame that were not read yet, and the fields of those that were.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// The first byte that has no field yet.
    at: usize,
    /// The first byte that is not read: the end of the frame, or of its arguments.
    end: usize,
    /// The number of bytes of the frame that are not here.
    not_kept: usize,
    pub(crate) fields: Vec<Field>,
    /// The number of fields in the last one, once there are [`MOST_FIELDS`].
    merged: usize,
}

impl<'a> Reader<'a> {
    /// Reads a frame of this length, of which these bytes are kept.
    pub(crate) fn new(bytes: &'a [u8], length: usize) -> Self {
        let not_kept = length.saturating_sub(bytes.len());
        Reader { bytes, at: 0, end: bytes.len(), not_kept, fields: Vec::new(), merged: 0 }
    }

    /// Returns the number of bytes that were not read yet.
    pub(crate) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// Returns the bytes that were not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    /// Returns the number of bytes that were read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns the number of bytes of the frame that are not here.
    pub(crate) fn not_kept(&self) -> usize {
        self.not_kept
    }

    /// Ends the reading this many bytes before the end of the frame, until [`Reader::open_tail`].
    pub(crate) fn close_tail(&mut self, length: usize) {
        self.end = self.end.saturating_sub(length).max(self.at);
    }

    /// Lets the reading go on to the end of the frame.
    pub(crate) fn open_tail(&mut self) {
        self.end = self.bytes.len();
    }

    /// Takes so many bytes. If they are not there, a field says so.
    pub(crate) fn take(&mut self, name: &str, length: usize) -> Result<Taken<'a>, Stop> {
        if length > self.left() {
            return Err(self.missing(name, length));
        }
        let from = self.at;
        self.at += length;
        Ok(Taken { from, bytes: self.bytes.get(from..self.at).unwrap_or_default() })
    }

    /// Takes a number of so many bytes, at most eight.
    pub(crate) fn number(&mut self, name: &str, length: usize) -> Result<(Taken<'a>, u64), Stop> {
        let taken = self.take(name, length)?;
        let value = taken.bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        Ok((taken, value))
    }

    /// Notes that a field has fewer bytes than it must have, and takes those that there are.
    fn missing(&mut self, name: &str, length: usize) -> Stop {
        let (from, left) = (self.at, self.left());
        self.at = self.end;
        let taken = Taken { from, bytes: self.bytes.get(from..self.end).unwrap_or_default() };
        if self.not_kept > 0 && self.end == self.bytes.len() {
            self.field(name, taken, format!("the other {} not kept", counted(self.not_kept as u64, "byte")));
        } else {
            self.wrong(
                name,
                taken,
                "",
                format!("{} expected here, and {left} left", counted(length as u64, "byte")),
            );
        }
        Stop
    }

    /// Gives bytes that were taken their field.
    pub(crate) fn field(&mut self, name: &str, taken: Taken<'_>, value: impl Into<String>) {
        if taken.bytes.is_empty() {
            return;
        }
        if self.fields.len() < MOST_FIELDS {
            self.push(name, taken, value.into(), String::new());
            return;
        }
        self.merged += 1;
        if self.merged == 1 {
            self.push("more fields", taken, String::new(), String::new());
        }
        let merged = self.merged;
        if let Some(last) = self.fields.last_mut() {
            last.to = taken.from + taken.bytes.len();
            last.value = format!("{merged} of them, not shown one by one");
        }
    }

    /// Gives bytes that were taken, possibly none, a field with a mistake.
    pub(crate) fn wrong(&mut self, name: &str, taken: Taken<'_>, value: &str, wrong: impl Into<String>) {
        self.push(name, taken, value.to_owned(), wrong.into());
    }

    fn push(&mut self, name: &str, taken: Taken<'_>, value: String, wrong: String) {
        let to = taken.from + taken.bytes.len();
        self.fields.push(Field {
            name: short(name, MOST_NAME),
            from: taken.from,
            to,
            value: short(&value, MOST_SHOWN),
            wrong,
        });
    }

    /// Gives what is left a field: bytes that nothing read, since a field before them is wrong or their type is not known.
    pub(crate) fn take_rest(&mut self, name: &str, value: impl Into<String>) {
        if let Ok(taken) = self.take(name, self.left()) {
            self.field(name, taken, value);
        }
    }

    /// Ends a body: what is left of it should not be there.
    pub(crate) fn end(&mut self, read: Result<(), Stop>) {
        let left = self.left();
        match read {
            _ if left == 0 => {}
            Err(Stop) => {
                self.take_rest("not read", format!("{} behind a mistake", counted(left as u64, "byte")))
            }
            Ok(()) => {
                if let Ok(taken) = self.take("left over", left) {
                    self.wrong(
                        "left over",
                        taken,
                        "",
                        format!("{} more than the body has fields for", counted(left as u64, "byte")),
                    );
                }
            }
        }
    }
}

/// Bytes that were taken and have no field yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<'a> {
    pub(crate) from: usize,
    pub(crate) bytes: &'a [u8],
}

/// Returns a text in at most so many characters, as a terminal may show it.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut begin: String = text.chars().take(most).collect();
    if begin.len() < text.len() {
        begin.push_str("..");
    }
    Escaped(begin).to_string()
}

/// Returns a text in quotation marks, short.
pub(crate) fn quoted(text: &str) -> String {
    let begin = short(text, MOST_SHOWN / 2);
    format!("\"{begin}\"")
}

/// Returns bytes as text in which each that is no UTF-8 has a mark.
pub(crate) fn quoted_bytes(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes.get(..MOST_SHOWN).unwrap_or(bytes)))
}

/// Returns a number with the name of what is counted: `1 byte`, `2 bytes`, `2 entries`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {what}s"),
    }
}
