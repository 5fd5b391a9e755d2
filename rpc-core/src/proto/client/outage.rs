//! Layer 2: the time for which a client has had no connection, and calls that do not wait for its end.

use std::fmt;
use std::time::Duration;

use super::ClientCore;
use super::calls::Calls;
use super::conditions::Conditions;
use super::config::Event;
use super::connection::{Connection, FailureKind, Link};
use crate::error::Reason;
use crate::ids::{Slot, Time};
use crate::limits::ClientLimits;
use crate::proto::{Outcome, UnknownCause};
use crate::text::Escaped;
use crate::wire::reject::RejectCode;

/// The begin of the text about a server that has ended in order, which says more than its reason does.
pub const HAS_ENDED: &str = "the server has shut down, and ";

/// The present lack of a connection: how long it lasts, and its last failure.
///
/// A [`NotExecuted`](crate::NotExecuted) or [`Unknown`](crate::Unknown) that was made meanwhile carries it, and shows it.
///
/// ```
/// use rpc_core::{CallError, Outage};
///
/// /// Tells an operator why calls fail.
/// fn report<T>(outcome: &Result<T, CallError>) {
///     let Err(CallError::NotExecuted(error)) = outcome else { return };
///     if let Some(outage) = &error.outage {
///         let Outage { lasts, attempts, failure, .. } = &**outage;
///         eprintln!("no server for {lasts:?}, after {attempts} attempts: {failure}");
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// The time for which there had been no connection when the error was made.
    pub lasts: Duration,
    /// The number of attempts to connect since then. One attempt tries as many addresses as it needs.
    pub attempts: u32,
    /// The text of the last failure, with the address: `connecting to 127.0.0.1:4000 failed: Connection refused (os error 111)`.
    /// A part of it may have been sent by the server. Empty if nothing has failed yet.
    pub failure: String,
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there has been no connection for {:.1?}", self.lasts)?;
        match self.attempts {
            0 => {}
            1 => write!(f, " and one attempt")?,
            attempts => write!(f, " and {attempts} attempts")?,
        }
        if self.failure.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(&self.failure)) }
    }
}

impl ClientCore {
    /// Returns the present lack of a connection; `None` if the session is attached, or no connection was tried.
    pub fn outage(&self, now: Time) -> Option<Outage> {
        let connection = &self.connection;
        let since = connection.without_since.filter(|_| !connection.is_attached())?;
        let failure = connection.failure().to_owned();
        Some(Outage { lasts: now.since(since), attempts: connection.attempts, failure })
    }

    /// Every address of the server has failed since the last connection. Called after [`ClientCore::handle_disconnected`].
    /// `refused`: nothing listens at any of them.
    ///
    /// Calls that fail fast are told now. After a drain, if nothing listens, the server has ended and no other one has taken its
    /// place, so all calls are told.
    pub fn handle_round_failed(&mut self, refused: bool, now: Time) {
        if refused && self.connection.note_refused() {
            self.server_has_ended(now);
        } else if !self.connection.is_forgotten() {
            let reason = match self.connection.has_left_drain {
                true => Reason::Draining,
                false => Reason::Unreachable,
            };
            let (calls, at) = self.parts(now);
            calls.fail_fast(reason, at);
        }
    }

    /// Every address has failed since the last connection: nothing listens there, or what listens closes each connection without
    /// a byte, as a proxy does whose server has gone. Called after [`ClientCore::handle_disconnected`].
    ///
    /// After a drain the calls that were not sent are told at once. Those that were sent are not, since a proxy may be wrong, and
    /// the server that drains may still have their replies.
    pub fn handle_round_silent(&mut self, now: Time) {
        if self.connection.has_left_drain && !self.connection.is_closed() {
            for call in self.calls.waiting.take_all() {
                let text = format!("{HAS_ENDED}no server answers at its address now");
                self.calls.end(call, Outcome::NotExecuted(Reason::Draining, text));
            }
        }
        self.handle_round_failed(false, now);
    }

    /// The servers at all addresses speak another version, and so they will at the next attempt: no call waits for them. Called
    /// after [`ClientCore::handle_disconnected`].
    pub fn handle_other_versions(&mut self, now: Time) {
        self.wants_session = false;
        self.give_session_up(UnknownCause::SessionLost, now);
        let text = self.connection.failure();
        for call in self.calls.waiting.take_all() {
            self.calls.end(call, Outcome::NotExecuted(Reason::Unreachable, text.to_owned()));
        }
    }

