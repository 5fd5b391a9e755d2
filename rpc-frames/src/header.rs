//! A whole frame: the nine fields of its header, its checksums, and then its body.

use rpc_core::Status;
use rpc_core::ids::MethodId;
use rpc_core::limits::HEADER;
use rpc_core::wire::frame::Kind;
use rpc_core::wire::message::FEATURE_NO_BODY_CHECKSUM;
use rpc_core::wire::metadata::HAS_METADATA;
use rpc_core::wire::parts::parts;
use rpc_core::wire::reject::RejectCode;

use crate::annotated::Annotated;
use crate::body;
use crate::methods::{Methods, Shape};
use crate::reader::{Reader, counted, quoted_bytes};

/// Bytes of a header that its checksum is over.
const CHECKED: usize = HEADER - 4;
/// The milliseconds of a caller without a deadline (W18).
const NO_DEADLINE: u64 = u32::MAX as u64;

/// The facts about a connection that a frame does not have in itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The features that both sides agreed on; `None` if that is not known.
    pub features: Option<u32>,
    /// The methods whose calls can be opened.
    pub methods: Option<&'a Methods>,
    /// The method of the call that a REPLY is for.
    pub replied: Option<MethodId>,
}

/// The length and the checksum of a body of which only the beginning may be here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeBody {
    pub(crate) length: usize,
    pub(crate) crc: u32,
}

/// Returns the fields of the frame that these bytes are, or should be.
pub fn annotate(bytes: &[u8], known: &Known<'_>) -> Annotated {
    let body = bytes.get(HEADER..).unwrap_or_default();
    annotate_kept(bytes, WholeBody { length: body.len(), crc: crc32c::crc32c(body) }, known)
}

/// Returns the fields of a frame of which these bytes are the beginning.
pub(crate) fn annotate_kept(bytes: &[u8], body: WholeBody, known: &Known<'_>) -> Annotated {
    let length = if bytes.len() < HEADER { bytes.len() } else { HEADER + body.length };
    let mut reader = Reader::new(bytes, length);
    let head = Head::of(bytes);
    let sound = head.put_fields(&mut reader, body, known);
    let behind = head.body_length().map_or(0, |expected| body.length.saturating_sub(expected));
    reader.close_tail(if sound && length == bytes.len() { behind } else { 0 });
    let says = match (sound, head.kind) {
        (true, Some(kind)) => body::read(&mut reader, kind, &head, known),
        _ if bytes.len() < HEADER => {
            reader.take_rest("header", "the rest of a header that is not whole");
            String::new()
        }
        _ => {
            reader.take_rest("body", "not opened: its header is wrong");
            String::new()
        }
    };
    reader.open_tail();
    reader.take_rest("behind", "not of this frame");
    let first = reader.fields.iter().find(|field| !field.wrong.is_empty());
    let mut wrong = first
        .map(|field| format!("{} at byte {}: {}", field.name, field.from, field.wrong))
        .unwrap_or_default();
    if bytes.len() < HEADER {
        wrong = format!(
            "{}, fewer than the {HEADER} of a header: {}",
            counted(bytes.len() as u64, "byte"),
            quoted_bytes(bytes)
        );
    }
    let is_frame = bytes.len() >= HEADER && head.is_checked(bytes);
    if bytes.len() >= HEADER && !is_frame && bytes.iter().take(8).all(|byte| (b' '..=b'~').contains(byte)) {
        wrong.push_str(&format!("; the bytes begin {}", quoted_bytes(bytes)));
    }
    let kind = head.kind.filter(|_| is_frame);
    let of_call = matches!(kind, Some(Kind::Call | Kind::Reply | Kind::Cancel | Kind::Ack));
    Annotated {
        kind: kind.map_or("?", Kind::name).to_owned(),
        slot: u16::try_from(head.slot).ok().filter(|_| of_call),
        seq: Some(head.seq).filter(|_| of_call),
        status: if is_frame { head.status() } else { String::new() },
        method: head.shape(known).filter(|_| of_call).map(|shape| shape.name.clone()).unwrap_or_default(),
        says,
        wrong,
        length,
        fields: reader.fields,
        bytes: bytes.to_vec(),
    }
}

