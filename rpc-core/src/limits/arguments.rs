//! Layer 0: the bounds on the arguments that a session of a server holds, those of a frame that has begun included.

/// Bytes of arguments of one session that may wait or run beside the longest: the body of a CALL that does not fit into both is
/// skipped as it arrives, and the call refused as busy. With the default length of a frame a connection holds 6 MiB of arguments
/// at most, those of a frame that has begun included. Bodies of up to [`LONG_FRAME`](super::LONG_FRAME) bytes are always taken.
pub const ARGUMENTS_BESIDE: usize = 2 << 20;

/// Bytes that a connection may bring while calls of its session wait, before the arguments of further ones are copied: those that
/// are read with others keep the whole read buffer, of [`READ_CHUNK`](super::READ_CHUNK) bytes. Calls that run in the turn in which they arrive
/// never come near it.
pub const COPY_AFTER: u32 = 256 << 10;
/// Calls of a session that may wait without a copy however many bytes arrive meanwhile: 16 read buffers are 1 MiB.
pub const COPY_CALLS: usize = 16;
/// Calls of all sessions of a loop that may wait without a copy: 1,024 read buffers are 64 MiB, as much as `queue_bytes`.
pub const COPY_ALL: usize = 1024;

/// Bytes of arguments and of replies to expect that a session may hold together: beyond it, its next call of a method with long
/// replies waits. With what one frame brings it keeps a connection below 8 MiB.
pub const HELD_EXPECTED: usize = 5 << 20;
