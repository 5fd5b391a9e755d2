//! Floor 2: a call as a stub hands it over: encoded, and with its policies.

use std::time::Duration;

use crate::contract::Method;

/// A call that is ready to go: its arguments are encoded, once and for all.
#[derive(Debug)]
pub struct Request {
    /// Which method.
    pub method: &'static Method,
    /// The encoded arguments.
    pub body: Vec<u8>,
    /// CRC32C of the encoded arguments, worked out where nobody waits for a lock.
    pub body_crc: u32,
    /// How long the caller wants to wait, from now.
    pub within: Duration,
    /// Whether it may be repeated by itself: the method is idempotent, and the caller allows it.
    pub repeat: bool,
    /// Whether a refusal as busy may be tried again by itself.
    pub retry: bool,
}
