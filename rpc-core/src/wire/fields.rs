//! Layer 1: reads fixed-width fields from the body of a control frame. A body that is too short or too long is refused.

use crate::error::ProtocolError;

/// The bytes of a body that were not read yet.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// The bytes.
    left: &'a [u8],
    /// The name of the frame, for errors.
    frame: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(body: &'a [u8], frame: &'static str) -> Self {
        Fields { left: body, frame }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (taken, left) = self.left.split_first_chunk::<N>().ok_or(ProtocolError::BadBody(self.frame))?;
        self.left = left;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ProtocolError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ProtocolError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ProtocolError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ProtocolError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Result<u128, ProtocolError> {
        self.array().map(u128::from_le_bytes)
    }

    /// Reads UTF-8 of this many bytes.
    pub(super) fn text(&mut self, length: usize) -> Result<&'a str, ProtocolError> {
        let taken = self.bytes(length)?;
        std::str::from_utf8(taken).map_err(|_| ProtocolError::BadBody(self.frame))
    }

    /// Returns true if every byte was read.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Reads this many bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], ProtocolError> {
        let (taken, left) = self.left.split_at_checked(length).ok_or(ProtocolError::BadBody(self.frame))?;
        self.left = left;
        Ok(taken)
    }

    /// Reads a length in one byte, then UTF-8 of as many bytes.
    pub(super) fn name(&mut self) -> Result<&'a str, ProtocolError> {
        let length = usize::from(self.u8()?);
        self.text(length)
    }

    /// Refuses a body with bytes after its last field.
    pub(super) fn end(self) -> Result<(), ProtocolError> {
        if self.left.is_empty() { Ok(()) } else { Err(ProtocolError::BadBody(self.frame)) }
    }
}
