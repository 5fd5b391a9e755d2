//! Writes data to standard output: text for people and pipes, or one JSON object a line.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde::Serialize;
use serde_json::json;

use crate::arguments::Format;
use crate::pairs::{BOM, escape, is_obeyed};

/// Writes pairs to standard output.
pub(crate) struct PairWriter {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    is_first: bool,
}

#[derive(Serialize)]
struct Pair<'a> {
    key: &'a str,
    value: &'a str,
}

impl PairWriter {
    pub(crate) fn new(format: Format) -> Self {
        PairWriter { out: BufWriter::new(io::stdout().lock()), format, is_first: true }
    }

    pub(crate) fn write(&mut self, key: &str, value: &str) -> io::Result<()> {
        if std::mem::take(&mut self.is_first) && self.format == Format::Text && key.starts_with(BOM) {
            write!(self.out, "{BOM}")?; // `load` removes one, and the key's own must stay
        }
        match self.format {
            Format::Text => writeln!(self.out, "{}\t{}", escape(key), escape(value)),
            Format::Json => writeln!(self.out, "{}", one_line(&Pair { key, value })?),
        }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the address at which a server listens: the one line that scripts read.
pub(crate) fn listening(format: Format, addr: &impl Display) -> io::Result<()> {
    answer(format, Some(&format!("listening on {addr}")), &json!({"listening": addr.to_string()}))?;
    io::stdout().flush()
}

/// Writes one result: `text`, if any, on its own line, or `json` as an object on one line.
pub(crate) fn answer(format: Format, text: Option<&str>, json: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Text => text.map_or(Ok(()), |text| writeln!(out, "{text}")),
        Format::Json => writeln!(out, "{}", one_line(json)?),
    }
}

/// Writes a value as it is, so that a file or a program gets each of its bytes. On a terminal, which would obey some of them,
/// those are escaped.
pub(crate) fn value(format: Format, text: &str, json: &impl Serialize) -> io::Result<()> {
    if format == Format::Json || !io::stdout().is_terminal() {
        return answer(format, Some(text), json);
    }
    let is_shown = |c: char| matches!(c, '\n' | '\t') || !is_obeyed(c);
    let shown: String = text
        .chars()
        .map(|c| if is_shown(c) { c.to_string() } else { c.escape_unicode().to_string() })
        .collect();
    answer(format, Some(&shown), json)
}

/// Returns a value as JSON on one line. JSON escapes some of the characters that a terminal would obey; this escapes the rest.
fn one_line(value: &impl Serialize) -> io::Result<String> {
    let mut line = String::new();
    for c in serde_json::to_string(value)?.chars() {
        if is_obeyed(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            line.push(c);
        }
    }
    Ok(line)
}
