//! Layer 1: frames: a header at fixed offsets, a body, a checksum over each.
//!
//! ```text
//! offset  0       4    5    6       8            16           24      28      32      36
//!         +-------+----+----+-------+------------+------------+-------+-------+-------+----------
//!         |length |kind|code| slot  |    seq     |   method   |millis | body  |header | body ..
//!         |  u32  | u8 | u8 |  u16  |    u64     |    u64     |  u32  |crc u32|crc u32|
//!         +-------+----+----+-------+------------+------------+-------+-------+-------+----------
//! ```
//! All numbers are little-endian. Rules W1 to W6 of `docs/wire.md`.

use std::time::Duration;

use bytes::Bytes;

use super::checksum;
use super::fields::Fields;
use crate::error::ProtocolError;
use crate::ids::{MethodId, Seq, Slot};
use crate::limits::HEADER;

pub use super::decoder::FrameDecoder;

/// The bytes of the length prefix. It counts the bytes after itself.
pub(super) const PREFIX: usize = 4;

/// The purpose of a frame (W6). The numbers are those on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The first frame of a client: its services, and the session that it wants to resume.
    Hello = 1,
    /// The first frame of a server: the session that it grants.
    Welcome = 2,
    /// A call.
    Call = 3,
    /// The final reply to a call.
    Reply = 4,
    /// The caller cancels a call.
    Cancel = 5,
    /// The client has the reply, so its bytes may be released.
    Ack = 6,
    /// The client asks for a sign of life.
    Ping = 7,
    /// The server is alive: sent for a PING.
    Pong = 8,
    /// The server is shutting down.
    GoAway = 9,
    /// The server does not know the session that the client wants to resume.
    SessionLost = 10,
    /// The server opens no new session now.
    Busy = 11,
    /// The client ends its session.
    Bye = 12,
    /// The client asks for the method table of a service.
    Methods = 13,
    /// The method table of a service.
    Table = 14,
    /// The server closes the connection because the client broke the protocol; the body gives the reason.
    Reject = 15,
}

impl Kind {
    /// Returns the kind with this number on the wire.
    ///
    /// # Errors
    /// [`ProtocolError::UnknownKind`] if there is none (W6).
    pub fn from_wire(byte: u8) -> Result<Kind, ProtocolError> {
        const ALL: [Kind; 15] = [
            Kind::Hello,
            Kind::Welcome,
            Kind::Call,
            Kind::Reply,
            Kind::Cancel,
            Kind::Ack,
            Kind::Ping,
            Kind::Pong,
            Kind::GoAway,
            Kind::SessionLost,
            Kind::Busy,
            Kind::Bye,
            Kind::Methods,
            Kind::Table,
            Kind::Reject,
        ];
        let index = usize::from(byte).wrapping_sub(1);
        ALL.get(index).copied().ok_or(ProtocolError::UnknownKind(byte))
    }

    /// Returns true if frames of this kind have no body (W7).
    fn is_bare(self) -> bool {
        use Kind::{Ack, Busy, Bye, Cancel, GoAway, Ping, Pong};
        matches!(self, Cancel | Ack | Ping | Pong | GoAway | Busy | Bye)
    }

    /// Returns the name that messages and `docs/wire.md` use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Hello => "HELLO",
            Kind::Welcome => "WELCOME",
            Kind::Call => "CALL",
            Kind::Reply => "REPLY",
            Kind::Cancel => "CANCEL",
            Kind::Ack => "ACK",
            Kind::Ping => "PING",
            Kind::Pong => "PONG",
            Kind::GoAway => "GOAWAY",
            Kind::SessionLost => "SESSION_LOST",
            Kind::Busy => "BUSY",
            Kind::Bye => "BYE",
            Kind::Methods => "METHODS",
            Kind::Table => "TABLE",
            Kind::Reject => "REJECT",
        }
    }
}

/// The fixed part of a frame without its lengths. A field that a kind does not use is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The purpose of the frame.
    pub kind: Kind,
    /// REPLY: its status. REJECT: the reason. CALL: 1 if it has metadata. Else 0.
    pub code: u8,
    /// CALL, REPLY, CANCEL, ACK: the slot.
    pub slot: Slot,
    /// CALL, REPLY, CANCEL, ACK: the number within the slot.
    pub seq: Seq,
    /// CALL: the method.
    pub method: MethodId,
    /// CALL: the time left. REPLY 'busy', 'draining' or 'reply lost', and BUSY: the pause before another attempt. In
    /// milliseconds.
    pub millis: u32,
}

