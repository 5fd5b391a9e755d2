//! A frame as lines of text: a head, and a line for each field with its place, its bytes and its meaning.

use std::fmt::Write;

use crate::annotated::{Annotated, Field};

/// Bytes of a line.
const BYTES_OF_LINE: usize = 8;
/// Most columns of the names of fields: a longer name moves the value behind it.
const NAMES: usize = 24;
/// The colours that fields have in turn, so that neighbours differ; red is left for mistakes.
const COLOURS: [&str; 5] = ["\u{1b}[36m", "\u{1b}[33m", "\u{1b}[32m", "\u{1b}[35m", "\u{1b}[34m"];
const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const PLAIN: &str = "\u{1b}[0m";

/// The form of the lines.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// True for a terminal that shows colours.
    pub colour: bool,
    /// Most bytes of a field that are shown; the others are counted.
    pub most: usize,
}

impl Default for Style {
    /// Plain text, and at most 64 bytes of a field.
    fn default() -> Self {
        Style { colour: false, most: 64 }
    }
}

/// Returns the head of a frame on one line: `CALL slot 0, seq 1: add(x: 2, y: 3)`.
pub fn head(frame: &Annotated) -> String {
    let mut line = frame.kind.clone();
    if let (Some(slot), Some(seq)) = (frame.slot, frame.seq) {
        let _ = write!(line, " slot {slot}, seq {seq}"); // a `String` takes all
    }
    if frame.kind == "REJECT" {
        let _ = write!(line, " {}", frame.status);
    }
    if !frame.says.is_empty() {
        let _ = write!(line, ": {}", frame.says);
    }
    line
}

/// Returns a frame as lines: of its fields, and before them of its first mistake if it has one.
///
/// ```
/// use rpc_frames::{Known, Style, annotate, lines};
///
/// let garbled = annotate(b"GET / HTTP/1.1\r\n", &Known::default());
/// let text = lines(&garbled, Style::default());
/// assert!(text.starts_with("WRONG: 16 bytes, fewer than the 36 of a header: \"GET / HTTP/1.1"), "{text}");
/// ```
pub fn lines(frame: &Annotated, style: Style) -> String {
    let mut text = String::new();
    let paint = |colour: &'static str| if style.colour { colour } else { "" };
    if !frame.wrong.is_empty() {
        let _ = writeln!(text, "{}WRONG: {}{}", paint(RED), frame.wrong, paint(PLAIN));
    }
    let longest = frame.fields.iter().map(|field| field.name.chars().count()).max();
    let names = longest.unwrap_or_default().min(NAMES);
    for (field, colour) in frame.fields.iter().zip(COLOURS.iter().cycle()) {
        let bytes = frame.bytes.get(field.from..field.to).unwrap_or_default();
        let shown = bytes.get(..style.most).unwrap_or(bytes);
        let mut rows = shown.chunks(BYTES_OF_LINE).map(hex);
        let (begin, end) = (paint(colour), paint(PLAIN));
        let first = rows.next().unwrap_or_default();
        let column = format!("{first:<width$}", width = 3 * BYTES_OF_LINE - 1);
        let name = format!("{:<names$}", field.name);
        let meaning = meaning(field, paint(RED), end);
        let line = format!("{:>5}  {begin}{column}{end}  {}{name}{end}  {meaning}", field.from, paint(BOLD));
        let _ = writeln!(text, "{}", line.trim_end());
        for row in rows {
            let _ = writeln!(text, "{:>5}  {begin}{row}{end}", "");
        }
        if shown.len() < bytes.len() {
            let _ = writeln!(text, "{:>5}  .. {} bytes more", "", bytes.len() - shown.len());
        }
    }
    text
}

fn meaning(field: &Field, red: &str, end: &str) -> String {
    match (field.value.is_empty(), field.wrong.is_empty()) {
        (_, true) => field.value.clone(),
        (true, false) => format!("{red}<-- {}{end}", field.wrong),
        (false, false) => format!("{}  {red}<-- {}{end}", field.value, field.wrong),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
