//! Layer 2: the ends of a session and of a connection on the client: lost, refused, broken, given up, left since the server
//! shuts down.

use std::time::Duration;

use super::ClientCore;
use super::calls::Calls;
use super::outgoing::OutgoingFrame;
use super::slots::Slots;
use crate::error::{ProtocolError, Reason};
use crate::ids::Time;
use crate::proto::{Outcome, UnknownCause};
use crate::wire::frame::Frame;
use crate::wire::reject::RejectCode;

impl ClientCore {
    /// Gives the session up without sending anything, as a forked child must. Sent calls are unknown, the others go on.
    pub fn abandon_session(&mut self, now: Time) {
        self.give_session_up(UnknownCause::SessionLost, now);
        self.handle_disconnected("this process was forked", now);
    }

    /// The server closes the connection. If it speaks another version, so it will at the next one: no call waits for it.
    pub(super) fn handle_reject(&mut self, frame: &Frame, now: Time) {
        let code = RejectCode::from_wire(frame.header.code);
        let text = String::from_utf8_lossy(&frame.body);
        self.connection.reject(code, &format!("the server refused the connection: {text}"), now);
        if code == RejectCode::Version {
            self.wants_session = false;
            self.give_session_up(UnknownCause::SessionLost, now);
            let text = self.connection.failure();
            for call in self.calls.waiting.take_all() {
                self.calls.end(call, Outcome::NotExecuted(Reason::Unreachable, text.to_owned()));
            }
        }
    }

    /// The server does not know the session. Sent calls are unknown for ever, unsent ones move to the next session.
    pub(super) fn session_is_lost(&mut self, now: Time) {
        tracing::debug!(peer_incarnation = ?self.session.as_ref().map(|s| s.incarnation), "session lost");
        if self.session.is_some() {
            self.connection.succeed(); // the server is there, and began anew
        }
        self.give_session_up(UnknownCause::SessionLost, now);
        self.connection.fail("the server does not know this session any more", Duration::ZERO, now);
    }

    /// The server did something that the protocol forbids: none of its frames is trusted any more.
    pub(super) fn server_is_broken(&mut self, error: ProtocolError, now: Time) {
        tracing::warn!(%error, "the server broke the protocol");
        self.calls.counters.broken_server += 1;
        self.give_session_up(UnknownCause::BrokenServer, now);
        self.connection.blame(error);
    }

    pub(super) fn give_session_up(&mut self, cause: UnknownCause, now: Time) {
        self.session = None;
        self.nonce.renew(&mut self.calls.random); // the next HELLO opens another session
        let (calls, at) = self.parts(now);
        let unsent = calls.empty_slots(cause, at);
        calls.slots = Slots::default();
        calls.waiting.return_all(unsent);
    }
}

/// A server that shuts down.
impl Calls {
    /// Takes the unsent calls back, and acknowledges every reply: the server is shutting down.
    pub(super) fn take_back_unsent(&mut self, now: Time) {
        let mut unsent = Vec::new();
        for slot in self.slots.numbers() {
            unsent.extend(self.slots.take_back(slot));
            let ack = self.slots.take_ack(slot);
            ack.into_iter().for_each(|ack| self.outgoing.push(ack));
        }
        self.waiting.return_all(unsent);
        self.wake_by(now);
    }

    /// Sends BYE to a server that is shutting down, once no reply from it is due.
    pub(super) fn leave_if_idle(&mut self) {
        if self.slots.have_sent_calls() {
            return;
        }
        for slot in self.slots.numbers() {
            let ack = self.slots.due_ack(slot, Time::NEVER);
            ack.into_iter().for_each(|ack| self.outgoing.push(ack));
        }
        self.outgoing.push(OutgoingFrame::Bye);
    }
}
