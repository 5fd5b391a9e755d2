//! Layer 2: a call as a stub gives it to the protocol: encoded, and with its policies.

use std::time::Duration;

use crate::contract::Method;

/// A call that is ready to be sent. Its arguments are encoded once, however often they are sent.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: &'static Method,
    /// The encoded arguments, and the metadata behind them.
    pub body: Vec<u8>,
    /// The number of bytes at the end of `body` that are metadata; 0 if there is none.
    pub metadata: usize,
    /// CRC32C of `body`, computed before any lock is taken.
    pub body_crc: u32,
    /// The time that the caller waits at most, from now.
    pub within: Duration,
    /// True if the client may repeat the call by itself: the method is idempotent, and the caller allows it.
    pub repeat: bool,
    /// True if the client may try again by itself when the server is busy or draining.
    pub retry: bool,
    /// True if the call ends as soon as the server could not be reached at any of its addresses.
    pub fail_fast: bool,
}
