//! A frame as the page shows it: its name, its place on the way, and its bytes with their fields, as the decoder reads them.

use bytes::Bytes;
use rpc_core::Client;
use rpc_core::Status;
use rpc_core::wire::codec;
use rpc_core::wire::frame::{Frame, Kind};
use rpc_core::wire::message::{Hello, Welcome};
use rpc_core::wire::parts::{judge, parts};
use serde::Serialize;

use crate::service::KvClient;

/// The name, the number and the meaning of a frame, as far as its header says it.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    /// `CALL`; `end` for the end of a connection.
    pub kind: String,
    /// The slot, of a frame about a call.
    pub slot: Option<u64>,
    /// The sequence number.
    pub seq: Option<u64>,
    /// Its content in a few characters: `append("k", "a")`.
    pub says: String,
}

/// One field of a frame.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its first byte,
    pub from: usize,
    /// and the first one behind it.
    pub to: usize,
    /// Its value, for a reader.
    pub value: String,
}

/// A frame, field by field.
#[derive(Clone, Debug, Serialize)]
pub struct Opened {
    /// The fields.
    pub fields: Vec<Field>,
    /// The judgement of the decoder: empty if it accepts the frame, else the reason for which it refuses it.
    pub refused: String,
    /// Its content.
    pub says: String,
}

/// Returns the head of a frame.
pub fn head(bytes: &Bytes) -> Head {
    if bytes.is_empty() {
        return Head { kind: "end".to_owned(), slot: None, seq: None, says: String::new() };
    }
    let field =
        |name: &str| parts(bytes).into_iter().find(|part| part.name == name).and_then(|part| part.value);
    let kind = field("kind").and_then(|kind| Kind::from_wire(u8::try_from(kind).ok()?).ok());
    let of_call = matches!(kind, Some(Kind::Call | Kind::Reply | Kind::Cancel | Kind::Ack));
    let says = match judge(bytes.clone()) {
        Ok(Some(frame)) => meaning(&frame),
        _ => "?".to_owned(),
    };
    Head {
        kind: kind.map_or("?", Kind::name).to_owned(),
        slot: field("slot").filter(|_| of_call),
        seq: field("seq").filter(|_| of_call),
        says,
    }
}

/// Returns a frame field by field, and the decoder's judgement.
pub fn open(bytes: &Bytes) -> Opened {
    let judged = judge(bytes.clone());
    let frame = judged.as_ref().ok().and_then(Option::as_ref);
    let says = frame.map(meaning).unwrap_or_default();
    let refused = match &judged {
        Ok(Some(_)) => String::new(),
        Ok(None) => "the frame is not whole".to_owned(),
        Err(error) => error.to_string(),
    };
    let fields = parts(bytes).into_iter().map(|part| Field {
        name: part.name,
        from: part.at.start,
        to: part.at.end,
        value: match (part.name, part.value) {
            ("kind", Some(kind)) => u8::try_from(kind)
                .ok()
                .and_then(|kind| Kind::from_wire(kind).ok())
                .map_or_else(|| format!("{kind}: no kind"), |known| format!("{kind}: {}", known.name())),
            ("method" | "body crc" | "header crc", Some(value)) => format!("{value:#x}"),
            (_, Some(value)) => value.to_string(),
            (_, None) => says.clone(),
        },
    });
    Opened { fields: fields.collect(), refused, says }
}

/// Returns what a frame says, decoded as client or server decode it.
fn meaning(frame: &Frame) -> String {
    match frame.header.kind {
        Kind::Call => call(frame),
        Kind::Reply => reply(frame),
        Kind::Hello => Hello::decode(&frame.body).map_or_else(
            |error| error.to_string(),
            |hello| {
                if hello.resume.is_some() {
                    "resumes its session".to_owned()
                } else {
                    "opens a session".to_owned()
                }
            },
        ),
        Kind::Welcome => Welcome::decode(&frame.body).map_or_else(
            |error| error.to_string(),
            |welcome| {
                let how = if welcome.resumed { "resumed" } else { "new" };
                format!("session {:?}, {how}", welcome.session)
            },
        ),
        _ => String::new(),
    }
}

/// Returns the name and the arguments of a call.
fn call(frame: &Frame) -> String {
    let found = KvClient::CONTRACT.methods.iter().find(|method| method.id == frame.header.method);
    let Some(method) = found else { return "a method that the page does not know".to_owned() };
    let name = method.name.rsplit('.').next().unwrap_or_default();
    if let Ok((key, value)) = codec::decode::<(&str, &str)>(&frame.body) {
        return format!("{name}({key:?}, {value:?})");
    }
    match codec::decode::<(&str,)>(&frame.body) {
        Ok((key,)) => format!("{name}({key:?})"),
        Err(error) => error.to_string(),
    }
}

/// Returns the value of a reply, or its status and text.
fn reply(frame: &Frame) -> String {
    let Ok(status) = Status::from_code(frame.header.code) else { return "?".to_owned() };
    match (status, codec::decode::<String>(&frame.body)) {
        (Status::Done, Ok(value)) => format!("{value:?}"),
        (Status::Refused(reason), _) => format!("refused: {reason:?}").to_lowercase(),
        (status, _) => format!("{status:?}"),
    }
}