    /// Returns true if the last connection ended since the server speaks another version.
    pub fn is_of_another_version(&self) -> bool {
        self.connection.is_of_another_version()
    }

    /// Ends every call and the session: the server has shut down, and nothing listens at its addresses.
    fn server_has_ended(&mut self, now: Time) {
        // No verdict hangs on that: what was sent is unknown, and the rest ends here, before any server has its number.
        self.give_session_up(UnknownCause::SessionLost, now);
        let calls = &mut self.calls;
        for call in calls.waiting.take_all() {
            let text = format!("{HAS_ENDED}nothing listens at its address now");
            calls.end(call, Outcome::NotExecuted(Reason::Draining, text));
        }
    }
}

impl Connection {
    /// Closes a connection that the server has refused, for good or for this time.
    pub(super) fn reject(&mut self, code: RejectCode, why: &str, now: Time) {
        let kind = match code {
            RejectCode::Version => FailureKind::OtherVersion,
            _ if code.is_final() => FailureKind::Rejected,
            _ => FailureKind::Lost,
        };
        self.fail_as(kind, why, Duration::ZERO, now);
    }

    /// Returns true if the server has refused the connection for good.
    pub(super) fn is_rejected(&self) -> bool {
        matches!(self.failure_kind, FailureKind::Rejected | FailureKind::OtherVersion)
    }

    /// Returns true if the server has refused the connection since it speaks another version.
    pub(super) fn is_of_another_version(&self) -> bool {
        self.failure_kind == FailureKind::OtherVersion
    }

    /// Closes the connection, since the server does not know the session. The next one begins without a pause of its own.
    pub(super) fn forget(&mut self, why: &str, now: Time) {
        self.fail_as(FailureKind::Forgotten, why, Duration::ZERO, now);
    }

    /// Notes that an attempt to connect begins.
    pub(super) fn note_attempt(&mut self, now: Time) {
        self.without_since.get_or_insert(now);
        self.attempts = self.attempts.saturating_add(1);
        if self.is_forgotten() {
            self.failure_kind = FailureKind::Lost; // it was about the connection before
        }
    }

    /// Returns true if the last connection ended since the server does not know the session.
    pub(super) fn is_forgotten(&self) -> bool {
        self.failure_kind == FailureKind::Forgotten
    }

    /// Shortens the pause before the next attempt to that of a first failure. Returns the time of the attempt, if it has changed.
    ///
    /// It is no shorter, and never shorter than the server asks for, so that a caller that calls again and again does not make
    /// the client connect each time.
    pub(super) fn hurry(&mut self, limits: &ClientLimits, now: Time) -> Option<Time> {
        let Link::Down(at) = self.link else { return None };
        let soonest = self.lost_at.plus(limits.backoff_first).max(self.not_before).max(now);
        if soonest >= at {
            return None;
        }
        self.link = Link::Down(soonest);
        Some(soonest)
    }

    /// Notes that nothing listens at any address, after [`Connection::lose`]. Returns true if the server that was left before
    /// was shutting down: then it has ended.
    pub(super) fn note_refused(&mut self) -> bool {
        let is_gone = self.has_left_drain && !self.is_closed();
        if is_gone {
            // Every call has its verdict, so nothing is tried again until the next call, which is not to wait for long.
            self.failures = 0;
        }
        is_gone
    }
}

impl Calls {
    /// Ends the calls that fail fast. Sent ones are unknown, and can be resolved later; the others never run.
    fn fail_fast(&mut self, reason: Reason, at: Conditions<'_>) {
        let mut unsent = self.waiting.take_if(|call| call.fail_fast);
        for slot in self.slots.numbers() {
            if !self.slots.call(slot).is_some_and(|call| call.fail_fast) {
                continue;
            }
            // The number of an unsent call is skipped, so it never runs (V7).
            match self.slots.take_back(slot) {
                Some(call) => unsent.push(call),
                None => self.leave_sent(slot, at),
            }
        }
        for call in unsent {
            self.end(call, Outcome::NotExecuted(reason, at.connection.failure().to_owned()));
        }
    }

    /// Ends a sent call as unknown. Its slot stays taken until the reply arrives, which resolves it.
    fn leave_sent(&mut self, slot: Slot, at: Conditions<'_>) {
        let tag = self.slots.tag(slot);
        if let (Some(_), Some(tag)) = (self.orphan(slot, tag, at), tag) {
            self.events.push_back(Event::Finished(tag, Outcome::Unknown(UnknownCause::Unreachable)));
        }
    }
}
