//! The bodies of CALL and REPLY: arguments, metadata, values, errors and texts. Rules W12, W13 and W13a.

use rpc_core::Status;
use rpc_core::wire::metadata::{HAS_METADATA, Metadata};

use crate::header::{Head, Known};
use crate::reader::{Reader, Stop, counted, quoted, quoted_bytes, short};
use crate::value::{Said, Values};

/// Bytes behind the entries of metadata: their length.
const TRAILER: usize = 2;

/// Reads the body of a CALL. Returns it as a call is written.
pub(crate) fn call<'a>(reader: &mut Reader<'a>, head: &Head, known: &Known<'a>) -> String {
    let (has_metadata, whole) = (head.code & HAS_METADATA != 0, reader.not_kept() == 0);
    let entries = if has_metadata && whole { metadata_length(reader.rest()) } else { Some(0) };
    let tail = entries.filter(|_| has_metadata && whole).map_or(0, |entries| entries + TRAILER);
    reader.close_tail(tail);
    let shape = head.shape(known);
    let name = shape.map_or("?", |shape| method(&shape.name));
    let said = match shape.and_then(|shape| shape.formats.as_ref().map(|formats| (shape, formats))) {
        Some((shape, formats)) => {
            let mut said = Said::new("(");
            let read = formats.arguments.iter().enumerate().try_for_each(|(at, format)| {
                let named = shape.arguments.get(at);
                let path = named.cloned().unwrap_or_else(|| format!("argument {}", at + 1));
                let value = Values::new(reader, formats).read(format, &path, 1)?;
                said.add(&named.map_or(value.clone(), |name| format!("{name}: {value}")));
                Ok(())
            });
            if read.is_err() {
                said.add("..");
            }
            reader.end(read);
            said.end(")")
        }
        None => {
            let length = counted((reader.left() + reader.not_kept()) as u64, "byte");
            let value = format!("{length}: the formats of the method are not known here");
            reader.take_rest("arguments", value);
            format!("({length})")
        }
    };
    reader.open_tail();
    let metadata = match (has_metadata && whole, entries) {
        (true, Some(_)) => metadata(reader, tail),
        (true, None) => {
            if let Ok(taken) = reader.take("metadata", reader.left()) {
                reader.wrong("metadata", taken, "", "no metadata of the form of W13a");
            }
            String::new()
        }
        _ => String::new(),
    };
    format!("{name}{said}{metadata}")
}

/// Returns the length of the entries of the metadata that a body ends with; `None` if it ends with none.
fn metadata_length(body: &[u8]) -> Option<usize> {
    Metadata::split(body).map(|(arguments, _)| body.len() - arguments.len() - TRAILER)
}

/// Reads metadata, which was found to be of its form. Returns it in a few words.
fn metadata(reader: &mut Reader<'_>, length: usize) -> String {
    let end = reader.at() + length;
    let mut said = Said::new(" with ");
    let mut read = || -> Result<(), Stop> {
        while reader.at() + TRAILER < end {
            let (key, value) = entry(reader)?;
            said.add(&format!("{key}: {value}"));
        }
        let (taken, length) = reader.number("metadata: length", TRAILER)?;
        reader.field("metadata: length", taken, length.to_string());
        Ok(())
    };
    let read = read();
    reader.end(read);
    said.end("")
}

fn entry(reader: &mut Reader<'_>) -> Result<(String, String), Stop> {
    let (length, count) = reader.number("metadata key: length", 1)?;
    reader.field("metadata key: length", length, count.to_string());
    let taken = reader.take("metadata key", usize::try_from(count).unwrap_or_default())?;
    let key = String::from_utf8_lossy(taken.bytes).into_owned();
    reader.field("metadata key", taken, quoted(&key));
    let (length, count) = reader.number("metadata value: length", 2)?;
    reader.field("metadata value: length", length, count.to_string());
    let taken = reader.take("metadata value", usize::try_from(count).unwrap_or_default())?;
    let value = quoted_bytes(taken.bytes);
    reader.field("metadata value", taken, value.clone());
    Ok((short(&key, 80), value))
}

/// Returns the name of a method without that of its service.
fn method(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// Reads the body of a REPLY. Returns it in a few words.
pub(crate) fn reply<'a>(reader: &mut Reader<'a>, head: &Head, known: &Known<'a>) -> String {
    let formats = head.shape(known).and_then(|shape| shape.formats.as_ref());
    let (Some(status), length) = (head.reply_status(), reader.left() + reader.not_kept()) else {
        reader.take_rest("body", "of a status that is not known");
        return String::new();
    };
    let format = formats.and_then(|formats| match status {
        Status::Done => Some((formats, &formats.value, "value")),
        Status::Failed => Some((formats, formats.error.as_ref()?, "error")),
        _ => None,
    });
    match (status, format) {
        (Status::Done | Status::Failed, Some((formats, format, name))) => {
            let read = Values::new(reader, formats).read(format, name, 1);
            let said = read.as_ref().map_or_else(|Stop| "..".to_owned(), String::clone);
            reader.end(read.map(|_| ()));
            if status == Status::Failed { format!("error {said}") } else { said }
        }
        (Status::Done | Status::Failed, None) => {
            let count = counted(length as u64, "byte");
            let what = if status == Status::Done { "value" } else { "error" };
            reader.take_rest(what, format!("{count}: the formats of the method are not known here"));
            format!("{what} of {count}")
        }
        (status, _) => {
            let text = quoted_bytes(reader.rest());
            reader.take_rest("text", text.clone());
            let status = match status {
                Status::Refused(reason) => format!("refused, {reason:?}"),
                status => format!("{status:?}"),
            };
            let pause =
                if head.millis > 0 { format!(", try again after {} ms", head.millis) } else { String::new() };
            let text = if length > 0 { format!(": {text}") } else { String::new() };
            format!("{status}{pause}{text}")
        }
    }
}
