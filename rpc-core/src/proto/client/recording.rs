//! Layer 2: the calls of a client that outlive its process: each is in a journal before it is sent.
//!
//! ```text
//! take a slot --> record --> sent --> reply --> record --> ACK, or the slot's next call
//!                   |                             |
//!            Session, Call                      Ended      each is durable before the bytes that follow it leave
//! ```
//! The journal is told of the differences between the slots as they are and as it knows them, and commits before bytes leave. So
//! a number that was sent is never used by the next process for another call, and what a server forgets after an ACK is known
//! here. A refusal is durable before its caller is told: a call that was 'not executed' does not run for the next process (V7).

use std::sync::Arc;
use std::time::Duration;

use super::ClientConfig;
use super::call::Call;
use super::config::Event;
use super::connection::FailureKind;
use super::core::ClientCore;
use super::journal::{ClientJournal, JournalEntry, JournalError, RecordedSession, RestoredUse};
use super::replies::Reply;
use super::retransmission::Retransmission;
use super::session::Session;
use super::slot::{InFlight, Orphan, Use};
use super::slots::Slots;
use crate::error::Reason;
use crate::ids::{Seq, SessionId, Slot, Time, Token};
use crate::limits::MAX_SLOTS;
use crate::proto::{Outcome, UnknownCause};
use crate::wire::message::Hello;

/// The slot as the journal knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    /// The number of its last call; 0 before the first.
    seq: Seq,
    /// True until that call has ended.
    under_way: bool,
    /// True if it was given up.
    given_up: bool,
}

/// The journal of a client, and what it knows.
#[derive(Clone, Debug)]
pub(super) struct Journaling {
    /// The journal.
    journal: Arc<dyn ClientJournal>,
    /// Held for as long as the client may write to it.
    _in_use: Arc<()>,
    /// The session that it knows.
    session: Option<SessionId>,
    /// The slots of that session.
    known: Vec<Known>,
    /// True if something was noted since the last commit.
    is_dirty: bool,
    /// The time at which bytes were last to leave.
    now: Time,
}

impl Journaling {
    fn note(&mut self, entry: JournalEntry<'_>) {
        self.journal.note(entry);
        self.is_dirty = true;
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if !self.is_dirty {
            return Ok(());
        }
        self.journal.commit()?;
        self.is_dirty = false;
        Ok(())
    }

    /// Notes what is in the slots and not in the journal, and the reverse.
    fn note_slots(&mut self, session: Option<&Session>, slots: &Slots, config: &ClientConfig) {
        let Some(session) = session else { return };
        if self.session != Some(session.id) {
            self.note(JournalEntry::Session(&recorded(session, slots, config)));
            self.session = Some(session.id);
            self.known = vec![Known::default(); slots.len()];
        }
        let mut known = std::mem::take(&mut self.known);
        for ((slot, state), known) in slots.iter().zip(&mut known) {
            match &state.usage {
                Use::InFlight(in_flight) if known.seq != state.last => {
                    self.note_call(slot, state.last, &in_flight.call);
                    *known = Known { seq: state.last, under_way: true, given_up: false };
                }
                Use::Orphaned(orphan) if orphan.tag.is_none() && known.under_way && !known.given_up => {
                    self.note(JournalEntry::GivenUp(slot));
                    known.given_up = true;
                }
                Use::Free if known.under_way => {
                    let replied = state.replied == known.seq;
                    self.note(JournalEntry::Ended { slot, replied, outcome: None });
                    known.under_way = false;
                }
                _ => {}
            }
        }
        self.known = known;
    }

    fn note_call(&mut self, slot: Slot, seq: Seq, call: &Call) {
        let (method, body, metadata) = (call.method, &call.body[..], call.metadata);
        let within = if call.deadline < Time::NEVER { call.deadline.since(self.now) } else { Duration::MAX };
        self.note(JournalEntry::Call { slot, seq, method, body, metadata, within });
    }
}