/// Returns a time in the 32 bits of milliseconds that it has in a frame. One that does not fit is the longest that does: its
/// low bits alone would name a time near zero.
pub(crate) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

impl Header {
    /// Returns a header of this kind with every other field 0.
    pub fn new(kind: Kind) -> Self {
        Header { kind, code: 0, slot: 0, seq: 0, method: MethodId(0), millis: 0 }
    }

    /// Returns a header of this kind for one call.
    pub fn for_call(kind: Kind, slot: Slot, seq: Seq) -> Self {
        Header { slot, seq, ..Header::new(kind) }
    }

    /// Returns the slot and the number of the call.
    pub fn call(&self) -> (Slot, Seq) {
        (self.slot, self.seq)
    }

    /// Returns the time left, or the pause, as a duration.
    pub fn pause(&self) -> Duration {
        Duration::from_millis(u64::from(self.millis))
    }

    /// Returns the 36 bytes before a body of this length and checksum.
    #[inline(always)] // once for each frame
    pub fn encode(&self, body_len: usize, body_crc: u32) -> [u8; HEADER] {
        debug_assert!(body_len <= u32::MAX as usize - HEADER);
        let mut bytes = [0; HEADER];
        let length = (HEADER - PREFIX + body_len) as u32;
        bytes[0..4].copy_from_slice(&length.to_le_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = self.code;
        bytes[6..8].copy_from_slice(&self.slot.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.method.0.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.millis.to_le_bytes());
        bytes[28..32].copy_from_slice(&body_crc.to_le_bytes());
        let checksum = checksum::of_header(&bytes);
        bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// Appends a whole frame.
#[inline]
pub fn append(into: &mut Vec<u8>, header: &Header, body: &[u8], checksum: bool) {
    into.extend_from_slice(&header.encode(body.len(), body_checksum(body, checksum)));
    into.extend_from_slice(body);
}

/// Returns the checksum over a body: CRC32C, or 0 if both sides agreed to leave it out.
pub fn body_checksum(body: &[u8], checksum: bool) -> u32 {
    if checksum { checksum::crc32c(body) } else { 0 }
}

/// A frame that arrived whole, with correct checksums.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The fixed part.
    pub header: Header,
    /// The checksum of the body as it arrived; 0 if bodies have none.
    pub body_crc: u32,
    /// The bytes after the header.
    pub body: Bytes,
    /// Length of a body that was over the limit and is being skipped; `body` is empty then.
    pub skipped: Option<usize>,
}

/// A header that was read from the wire and checked.
pub(super) struct RawHeader {
    pub(super) header: Header,
    pub(super) body_crc: u32,
    pub(super) body_len: usize,
}

/// Reads a header from the first 36 bytes.
#[inline(always)]
pub(super) fn decode_header(bytes: &[u8]) -> Result<RawHeader, ProtocolError> {
    let Some(fixed) = bytes.first_chunk::<HEADER>() else {
        return Err(ProtocolError::ShortFrame(bytes.len()));
    };
    let mut fields = Fields::new(fixed, "frame");
    let length = fields.u32()? as usize;
    let (kind, code) = (fields.u8()?, fields.u8()?);
    let (slot, seq, method) = (fields.u16()?, fields.u64()?, MethodId(fields.u64()?));
    let (millis, body_crc) = (fields.u32()?, fields.u32()?);
    if checksum::of_header(fixed) != fields.u32()? {
        return Err(ProtocolError::HeaderChecksum);
    }
    let body_len = length.checked_sub(HEADER - PREFIX).ok_or(ProtocolError::ShortFrame(length))?;
    let header = Header { kind: Kind::from_wire(kind)?, code, slot, seq, method, millis };
    if header.kind.is_bare() && body_len > 0 {
        return Err(ProtocolError::BadBody(header.kind.name()));
    }
    Ok(RawHeader { header, body_crc, body_len })
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_kind_has_the_name_of_its_variant_in_capitals() {
        for byte in 1..=15 {
            let kind = Kind::from_wire(byte).expect("W6");
            assert_eq!(kind.name().replace('_', ""), format!("{kind:?}").to_uppercase());
        }
        assert_eq!(Kind::SessionLost.name(), "SESSION_LOST");
    }
}
