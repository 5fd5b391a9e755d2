//! Layer 2: the session of one client: its terms, the records of its slots, and the connection that carries it.

use std::sync::Arc;

use super::connection::ConnId;
use super::keys::SessionKey;
use super::record::{CallState, Record};
use super::records::Records;
use super::run_queue::{Lane, Place};
use super::terms::Terms;
use crate::ids::{Nonce, SessionId, Slot, Time, Token};
use crate::proto::peer::SourceId;

/// The connection of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attachment {
    /// This connection carries the session's calls.
    Attached(ConnId),
    /// No connection does, since this time.
    Detached(Time),
}

/// The sums over the slots of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// The number of slots that the client was granted.
    pub(super) slots: u16,
    /// Calls that are queued or running.
    pub(super) active: u32,
    /// Bytes of the arguments of calls that run.
    pub(super) running: usize,
    /// Bytes of kept replies.
    pub(super) kept: usize,
    /// The number of kept replies.
    pub(super) kept_replies: usize,
    /// Calls that run and whose method replies later.
    pub(super) later: usize,
    /// True once any call began to run. The session is never evicted from then on.
    pub(super) has_run: bool,
}

impl Sums {
    /// Returns true if the session may not be evicted: a call of it has begun, or waits to run.
    ///
    /// A call that was refused, and a CANCEL that came first, do not protect it: nothing ran and nothing is kept, and a late CALL
    /// finds no session and does not run either (V4).
    pub(super) fn is_used(&self) -> bool {
        self.has_run || self.active > 0
    }
}

/// The session of one client.
///
/// Invariants: `records.len() <= sums.slots`, and each record is of a slot below it (V10). `sums.active` is the number of records
/// that are not final (V12). `sums.kept` is the number of bytes of the kept replies (V10).
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The session's name on the wire.
    pub(super) id: SessionId,
    /// The secret that lets a client resume it.
    pub(super) token: Token,
    /// The properties that were agreed on.
    pub(super) terms: Arc<Terms>,
    /// The sums over its slots.
    pub(super) sums: Sums,
    /// The nonce of the HELLO that opened it, if it had one.
    pub(super) nonce: Option<Nonce>,
    /// The address from which it was opened.
    pub(super) source: Option<SourceId>,
    /// The records of the slots used so far, by slot.
    pub(super) records: Records,
    /// Its calls that wait to run.
    pub(super) lane: Lane,
    /// The connection that carries it.
    pub(super) attachment: Attachment,
    /// Bytes ever queued for this session on earlier connections: the position at which the next connection begins.
    pub(super) queued_before: u64,
    /// True while a timer for its lease is set.
    pub(super) has_lease_timer: bool,
    /// True while it is in the list of sessions that may be evicted.
    pub(super) is_listed: bool,
    /// True if it comes from a store and no client has resumed it yet: `token` is the hash of its token.
    pub(super) is_restored: bool,
    /// Tells it from later sessions at the same index.
    pub(super) serial: u64,
}

impl Session {
    /// A session that no connection carries yet.
    pub(super) fn new(
        id: SessionId,
        token: Token,
        slots: u16,
        terms: Terms,
        source: Option<SourceId>,
    ) -> Self {
        Session {
            id,
            token,
            terms: Arc::new(terms),
            sums: Sums { slots, ..Sums::default() },
            nonce: None,
            source,
            records: Records::default(),
            lane: Lane::default(),
            attachment: Attachment::Detached(Time::default()),
            queued_before: 0,
            has_lease_timer: false,
            is_listed: false,
            is_restored: false,
            serial: 0,
        }
    }

    /// Returns the connection that carries the session.
    pub(super) fn attached(&self) -> Option<ConnId> {
        match self.attachment {
            Attachment::Attached(conn) => Some(conn),
            Attachment::Detached(_) => None,
        }
    }

    /// Returns the record of a slot, made on first use, beside the session's sums and its lane. `None`: there is no such slot.
    #[inline]
    pub(super) fn slot(&mut self, slot: Slot) -> Option<(&mut Record, &mut Sums, &mut Lane)> {
        if slot >= self.sums.slots {
            return None;
        }
        Some((self.records.of(slot)?, &mut self.sums, &mut self.lane))
    }

    /// Returns the number of calls that run. With the filter off it is too low: duplicates wait in the lane without a record.
    pub(super) fn running(&self) -> usize {
        (self.sums.active as usize).saturating_sub(self.lane.calls)
    }

    /// Returns the key of the session, whose index is `index`.
    pub(super) fn key(&self, index: usize) -> SessionKey {
        SessionKey { index: index as u32, serial: self.serial }
    }

    /// Takes the next place out of the lane.
    pub(super) fn next_place(&mut self) -> Option<Place> {
        let place = self.lane.places.pop_front()?;
        if let Some(record) = self.records.get_mut(place.slot).filter(|_| place.duplicate.is_none()) {
            record.in_lane = false;
        }
        Some(place)
    }

    /// Returns all records made so far.
    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// Returns true if the client has acknowledged every reply.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.records.iter().all(|(_, r)| matches!(r.state, CallState::Empty | CallState::Acknowledged))
    }
}
