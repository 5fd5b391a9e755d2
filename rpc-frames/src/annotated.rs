//! A frame as a reader sees it: its head, and its fields from the first byte to the last.

use serde::{Serialize, Serializer};

/// A field of a frame: some of its bytes, and their meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name as in `docs/wire.md`; of an argument or a value, its path: `job.tags[2]`.
    pub name: String,
    /// Its first byte in the frame.
    pub from: usize,
    /// The first byte behind it.
    pub to: usize,
    /// Its value in words.
    pub value: String,
    /// Its mistake; empty if it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wrong: String,
}

/// A frame, or bytes that are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Annotated {
    /// The name of its kind: `CALL`; `?` for bytes that are no frame.
    pub kind: String,
    /// The slot, of a frame about a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u16>,
    /// The sequence number, of a frame about a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The name of the status of a REPLY, or of the reason of a REJECT.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// `Service.method`, of a CALL or a REPLY whose method is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Its content in a few words: `get(key: "a")`.
    pub says: String,
    /// The first mistake and its place; empty if there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wrong: String,
    /// The length of the whole frame in bytes, its header included.
    pub length: usize,
    /// The fields. Each byte in `bytes` belongs to exactly one of them.
    pub fields: Vec<Field>,
    /// The bytes, or the first of them if the frame is longer than what is kept. In JSON: two digits for each.
    #[serde(serialize_with = "hex")]
    pub bytes: Vec<u8>,
}

fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.serialize_str(&digits)
}
