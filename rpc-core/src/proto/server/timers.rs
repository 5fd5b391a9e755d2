//! Layer 2: the server's timers.

use std::collections::BTreeMap;

use super::connection::ConnId;
use super::keys::{SessionKey, TimerKey};
use crate::ids::Time;

/// The purpose of a timer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// This connection, of this serial number, must have sent HELLO.
    Hello(ConnId, u64),
    /// A connection must have written more of its unsent bytes.
    Stall(StallWatch),
    /// A connection must have received more of a frame that it has begun.
    Frame(FrameWatch),
    /// The lease of this detached session may be over.
    Lease(SessionKey),
    /// The next call of this session may begin beside those that run.
    Begin(SessionKey),
}

/// A watch over the unsent bytes of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct StallWatch {
    /// The connection.
    pub(super) conn: ConnId,
    /// Its serial number.
    pub(super) serial: u64,
    /// The position that it had reached when the watch began.
    pub(super) mark: u64,
}

/// A watch over a frame that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameWatch {
    /// The connection.
    pub(super) conn: ConnId,
    /// Its serial number.
    pub(super) serial: u64,
    /// The number of the frame.
    pub(super) frame: u64,
    /// The bytes of the connection that had arrived when the watch began.
    pub(super) arrived: u64,
    /// The time at which the timer is due.
    pub(super) due: Time,
}

/// Timers in the order in which they are due. The timer of a HELLO is removed when the HELLO arrives, since each connection has
/// one. No other one is removed early: its purpose is checked when it fires.
///
/// There is one HELLO timer, at most one stall timer and one frame timer for each connection, and at most one lease timer and
/// one timer for the begin of its next call for each session. One whose connection or session is gone stays until it fires.
/// No call has a timer here, so none is set or removed on the way of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    /// The timers, by time and then by number.
    pub(super) due: BTreeMap<TimerKey, Timer>,
    /// The number of the newest timer: two may be due at the same time.
    pub(super) last: u64,
}

impl Timers {
    /// Sets a timer. Returns its name.
    pub(super) fn set(&mut self, due: Time, timer: Timer) -> TimerKey {
        self.last += 1;
        let key = (due, self.last);
        self.due.insert(key, timer);
        key
    }

    /// Removes a timer before it is due.
    pub(super) fn remove(&mut self, key: TimerKey) {
        self.due.remove(&key);
    }

    /// Takes the next timer that is due.
    pub(super) fn poll(&mut self, now: Time) -> Option<Timer> {
        Some(self.due.first_entry().filter(|entry| entry.key().0 <= now)?.remove())
    }

    /// Returns the time of the next timer.
    pub(super) fn next(&self) -> Option<Time> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }
}