/// Returns a session as it is recorded.
fn recorded(session: &Session, slots: &Slots, config: &ClientConfig) -> RecordedSession {
    RecordedSession {
        id: session.id,
        token: session.token.0,
        incarnation: session.incarnation,
        slots: slots.len() as u16, // at most MAX_SLOTS: checked when WELCOME arrives
        max_frame: u32::try_from(session.max_frame).unwrap_or(u32::MAX),
        features: session.features,
        hello: hello_of(config),
    }
}

/// Returns the HELLO of a client without what changes from one session to the next.
fn hello_of(config: &ClientConfig) -> Vec<u8> {
    Hello::new(config.limits.slots, config.features, &config.contracts).encode()
}

/// A client with a journal.
impl ClientCore {
    /// Gives the client its journal. It is called before the first connection.
    pub fn keep_journal(&mut self, journal: Arc<dyn ClientJournal>, in_use: Arc<()>) {
        let (session, known, is_dirty, now) = (None, Vec::new(), false, Time::default());
        self.journal = Some(Journaling { journal, _in_use: in_use, session, known, is_dirty, now });
    }

    /// Returns true if a recorded session can be resumed with the services and settings of this client.
    pub fn can_restore(&self, session: &RecordedSession) -> bool {
        session.hello == hello_of(&self.config) && (1..=MAX_SLOTS).contains(&session.slots)
    }

    /// Takes up the session of an earlier process, with its slots: it is resumed with the first connection, and asks for the
    /// replies to its calls. It is called after [`ClientCore::keep_journal`].
    pub fn restore(&mut self, session: &RecordedSession, slots: Vec<(Slot, Seq, RestoredUse)>, now: Time) {
        self.calls.slots = Slots::new(session.slots);
        let mut known = vec![Known::default(); usize::from(session.slots)];
        let first = self.config.limits.resend_first;
        for (slot, seq, usage) in slots {
            let Some(known) = known.get_mut(usize::from(slot)) else { continue };
            let under_way = !matches!(usage, RestoredUse::Ended(_));
            *known = Known { seq, under_way, given_up: matches!(usage, RestoredUse::GivenUp) };
            let (replied, usage) = match usage {
                RestoredUse::Ended(replied) => (replied, Use::Free),
                RestoredUse::GivenUp => {
                    let again = Retransmission::sent(first, now);
                    (false, Use::Orphaned(Orphan { tag: None, earlier: None, again }))
                }
                RestoredUse::UnderWay(tag, request) => {
                    let call = Call::new(tag, request, now);
                    self.calls.wake_by(call.deadline);
                    // It counts as sent: nothing is known of what the last process still did after it had recorded it.
                    let again = Retransmission::unsent(first);
                    (false, Use::InFlight(InFlight { call, sent: true, buffered: false, again }))
                }
            };
            self.calls.slots.restore(slot, seq, replied, usage, now);
        }
        if let Some(journal) = &mut self.journal {
            journal.session = Some(session.id);
            journal.known = known;
        }
        self.incarnation = Some(session.incarnation);
        self.session = Some(Session::restored(session));
    }

    /// Records what the bytes that are about to leave depend on. Returns false if that failed: the client is closed.
    #[cold]
    pub(super) fn record(&mut self, now: Time) -> bool {
        let Some(journal) = &mut self.journal else { return true };
        journal.now = journal.now.max(now);
        // The session of a closed client is over, though BYE is still to be sent.
        let session = self.session.as_ref().filter(|_| !self.connection.is_closed());
        journal.note_slots(session, &self.calls.slots, &self.config);
        let Err(error) = journal.commit() else { return true };
        self.journal_has_failed(&error);
        false
    }

