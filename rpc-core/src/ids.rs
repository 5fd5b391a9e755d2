//! Layer 0: small numbers that name things: sessions, slots, sequence numbers, methods, and points in time.

use std::fmt;
use std::time::Duration;

/// Names a session. 8 bits are the number of the event loop that owns it, and 120 bits come from the operating system's
/// randomness. A server never uses a name again (V9).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u128);

impl SessionId {
    /// Returns the number of the loop that owns the session: the top 8 bits.
    pub fn loop_number(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// Returns the id made of a loop's number and 16 random bytes, of which the first is replaced.
    pub fn new(loop_number: u8, mut random: [u8; 16]) -> Self {
        random[0] = loop_number;
        SessionId(u128::from_be_bytes(random))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", (self.0 & 0xffff_ffff) as u32) // enough to tell sessions apart in a log
    }
}

/// The secret that lets a client resume its session on a new connection: 256 random bits.
#[derive(Clone, Copy)]
pub struct Token(pub [u8; 32]);

impl Token {
    /// Returns true if the tokens are equal. The time that it takes does not depend on the bytes that differ.
    pub fn matches(&self, other: &Token) -> bool {
        self.0.iter().zip(other.0.iter()).fold(0u8, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)") // a secret: never in a log
    }
}

/// Names the wish for one session: 16 random bytes that a client draws for each session that it opens, so that a HELLO that
/// arrives twice opens one. A peer that knows it gets the session and its token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// Returns the loop that owns the session of this nonce.
    pub fn loop_number(self, loops: usize) -> u8 {
        (usize::from(self.0[0]) % loops.max(1)) as u8 // below 256, as its first byte is
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)") // as good as a token: never in a log
    }
}

/// Names one life of a server process. A server that starts again without its memory has another incarnation.
///
/// ```
/// use std::collections::HashMap;
/// use rpc_core::{Client, Handle, Incarnation};
///
/// /// Values that a server has said, of which none outlives the server's memory.
/// #[derive(Default)]
/// struct Cache {
///     server: Option<Incarnation>,
///     values: HashMap<String, String>,
/// }
///
/// impl Cache {
///     fn check<C: Client>(&mut self, call: &Handle<C>) {
///         if self.server != call.incarnation() {
///             self.values.clear();
///             self.server = call.incarnation();
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Incarnation(pub u128);

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", (self.0 & 0xffff_ffff) as u32)
    }
}

/// The number of a slot, below the session's `slots`. A slot carries one call at a time.
pub type Slot = u16;

/// The number of a call within its slot: 1, 2, 3 and so on, never used again.
pub type Seq = u64;

/// Sequence numbers at or above this are protocol errors, so none ever wraps.
pub const SEQ_END: Seq = 1 << 63;

/// Names one call for ever. At most once is decided by this name and nothing else.
///
/// ```
/// use std::collections::HashMap;
/// use rpc_core::{CallContext, CallId};
///
/// /// The orders that were taken, each with the call that brought it.
/// #[derive(Default)]
/// struct Book(HashMap<CallId, u64>);
///
/// impl Book {
///     fn note(&mut self, cx: &CallContext, amount: u64) {
///         println!("call {}: {amount}", cx.call());
///         self.0.insert(cx.call(), amount);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId {
    /// The session of the call.
    pub session: SessionId,
    /// The slot within the session.
    pub slot: Slot,
    /// The number within the slot.
    pub seq: Seq,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}/{}", self.session, self.slot, self.seq)
    }
}

/// Names a method on the wire: FNV-1a of its name and its signature as written in the trait, without the names of arguments.
///
/// A method whose signature changed is thus a method that the other side does not have, and never decodes to wrong values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(pub u64);

impl fmt::Debug for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Returns the 64-bit FNV-1a hash of `bytes`, continued from `hash`. Begin with [`FNV_START`].
///
/// Source: G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, T. Hansen, *The FNV Non-Cryptographic Hash Algorithm*.
pub const fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// The offset basis of FNV-1a, 64 bits.
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// A point on a monotonic clock, in microseconds since an origin that the owner of the clock chooses.
///
/// The protocol reads no clock: the time is an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// Later than any deadline.
    pub const NEVER: Time = Time(u64::MAX);

    /// Returns this time and `after` more; [`Time::NEVER`] if that is out of range.
    pub fn plus(self, after: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(after.as_micros()).unwrap_or(u64::MAX)))
    }

    /// Returns this time and so many milliseconds more; [`Time::NEVER`] if that is out of range.
    pub fn plus_millis(self, after: u32) -> Time {
        Time(self.0.saturating_add(u64::from(after) * 1000))
    }

    /// Returns the time from `earlier` to this time; zero if `earlier` is later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A monotonic clock: the operating system's in production, the simulator's in tests.
pub trait Clock: Send + Sync {
    /// Returns the present time.
    fn now(&self) -> Time;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_carries_its_loop_and_the_rest_of_its_randomness() {
        let id = SessionId::new(7, [0xaa; 16]);
        assert_eq!(id.loop_number(), 7);
        assert_eq!(id.0 << 8, u128::from_be_bytes([0xaa; 16]) << 8);
    }

    #[test]
    fn tokens_match_only_when_every_byte_does() {
        let token = Token([3; 32]);
        let mut other = token;
        assert!(token.matches(&other));
        other.0[31] ^= 1;
        assert!(!token.matches(&other));
    }

    #[test]
    fn fnv1a_has_its_published_value() {
        assert_eq!(fnv1a(FNV_START, b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn time_saturates_instead_of_wrapping() {
        assert_eq!(Time(5).plus(Duration::MAX), Time::NEVER);
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
    }
}
