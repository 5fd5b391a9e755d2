//! Layer 2: the client's state machine: the connection, the session, and frames to the part that they concern.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Tag;
use super::call::Call;
use super::calls::Calls;
use super::conditions::Conditions;
use super::config::{ClientConfig, ClientCounters, Event};
use super::connection::{Action, Connection, Link};
use super::nonce::{DrawNonce, OpeningNonce};
use super::outgoing::OutgoingFrame;
use super::recording::Journaling;
use super::session::Session;
use crate::error::ProtocolError;
use crate::ids::{Incarnation, Time};
use crate::proto::{Outcome, Request, UnknownCause};
use crate::wire::message::{FEATURE_DENIED, FEATURE_GIVEN_UP, FEATURE_METADATA, FEATURE_TYPES, Table};

/// The client's side of the protocol, for one session at a time.
///
/// ```text
/// no session --HELLO, WELCOME--> attached --connection lost--> detached
///     ^                             |  ^                          |
///     |                             |  '---- HELLO with token, ---'
///     |                             |        WELCOME (resumed)    |
///     '---- broken server, close ---'                             |
///     '---- SESSION_LOST -----------------------------------------'
/// ```
/// Invariants: a call is in `waiting` or in one slot, never in both. Without a session there are no slots.
#[derive(Clone)]
pub struct ClientCore {
    /// The bounds, the services and the features.
    pub(super) config: ClientConfig,
    /// The connection, or the lack of one.
    pub(super) connection: Connection,
    /// The session; `None` before the first and after a lost one.
    pub(super) session: Option<Session>,
    /// The life of the server that opened the last session; `None` before the first.
    pub(super) incarnation: Option<Incarnation>,
    /// The nonce of the next session, or of the present one; and its source.
    pub(super) nonce: OpeningNonce,
    /// True if a connection is wanted although no call waits: until the first session is open and its tables are known.
    pub(super) wants_session: bool,
    /// The calls that have not ended, and the frames to be sent.
    pub(super) calls: Calls,
    /// The journal, if the client has one.
    pub(super) journal: Option<Journaling>,
}

/// Calls: started, given up, closed.
impl ClientCore {
    /// A client without a connection. It wants one at once. Its sessions have no nonces, as those of clients that know none.
    pub fn new(config: ClientConfig) -> Self {
        ClientCore::with_nonces(config, |_| None)
    }

    /// A client without a connection, whose sessions have nonces from `draw`. It wants a connection at once.
    pub fn with_nonces(mut config: ClientConfig, draw: DrawNonce) -> Self {
        config.features |= FEATURE_GIVEN_UP | FEATURE_DENIED | FEATURE_METADATA | FEATURE_TYPES; // every client knows them
        let (mut calls, connection) = (Calls::new(&config), Connection::new());
        let nonce = OpeningNonce::new(draw, &mut calls.random);
        let (session, incarnation, journal) = (None, None, None);
        ClientCore { config, connection, session, incarnation, nonce, wants_session: true, calls, journal }
    }

    /// Starts a call. Its verdict comes from [`ClientCore::poll_event`] under `tag`.
    ///
    /// # Errors
    /// The verdict, if it is known without sending anything. The call did not run.
    pub fn start(&mut self, tag: Tag, request: Request, now: Time) -> Result<(), Outcome> {
        let fail_fast = request.fail_fast;
        let (calls, at) = self.parts(now);
        at.check(request.method, request.body.len())?;
        calls.start(Call::new(tag, request, now), at)?;
        if fail_fast {
            self.hurry(now);
        }
        Ok(())
    }

    /// Shortens the pause before the next attempt to connect, since a call waits that is to be told soon.
    fn hurry(&mut self, now: Time) {
        if let Some(at) = self.connection.hurry(&self.config.limits, now) {
            self.calls.wake_by(at);
        }
    }

    /// Gives a call up: its caller no longer waits for the reply.
    pub fn abandon(&mut self, tag: Tag, now: Time) {
        let (calls, at) = self.parts(now);
        calls.abandon(tag, at);
    }

    /// Ends the interest in the reply to an unknown call.
    pub fn forget(&mut self, tag: Tag) {
        self.calls.slots.forget(tag);
    }

    /// Moves the calls that have no slot to another session.
    pub fn move_waiting_to(&mut self, successor: &mut ClientCore) {
        self.calls.waiting.move_to(&mut successor.calls.waiting);
        successor.calls.wake_by(Time::default());
        successor.incarnation = self.incarnation;
    }

    /// Gives the session up without sending anything, since the thread that drove is lost. Sent calls are unknown, the others go on.
    pub fn abandon_session(&mut self, now: Time) {
        // No BYE: the socket is gone with the thread.
        self.give_session_up(UnknownCause::SessionLost, now);
        self.handle_disconnected("the thread that drove the connection has panicked", now);
    }