    /// Ends all calls: those in slots may be in the journal, so that the next process would send them.
    fn journal_has_failed(&mut self, error: &JournalError) {
        crate::log::error!(%error, "the journal of a client cannot be written: the client is closed");
        self.journal = None; // it is not written again
        self.connection.leave();
        self.connection.close();
        let text = format!("its journal cannot be written: {error}");
        self.connection.note_failure(FailureKind::Journal, text.clone());
        let (calls, at) = self.parts(Time::default());
        calls.outgoing.clear();
        for call in calls.empty_slots(UnknownCause::Closed, at) {
            calls.end(call, Outcome::Unknown(UnknownCause::Closed));
        }
        for call in calls.waiting.take_all() {
            calls.end(call, Outcome::NotExecuted(Reason::Closed, text.clone()));
        }
        calls.wake_by(Time::default());
    }

    /// Notes a reply, before its slot is freed.
    #[cold]
    pub(super) fn note_reply(&mut self, (slot, seq): (Slot, Seq), reply: &Reply) {
        let (Some(journal), Some(state)) = (&mut self.journal, self.calls.slots.get(slot)) else { return };
        let is_sent = match &state.usage {
            Use::Free => false,
            Use::InFlight(in_flight) => in_flight.sent,
            Use::Orphaned(_) => true,
        };
        // A refusal is not noted here: the call may be tried again under another number.
        let Some(known) = journal.known.get_mut(usize::from(slot)) else { return };
        if is_sent && known.seq == seq && known.under_way && reply.outcome.has_run() {
            known.under_way = false;
            journal.note(JournalEntry::Ended { slot, replied: true, outcome: Some(&reply.outcome) });
        }
    }

    /// Notes that the session is over. Calls that never left have not run.
    pub(super) fn note_session_over(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        if journal.session.take().is_none() {
            return;
        }
        let known = std::mem::take(&mut journal.known);
        for ((slot, state), known) in self.calls.slots.iter().zip(known) {
            let never_left = match &state.usage {
                Use::Free => true,
                Use::InFlight(in_flight) => !in_flight.sent,
                Use::Orphaned(_) => false,
            };
            if known.under_way && never_left {
                journal.note(JournalEntry::Ended { slot, replied: false, outcome: None });
            }
        }
        journal.note(JournalEntry::Over);
    }

    /// Returns a verdict once it may be told: one that says that the call did not run must be durable.
    #[cold]
    pub(super) fn told(&mut self, event: Event) -> Event {
        let (Event::Finished(_, outcome) | Event::Resolved(_, outcome)) = &event;
        if !matches!(outcome, Outcome::NotExecuted(..)) || self.record(Time::default()) {
            return event;
        }
        match event {
            Event::Finished(tag, _) => Event::Finished(tag, Outcome::Unknown(UnknownCause::Closed)),
            Event::Resolved(tag, _) => Event::Resolved(tag, Outcome::Unknown(UnknownCause::Closed)),
        }
    }

    /// Ends the client and leaves its session to the next process, if it has a journal. Else the session ends as well.
    pub fn leave(&mut self, now: Time) {
        if self.journal.is_none() || self.is_closed() {
            return self.close(now);
        }
        self.record(now);
        if self.journal.take().is_some() {
            // No BYE, and nothing is noted of what follows. The caller of a sent call learns here that it is unknown.
            self.connection.leave();
            self.connection.close();
            self.calls.outgoing.clear();
            self.end_all_calls(now);
        }
    }

    /// Ends all calls of a client that is closed.
    pub(super) fn end_all_calls(&mut self, now: Time) {
        let (calls, at) = self.parts(now);
        let unsent = calls.empty_slots(UnknownCause::Closed, at);
        for call in calls.waiting.take_all().into_iter().chain(unsent) {
            calls.end(call, Outcome::NotExecuted(Reason::Closed, String::new()));
        }
        calls.wake_by(now);
    }
}

/// A session that was recorded.
impl Session {
    fn restored(recorded: &RecordedSession) -> Session {
        Session {
            id: recorded.id,
            token: Token(recorded.token),
            incarnation: recorded.incarnation,
            resumed: false,
            max_frame: recorded.max_frame as usize,
            features: recorded.features,
            differing: Vec::new(),
            services: None,
            is_restored: true,
        }
    }
}
