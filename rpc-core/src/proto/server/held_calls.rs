//! Layer 2: the calls of methods that reply later: a bound on their number, their deadlines, and the end of those that are
//! left when a drain is over.
//!
//! ```text
//! begin: a place is taken, or Busy --> the handler returns, and holds no thread --> finish: the place is free again
//!                                       '-- CANCEL, deadline, end of the session: its holder is told
//!                                       '-- a drain is over: it is given up
//! ```

use std::collections::BTreeSet;

use super::ServerCore;
use super::keys::CallKey;
use super::record::CallState;
use super::session::Sums;
use crate::ids::Time;
use crate::limits::ServerLimits;
use crate::wire::message::Status;

/// The text for the callers of calls that are held when a drain is over.
const SHUT_DOWN: &[u8] = b"the server is shutting down";

/// The calls of methods that reply later, from their begin to their end.
///
/// Invariants (V10): `calls` is the number of records in state `Running` whose method replies later, and the sum of
/// `Sums::later`. `sessions` is the number of sessions with one. Each entry of `due` is one of these calls.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldCalls {
    /// The number of the calls.
    pub(super) calls: usize,
    /// The number of sessions with one.
    pub(super) sessions: usize,
    /// The deadlines that have not passed, with the index of each call's data.
    due: BTreeSet<(Time, u32)>,
}

impl HeldCalls {
    /// Returns true if one more call of this session may begin.
    ///
    /// Half of the places are for all sessions alike. A session that would use the other half gets an equal share of it, and one
    /// that has none gets a place while there is one (V19).
    pub(super) fn has_room(&self, sums: &Sums, limits: &ServerLimits) -> bool {
        let half = limits.held.div_ceil(2);
        let sharers = (self.sessions + usize::from(sums.later == 0)).max(1);
        self.calls < limits.held && (self.calls < half || (sums.later as usize) < (half / sharers).max(1))
    }

    /// Notes that a call begins, whose data has this index.
    #[cold] // so that the calls of other methods do not pay for it
    pub(super) fn begin(&mut self, sums: &mut Sums, deadline: Time, index: u32) {
        self.sessions += usize::from(sums.later == 0);
        sums.later += 1;
        self.calls += 1;
        self.due.insert((deadline, index));
    }

    /// Notes that a call has ended.
    pub(super) fn end(&mut self, sums: &mut Sums, deadline: Time, index: u32) {
        debug_assert!(self.calls > 0 && sums.later > 0, "V10: the sums cover each call");
        self.due.remove(&(deadline, index));
        self.calls -= 1;
        sums.later -= 1;
        self.sessions -= usize::from(sums.later == 0);
    }

    /// Returns the next deadline.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due).filter(|due| *due < Time::NEVER)
    }

    /// Takes a call whose deadline has passed.
    fn poll_due(&mut self, now: Time) -> Option<u32> {
        let first = *self.due.first()?;
        (first.0 <= now && self.due.remove(&first)).then_some(first.1)
    }
}

impl ServerCore {
    /// Notes that the handler of a call has returned and that its reply comes later; or was there before this is noted.
    pub fn hold(&mut self, key: CallKey, now: Time) {
        let Some(session) = self.links.sessions.get(key.session) else { return };
        let record = session.records().get(key.slot).filter(|record| record.last == key.seq);
        let running = record.filter(|record| record.state == CallState::Running);
        let data = running.and_then(|record| self.calls.of_mut(record));
        let Some(data) = data.filter(|_| !key.is_duplicate) else { return };
        data.is_held = true;
        let method = data.entry.method.id;
        // Its reply may be as long as that of any call that runs beside others, and its arguments are gone.
        self.long_replies.runs_beside(method, now);
        if let Some(session) = self.links.sessions.get_mut(key.session) {
            session.lane.several().beside_since = now;
        }
        self.release_arguments(key);
    }

    /// Returns true if a drain by force has given this call up, so that what ends it now is late.
    #[cold]
    pub(super) fn was_given_up(&self, key: CallKey) -> bool {
        let record = self.links.sessions.get(key.session).and_then(|session| session.records().get(key.slot));
        let is_over = record.is_some_and(|r| r.last != key.seq || r.state != CallState::Running);
        self.is_drained() && !key.is_duplicate && (is_over || self.running == 0)
    }

    /// Tells the holders of calls whose deadline has passed.
    pub(super) fn tell_late_holders(&mut self, now: Time) {
        while let Some(index) = self.held.poll_due(now) {
            self.calls.tell_cancelled(index);
        }
    }

    /// Gives up each call that is held, since the grace time of a drain is over: its caller gets a verdict, and no thread is left
    /// behind for it. A call whose handler has not returned is left behind, as any call that runs.
    pub(super) fn give_up_held(&mut self, now: Time) {
        if self.held.calls == 0 {
            return;
        }
        let mut keys = Vec::new();
        for (key, session) in self.links.sessions.keys() {
            for (slot, record) in session.records().iter().filter(|(_, r)| r.state == CallState::Running) {
                let is_held = self.calls.of(record).is_some_and(|data| data.is_held);
                let call = CallKey { session: key, slot, seq: record.last, is_duplicate: false };
                keys.extend(is_held.then_some((call, record.call)));
            }
        }
        for (key, index) in keys {
            self.calls.tell_cancelled(index);
            self.finish(key, Status::GivenUp, SHUT_DOWN, now);
        }
    }
}