    /// Ends the session for good, with BYE. Sent calls are unknown, the others were not executed.
    pub fn close(&mut self, now: Time) {
        if self.is_closed() {
            return;
        }
        self.note_session_over();
        // First, since a closed client repeats nothing: its idempotent calls end below as the others do.
        let sends_bye = self.connection.leave();
        self.end_all_calls(now);
        if sends_bye {
            // BYE ends the session for the server too. Frames before it would be about calls that have their verdict.
            self.calls.outgoing.replace(OutgoingFrame::Bye);
        }
    }

    /// Takes the next news about a call.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.calls.events.pop_front()?;
        Some(if self.journal.is_some() { self.told(event) } else { event })
    }

    /// Returns the calls, and the conditions that decide what may become of them.
    pub(super) fn parts(&mut self, now: Time) -> (&mut Calls, Conditions<'_>) {
        let Self { config, connection, session, nonce, calls, .. } = self;
        (calls, Conditions { config, connection, session: session.as_ref(), nonce: nonce.present, now })
    }
}

/// The connection: what the driver tells, and what it asks.
impl ClientCore {
    /// Returns true if a connection is to be made now. The attempt has then begun.
    pub fn poll_connect(&mut self, now: Time) -> bool {
        let begins = (self.wants_session || self.owes()) && self.connection.begin(now);
        // The attempt has a time-out of its own: the driver may never hear of a SYN that is dropped.
        self.calls.wake_by(if begins { now.plus(self.config.limits.connect) } else { Time::NEVER });
        begins
    }

    /// The connection is established. HELLO is the first frame, and the only one until WELCOME arrives.
    pub fn handle_connected(&mut self, now: Time) {
        if let Some(again_at) = self.connection.establish(&self.config.limits, now) {
            self.calls.counters.connections += 1;
            self.calls.outgoing.replace(OutgoingFrame::Hello);
            self.calls.wake_by(again_at);
        }
    }

    /// The connection could not be made, or is gone. The bytes in its buffer are lost.
    pub fn handle_disconnected(&mut self, why: &str, now: Time) {
        // Every frame is made anew after the resume, from the slots. Bytes that were lost count as having left, so that no
        // call waits for its place in a buffer that is gone.
        self.calls.outgoing.clear();
        self.calls.note_flushed(now);
        let (has_session, random) = (self.session.is_some(), &mut self.calls.random);
        let (at, drained) = self.connection.lose(why, has_session, &self.config.limits, random, now);
        self.calls.wake_by(at);
        if drained && has_session && !self.calls.slots.have_sent_calls() {
            // No reply is due, so a new session is as good, and the server may be a new one.
            self.give_session_up(UnknownCause::SessionLost, now);
        }
    }

    /// The next attempt to connect goes to another address: it begins without a pause.
    pub fn connect_at_once(&mut self, now: Time) {
        if self.connection.skip_pause(now) {
            self.calls.wake_by(now);
        }
    }

    /// Bytes were read.
    pub fn handle_input(&mut self, chunk: Bytes, now: Time) {
        if !self.connection.is_open() {
            return;
        }
        self.connection.decoder.push(chunk);
        self.act_on_frames(now);
    }

    /// Acts on whole frames, after bytes have arrived.
    pub(super) fn act_on_frames(&mut self, now: Time) {
        self.connection.hear(now);
        // One frame at a time: each may close the connection, or change the terms by which the next one is read.
        while self.connection.is_open() {
            let handled = match self.connection.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => self.handle_frame(frame, now),
                // A resume would bring it again. (Before WELCOME it may be a reply that is not too long after it.)
                Err(error @ ProtocolError::LongFrame { .. }) if self.connection.is_attached() => Err(error),
                Err(error) => {
                    return self.connection.garble(error, self.session.is_some(), &self.config.limits, now);
                }
            };
            if let Err(error) = handled {
                self.server_is_broken(error, now);
            }
        }
    }

    /// Appends the bytes to be written now to `out`, up to one batch. Every call in it counts as sent from here on, even if
    /// the write fails.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>, now: Time) {
        let most = self.config.limits.write_batch;
        if self.journal.is_some() && self.wants_transmit() && !self.record(now) {
            return; // not a byte leaves
        }
        while self.connection.is_open() && out.len() < most {
            // The caller cannot know how much of a failed write has reached the server, so 'sent' is the safe side: a call that
            // counts as sent is never called 'not executed' by this client.
            let (calls, at) = self.parts(now);
            match calls.transmit(out, at) {
                None => return,
                Some(OutgoingFrame::Bye) => {
                    self.connection.close();
                    self.give_session_up(UnknownCause::Closed, now);
                }
                Some(_) => {}
            }
        }
    }

    /// All bytes that were taken have been written: the pauses until retransmissions begin.
    pub fn handle_flushed(&mut self, now: Time) {
        self.calls.note_flushed(now);
    }

    /// Returns the time at which [`ClientCore::handle_timeout`] must be called next; a time in the past means now.
    pub fn poll_timeout(&self) -> Option<Time> {
        (self.calls.next_timer < Time::NEVER).then_some(self.calls.next_timer)
    }

    /// A timer may be due. Bytes that were read must be given before: a refusal says more than the deadline does.
    pub fn handle_timeout(&mut self, now: Time) {
        if now < self.calls.next_timer {
            return;
        }
        self.calls.next_timer = Time::NEVER; // found anew by the steps that follow
        // The calls first: a deadline that passes now makes an orphan, whose CANCEL is due from the server as a reply is.
        let (calls, at) = self.parts(now);
        calls.handle_timeout(at);
        let has_tables = self.session.as_ref().is_none_or(Session::has_all_tables);
        // Silence counts only while a frame is due: an idle connection costs no PINGs.
        let awaits = !has_tables || self.calls.slots.have_sent_calls();
        match self.connection.handle_timeout(awaits, &self.config.limits, now) {
            Action::WaitUntil(at) => self.calls.wake_by(at),
            Action::SendHello(at) => self.calls.send_and_wake(OutgoingFrame::Hello, at),
            Action::SendPing(at) => {
                self.calls.send_and_wake(OutgoingFrame::Ping, at);
                // METHODS has no timer of its own: one that was lost is sent again with the sign of life.
                self.ask_for_tables();
            }
            Action::Close => {}
        }
    }
}

