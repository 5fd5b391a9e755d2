//! Layer 0: the bounds that both sides must keep to: another one on one side alone breaks the protocol of `docs/wire.md`.

/// Bytes of a frame's header, its length prefix included.
pub const HEADER: usize = 36;

/// Longest body before a session is open, in bytes: it fits a HELLO with 64 service names of 50 bytes, and it is the most
/// that an unknown peer can make the server store.
pub const MAX_GREETING: usize = 4 * 1024;

/// Bytes by which a HELLO that resumes a session is longer than one that opens it: the session and its token.
pub const RESUME_FIELDS: usize = 48;

/// Longest body of a HELLO that opens a session, in bytes: a session that can be opened can be resumed.
pub const MAX_OPENING_HELLO: usize = MAX_GREETING - RESUME_FIELDS;

/// The body of an over-limit CALL is skipped, so that its connection lives, if it is at most this many times the limit.
/// Beyond that, closing costs both sides less than reading.
pub const SKIP_FACTOR: usize = 16;

/// Most slots of a session: a record is 32 bytes, so 1,024 of them are 32 KiB (45 KiB if the lowest slot is not used).
pub const MAX_SLOTS: u16 = 1024;

/// Most services on one server: a HELLO must fit their names.
pub const MAX_SERVICES: usize = 64;

/// Longest name of a service or a method, in bytes: its length is one byte on the wire.
pub const MAX_NAME: usize = 255;

/// Longest metadata of a call, in bytes: the context of a trace in the form of the W3C has up to 600, and the name of a caller and
/// a few words more fit beside it. What is larger is an argument.
pub const MAX_METADATA: usize = 1024;

/// Elements that a decoder may yield beyond the bytes that it reads: a `Vec<()>` takes no bytes for its elements, so bytes
/// alone bound nothing.
pub const SPARE_ELEMENTS: usize = 1024;