/// Returns the name of a status as in `docs/wire.md`.
fn status_name(status: Status) -> String {
    match status {
        Status::Refused(reason) => format!("{reason:?}"),
        status => format!("{status:?}"),
    }
}

/// The numbers of a header, right or wrong; 0 for those that are not there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    pub(crate) length: u64,
    pub(crate) kind: Option<Kind>,
    kind_byte: u64,
    pub(crate) code: u8,
    pub(crate) slot: u64,
    pub(crate) seq: u64,
    pub(crate) method: u64,
    pub(crate) millis: u64,
    body_crc: u64,
    header_crc: u64,
}

impl Head {
    /// Reads the fields that the decoder has, as far as there are bytes.
    pub(crate) fn of(bytes: &[u8]) -> Head {
        let mut head = Head::default();
        for part in parts(bytes.get(..HEADER).unwrap_or(bytes)) {
            let value = part.value.unwrap_or_default();
            match part.name {
                "length" => head.length = value,
                "kind" => head.kind_byte = value,
                "code" => head.code = value as u8, // of one byte
                "slot" => head.slot = value,
                "seq" => head.seq = value,
                "method" => head.method = value,
                "millis" => head.millis = value,
                "body crc" => head.body_crc = value,
                _ => head.header_crc = value,
            }
        }
        head.kind = u8::try_from(head.kind_byte).ok().and_then(|kind| Kind::from_wire(kind).ok());
        head
    }

    /// Returns true if the checksum of the header is right.
    pub(crate) fn is_checked(&self, bytes: &[u8]) -> bool {
        bytes.get(..CHECKED).is_some_and(|checked| u64::from(crc32c::crc32c(checked)) == self.header_crc)
    }

    /// Returns the length of the body that the header announces; `None` if it is none.
    pub(crate) fn body_length(&self) -> Option<usize> {
        usize::try_from(self.length.checked_sub((HEADER - 4) as u64)?).ok()
    }

    /// Returns the status of a reply.
    pub(crate) fn reply_status(&self) -> Option<Status> {
        (self.kind == Some(Kind::Reply)).then(|| Status::from_code(self.code).ok()).flatten()
    }

    fn status(&self) -> String {
        match self.kind {
            Some(Kind::Reply) => self.reply_status().map(status_name).unwrap_or_default(),
            Some(Kind::Reject) => format!("{:?}", RejectCode::from_wire(self.code)),
            _ => String::new(),
        }
    }