/// Questions about the state.
impl ClientCore {
    /// Returns true if the socket is to be closed, once the bytes that were taken are written.
    pub fn wants_close(&self) -> bool {
        matches!(self.connection.link(), Link::Closing(_))
    }

    /// Returns true if the session was closed for good.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Returns true if a frame is to be sent.
    pub fn wants_transmit(&self) -> bool {
        !self.calls.outgoing.is_empty()
    }

    /// Returns true if a thread must drive the client: calls wait, or replies are due.
    pub fn owes(&self) -> bool {
        !self.calls.waiting.is_empty() || !self.calls.slots.are_all_free()
    }

    /// Returns true if the server is still to be told that a reply has arrived. No call waits for that, so no caller drives it.
    pub fn owes_ack(&self) -> bool {
        let attached = self.connection.is_attached() && !self.is_closed();
        attached && (self.wants_transmit() || self.calls.slots.iter().any(|(_, slot)| slot.ack_at.is_some()))
    }

    /// Returns the number of slots whose caller has stopped waiting, and whose reply has not arrived.
    pub fn orphaned_slots(&self) -> usize {
        self.calls.slots.orphaned()
    }

    /// Returns the number of calls that have no verdict and were not given up.
    pub fn in_flight(&self) -> usize {
        self.calls.slots.count_in_flight() + self.calls.waiting.len()
    }

    /// Returns true if the session is attached, and the differences between the contracts are known.
    pub fn is_ready(&self) -> bool {
        self.connection.is_attached() && self.session.as_ref().is_some_and(Session::has_all_tables)
    }

    /// Returns true if every slot was orphaned for so long that another session should take the calls.
    pub fn is_stuck(&self, now: Time) -> bool {
        // A journal is about one session.
        let may_replace = self.connection.is_attached() && self.journal.is_none();
        may_replace && self.calls.slots.are_blocked(self.config.limits.all_orphaned, now)
    }

    /// Returns true if the server has refused the connection for good.
    pub fn is_rejected(&self) -> bool {
        self.connection.is_rejected()
    }

    /// Returns the number of failed connections since the last reply.
    pub fn failed_attempts(&self) -> u64 {
        u64::from(self.connection.failures())
    }

    /// Returns true if the present session was resumed by the present connection.
    pub fn is_resumed(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.resumed)
    }

    /// Returns true if the last connection ended since the server does not know the session.
    pub fn is_forgotten(&self) -> bool {
        self.connection.is_forgotten()
    }

    /// Returns true if the server that was connected last was shutting down when it was left.
    pub fn has_left_drain(&self) -> bool {
        self.connection.has_left_drain
    }

    /// Returns the services that the client has stubs for and that the server does not have.
    pub fn missing_services(&self) -> Vec<&'static str> {
        self.session.as_ref().map(|session| session.missing_services(&self.config)).unwrap_or_default()
    }

    /// Asks the server for the names of its services, once. A frame that is lost is not sent again: the names are only shown.
    pub fn ask_for_services(&mut self) {
        self.calls.outgoing.push(OutgoingFrame::Services);
    }

    /// Returns the names of the server's services, if they were asked for and have arrived.
    pub fn services(&self) -> Option<&[String]> {
        self.session.as_ref()?.services.as_deref()
    }

    /// Returns the life of the server that opened the last session.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.incarnation
    }

    /// Returns true if the last bytes that arrived before any session are not this protocol.
    pub fn is_foreign(&self) -> bool {
        self.connection.is_foreign()
    }

    /// Returns the reason for which there is no connection; empty if none was tried.
    pub fn last_failure(&self) -> &str {
        self.connection.failure()
    }

    /// Returns the server's methods of a service that differs; `None` without a session or a difference.
    pub fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.session.as_ref()?.table(service)
    }

    /// Returns the counters.
    pub fn counters(&self) -> ClientCounters {
        ClientCounters { orphaned_slots: self.orphaned_slots() as u64, ..self.calls.counters }
    }
}

impl fmt::Debug for ClientCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCore({:?}, {:?})", self.connection.link(), self.calls.counters)
    }
}
