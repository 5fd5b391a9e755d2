//! Layer 1: the reason codes of REJECT: what a peer did that ended its connection. Rule W19 of `docs/wire.md`.

use crate::error::ProtocolError;

/// The reason for which a server closes a connection, in the `code` field of REJECT (W19). The numbers are those on the
/// wire; the text beside it is for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum RejectCode {
    /// No reason is given, or one that is not known here.
    #[default]
    NoReason = 0,
    /// The first bytes are not this protocol.
    NotThisProtocol = 1,
    /// The client speaks none of the server's versions.
    Version = 2,
    /// The checksum of a header or of a body is wrong.
    BadChecksum = 3,
    /// A length is below 32.
    BadLength = 4,
    /// A body is over its limit.
    TooLong = 5,
    /// There is no such kind of frame.
    UnknownKind = 6,
    /// The body of a control frame cannot be read.
    BadBody = 7,
    /// The frame has no place here, or a second HELLO differs from the first.
    Unexpected = 8,
    /// The slot is outside the session.
    SlotRange = 9,
    /// The seq is 0, or 2^63 or more.
    SeqRange = 10,
    /// A higher seq over a call that is not final.
    SlotBusy = 11,
    /// A seq was sent again with other contents.
    OtherContents = 12,
    /// An ACK of a call that is not final.
    EarlyAck = 13,
    /// Too many frames that have no use.
    Flood = 14,
    /// A frame was begun and did not go on.
    TooSlow = 15,
    /// The client does not read.
    Unsent = 16,
    /// A HELLO names more than 64 services.
    TooManyServices = 17,
    /// A HELLO that opens a session is so long that no HELLO could resume it.
    HelloTooLong = 18,
}

impl RejectCode {
    /// All codes that there are, in the order of their numbers.
    pub const ALL: [RejectCode; 19] = [
        RejectCode::NoReason,
        RejectCode::NotThisProtocol,
        RejectCode::Version,
        RejectCode::BadChecksum,
        RejectCode::BadLength,
        RejectCode::TooLong,
        RejectCode::UnknownKind,
        RejectCode::BadBody,
        RejectCode::Unexpected,
        RejectCode::SlotRange,
        RejectCode::SeqRange,
        RejectCode::SlotBusy,
        RejectCode::OtherContents,
        RejectCode::EarlyAck,
        RejectCode::Flood,
        RejectCode::TooSlow,
        RejectCode::Unsent,
        RejectCode::TooManyServices,
        RejectCode::HelloTooLong,
    ];

    /// Returns the reason with this number; [`RejectCode::NoReason`] if it is not known here.
    pub fn from_wire(code: u8) -> RejectCode {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }

    /// Returns the reason for which a server rejects a peer that did this.
    pub fn of(error: &ProtocolError) -> RejectCode {
        match error {
            ProtocolError::Foreign => RejectCode::NotThisProtocol,
            ProtocolError::Version { .. } => RejectCode::Version,
            ProtocolError::HeaderChecksum | ProtocolError::BodyChecksum => RejectCode::BadChecksum,
            ProtocolError::ShortFrame(_) => RejectCode::BadLength,
            ProtocolError::LongFrame { .. } => RejectCode::TooLong,
            ProtocolError::UnknownKind(_) => RejectCode::UnknownKind,
            ProtocolError::BadBody(_) | ProtocolError::BadHello(_) => RejectCode::BadBody,
            ProtocolError::Unexpected(_) | ProtocolError::UnaskedReply => RejectCode::Unexpected,
            ProtocolError::SlotRange(_) => RejectCode::SlotRange,
            ProtocolError::SeqRange(_) => RejectCode::SeqRange,
            ProtocolError::SlotBusy => RejectCode::SlotBusy,
            ProtocolError::FalseRetry => RejectCode::OtherContents,
            ProtocolError::EarlyAck => RejectCode::EarlyAck,
            ProtocolError::Flood => RejectCode::Flood,
            ProtocolError::TooSlow => RejectCode::TooSlow,
            ProtocolError::TooManyServices(_) => RejectCode::TooManyServices,
            ProtocolError::HelloTooLong(_) => RejectCode::HelloTooLong,
        }
    }

    /// Returns true if the same client is refused each time that it connects.
    ///
    /// An old server gives no reason, and its REJECT before WELCOME nearly always meant this.
    pub fn is_final(self) -> bool {
        matches!(self, RejectCode::NoReason | RejectCode::Version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_number_and_back() {
        for (number, code) in (0..).zip(RejectCode::ALL) {
            assert_eq!((code as u8, RejectCode::from_wire(number)), (number, code));
        }
        for number in RejectCode::ALL.len() as u8..=u8::MAX {
            assert_eq!(RejectCode::from_wire(number), RejectCode::NoReason);
        }
    }
}