    /// Returns the method that the frame is about, if it is known.
    pub(crate) fn shape<'a>(&self, known: &Known<'a>) -> Option<&'a Shape> {
        let id = match self.kind? {
            Kind::Call => MethodId(self.method),
            Kind::Reply => known.replied?,
            _ => return None,
        };
        known.methods?.get(id)
    }

    /// Gives the header its fields. Returns true if the body may be opened.
    fn put_fields(&self, reader: &mut Reader<'_>, body: WholeBody, known: &Known<'_>) -> bool {
        let (whole, bytes) = (reader.left() >= HEADER, reader.rest());
        let checked = whole && self.is_checked(bytes);
        let mut sound = checked;
        for part in parts(bytes.get(..HEADER).unwrap_or(bytes)) {
            let Ok(taken) = reader.take(part.name, part.at.len()) else { return false };
            // With a wrong checksum each field may be the one that has changed: only the checksum is said to be wrong.
            match self.describe(part.name, body, known, checked) {
                Ok(value) => reader.field(part.name, taken, value),
                Err(_) if !checked && part.name != "header crc" => {
                    reader.field(part.name, taken, part.value.unwrap_or_default().to_string());
                }
                Err((value, wrong)) => {
                    sound &= part.name != "kind" && self.body_length().is_some();
                    reader.wrong(part.name, taken, &value, wrong);
                }
            }
        }
        sound
    }

    /// Returns the value of a field in words, or its mistake.
    fn describe(
        &self,
        name: &str,
        body: WholeBody,
        known: &Known<'_>,
        checked: bool,
    ) -> Result<String, (String, String)> {
        match name {
            "length" => self.describe_length(body),
            "kind" => match self.kind {
                Some(kind) => Ok(format!("{}: {}", self.kind_byte, kind.name())),
                None => Err((self.kind_byte.to_string(), "no kind has this number".to_owned())),
            },
            "code" => self.describe_code(),
            "slot" => Ok(self.slot.to_string()),
            "seq" => Ok(self.seq.to_string()),
            "method" => Ok(match (self.kind, self.shape(known)) {
                (Some(Kind::Call), Some(shape)) => shape.name.clone(),
                (Some(Kind::Call), None) => format!("{:016x}: a method that is not known here", self.method),
                _ => self.method.to_string(),
            }),
            "millis" => Ok(self.describe_millis()),
            "body crc" => self.describe_body_crc(body, known),
            _ if checked => Ok(format!("{:08x}: right", self.header_crc)),
            _ => Err((
                format!("{:08x}", self.header_crc),
                "not the checksum of the bytes before it".to_owned(),
            )),
        }
    }

    fn describe_length(&self, body: WholeBody) -> Result<String, (String, String)> {
        let value = self.length.to_string();
        let Some(expected) = self.body_length() else {
            return Err((value, "below 32, the bytes of a header behind it".to_owned()));
        };
        let value = format!("{value} = 32 and a body of {expected}");
        match expected.checked_sub(body.length) {
            Some(0) => Ok(value),
            Some(missing) => Err((value, format!("{} of the body missing", counted(missing as u64, "byte")))),
            None => Err((
                value,
                format!("{} behind this frame", counted(body.length.saturating_sub(expected) as u64, "byte")),
            )),
        }
    }

    fn describe_code(&self) -> Result<String, (String, String)> {
        let code = self.code;
        Ok(match self.kind {
            Some(Kind::Call) if code & HAS_METADATA != 0 => format!("{code}: with metadata"),
            Some(Kind::Call) => format!("{code}: no metadata"),
            Some(Kind::Reply) => match self.reply_status() {
                Some(status @ Status::Refused(_)) => format!("{code}: {}, never ran", status_name(status)),
                Some(status) => format!("{code}: {}, ran once", status_name(status)),
                None => return Err((code.to_string(), "no status has this number".to_owned())),
            },
            Some(Kind::Reject) => format!("{code}: {:?}", RejectCode::from_wire(code)),
            _ => code.to_string(),
        })
    }

    fn describe_millis(&self) -> String {
        let millis = self.millis;
        match self.kind {
            Some(Kind::Call) if millis == NO_DEADLINE => "no deadline".to_owned(),
            Some(Kind::Call) => format!("{millis}: the caller waits so long"),
            Some(Kind::Reply | Kind::Busy) if millis > 0 => {
                format!("{millis}: the pause before another attempt")
            }
            _ => millis.to_string(),
        }
    }

    fn describe_body_crc(&self, body: WholeBody, known: &Known<'_>) -> Result<String, (String, String)> {
        let value = format!("{:08x}", self.body_crc);
        let left_out = known.features.is_some_and(|features| features & FEATURE_NO_BODY_CHECKSUM != 0);
        if left_out && !matches!(self.kind, Some(Kind::Hello | Kind::Welcome)) {
            return Ok(format!("{value}: not used, as both sides agreed"));
        }
        if self.body_length() != Some(body.length) {
            return Ok(format!("{value}: not compared"));
        }
        if u64::from(body.crc) == self.body_crc {
            return Ok(format!("{value}: right"));
        }
        Err((value, format!("the checksum of this body is {:08x}", body.crc)))
    }
}
