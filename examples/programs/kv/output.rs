//! Writes data to standard output: text for people and pipes, or one JSON object a line.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::net::SocketAddr;

use serde::Serialize;
use serde_json::json;

use crate::arguments::Format;
use crate::pairs::{BOM, escape};

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
            Format::Json => {
                serde_json::to_writer(&mut self.out, &Pair { key, value })?;
                self.out.write_all(b"\n")
            }
        }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the address at which a server listens: the one line that scripts read.
pub(crate) fn listening(format: Format, addr: SocketAddr) -> io::Result<()> {
    answer(format, Some(&format!("listening on {addr}")), &json!({"listening": addr.to_string()}))?;
    io::stdout().flush()
}

/// Writes one result: `text`, if any, on its own line, or `json` as an object on one line.
pub(crate) fn answer(format: Format, text: Option<&str>, json: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Text => text.map_or(Ok(()), |text| writeln!(out, "{text}")),
        Format::Json => {
            serde_json::to_writer(&mut out, json)?;
            writeln!(out)
        }
    }
}
