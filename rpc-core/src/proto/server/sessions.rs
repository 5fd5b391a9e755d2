//! Layer 2: sessions: which client may resume one, how many there are, and when one ends.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use slab::Slab;

use super::connection::ConnId;
use super::keys::SessionKey;
use super::record::{CallState, Record};
use super::run_queue::{Lane, Place};
use crate::ids::{SessionId, Slot, Time, Token};
use crate::limits::ServerLimits;
use crate::wire::message::Agreement;

/// The connection of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attachment {
    /// This connection carries the session's calls.
    Attached(ConnId),
    /// No connection does, since this time.
    Detached(Time),
}

/// The properties that a client and the server agree on at the first HELLO. They are fixed for the session's life.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    /// The feature bits that both sides have.
    pub(super) features: u32,
    /// The services that the client named, with the hashes of their contracts.
    pub(super) services: Vec<(String, u64)>,
    /// The server's judgement on each of them.
    pub(super) agreements: Vec<Agreement>,
}

/// The sums over the slots of a session.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// The number of slots that the client was granted.
    pub(super) slots: u16,
    /// Calls that are queued or running.
    pub(super) active: u32,
    /// Bytes of the arguments of calls that run.
    pub(super) running: usize,
    /// Bytes of kept replies.
    pub(super) kept: usize,
    /// True once any call was admitted. The session is never evicted from then on.
    pub(super) admitted: bool,
}

/// The session of one client.
///
/// Invariants: `records.len() <= sums.slots` (V10). `sums.active` is the number of records that are not final (V12).
/// `sums.kept` is the number of bytes of the kept replies (V10).
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The session's name on the wire.
    pub(super) id: SessionId,
    /// The secret that lets a client resume it.
    pub(super) token: Token,
    /// The properties that were agreed on.
    pub(super) terms: Terms,
    /// The sums over its slots.
    pub(super) sums: Sums,
    /// The address from which it was opened.
    pub(super) source: Option<IpAddr>,
    /// The records of the slots used so far, by slot.
    pub(super) records: Vec<Record>,
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
    /// Tells it from later sessions at the same index.
    pub(super) serial: u64,
}

impl Session {
    /// A session that no connection carries yet.
    pub(super) fn new(id: SessionId, token: Token, slots: u16, terms: Terms, source: Option<IpAddr>) -> Self {
        Session {
            id,
            token,
            terms,
            sums: Sums { slots, active: 0, running: 0, kept: 0, admitted: false },
            source,
            records: Vec::new(),
            lane: Lane::default(),
            attachment: Attachment::Detached(Time::default()),
            queued_before: 0,
            has_lease_timer: false,
            is_listed: false,
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
        if self.records.len() <= usize::from(slot) {
            // On first use: most clients are granted 64 slots and use a few, and a record is 32 bytes.
            self.records.resize(usize::from(slot) + 1, Record::EMPTY);
            debug_assert!(
                self.records.len() <= usize::from(self.sums.slots),
                "V10: a record for each slot at most"
            );
        }
        Some((self.records.get_mut(usize::from(slot))?, &mut self.sums, &mut self.lane))
    }

    /// Returns the number of calls that run. With the filter off it is too low: duplicates wait in the lane without a record.
    pub(super) fn running(&self) -> usize {
        (self.sums.active as usize).saturating_sub(self.lane.calls)
    }

    /// Returns the key of the session, whose index is `index`.
    fn key(&self, index: usize) -> SessionKey {
        SessionKey { index: index as u32, serial: self.serial }
    }

    /// Takes the next place out of the lane.
    pub(super) fn next_place(&mut self) -> Option<Place> {
        let place = self.lane.places.pop_front()?;
        if let Some(record) =
            self.records.get_mut(usize::from(place.slot)).filter(|_| place.duplicate.is_none())
        {
            record.in_lane = false;
        }
        Some(place)
    }

    /// Returns all records made so far.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns true if the client has acknowledged every reply.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.records.iter().all(|r| matches!(r.state, CallState::Empty | CallState::Acknowledged))
    }
}

/// The server's decision on one more session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It fits.
    Free,
    /// It fits once this session has ended: no call was ever admitted in it.
    Evict(SessionKey),
    /// It does not fit.
    Full,
}

/// The next step for a session whose lease timer has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// A connection carries the session: the next detachment sets a new timer.
    Attached,
    /// The timer is to be set again, for this time.
    Until(Time),
    /// The session ends.
    Over,
}

/// All sessions of a loop.
///
/// Invariants: `by_id` has one entry for each session. `per_source` sums up to the sessions that have a source, and has no
/// zeros. A session is in `unused` at most once; ended ones may be there too:
/// after each detachment `unused.len() <= 2 * sessions.len() + 64`.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// The sessions, by index.
    sessions: Slab<Session>,
    /// Their keys, by their names on the wire.
    by_id: HashMap<SessionId, SessionKey>,
    /// The number of sessions from each address.
    per_source: HashMap<IpAddr, usize>,
    /// Sessions that were detached before any call, oldest first: the only ones that may be evicted.
    unused: VecDeque<SessionKey>,
    /// The serial number of the newest session.
    last_serial: u64,
}

impl Sessions {
    /// Returns the number of sessions.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns the key of a session by its name on the wire.
    pub(super) fn find(&self, id: SessionId) -> Option<SessionKey> {
        self.by_id.get(&id).copied()
    }

    /// Returns the session of a key, unless it has ended (V4).
    pub(super) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.sessions.get(key.index as usize).filter(|session| session.serial == key.serial)
    }

    /// Returns the session of a key, to be changed, unless it has ended (V4).
    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.sessions.get_mut(key.index as usize).filter(|session| session.serial == key.serial)
    }

    /// Returns all sessions.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().map(|(_, session)| session)
    }

    /// Returns all sessions with their keys.
    #[cfg(feature = "__inspection")]
    pub(super) fn keys(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions.iter().map(|(index, session)| (session.key(index), session))
    }

    /// Returns all sessions with their keys, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SessionKey, &mut Session)> {
        self.sessions.iter_mut().map(|(index, session)| (session.key(index), session))
    }

    /// Returns the number of records of all sessions.
    pub(super) fn records(&self) -> usize {
        self.iter().map(|session| session.records.len()).sum()
    }

    /// Returns the number of sessions that were opened from an address.
    #[cfg(test)]
    pub(super) fn of_source(&self, source: IpAddr) -> usize {
        self.per_source.get(&source).copied().unwrap_or(0)
    }

    /// Adds a session. Its id is new: 120 of its bits are random.
    pub(super) fn insert(&mut self, mut session: Session) -> SessionKey {
        assert!(!self.by_id.contains_key(&session.id), "V9: session ids never repeat");
        self.last_serial += 1;
        session.serial = self.last_serial;
        let (id, serial, source) = (session.id, session.serial, session.source);
        let key = SessionKey { index: self.sessions.insert(session) as u32, serial };
        self.by_id.insert(id, key);
        if let Some(source) = source {
            *self.per_source.entry(source).or_default() += 1;
        }
        key
    }

    /// Removes a session.
    pub(super) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        self.get(key)?;
        let session = self.sessions.try_remove(key.index as usize)?;
        self.by_id.remove(&session.id);
        if let Some(source) = session.source {
            if let Some(count) = self.per_source.get_mut(&source) {
                // Removed at 0, or the map would grow with every address that ever connected.
                *count -= 1;
                if *count == 0 {
                    self.per_source.remove(&source);
                }
            }
        }
        Some(session)
    }

    /// Notes that no connection carries the session any more. `queued` is the position that the last one had reached.
    pub(super) fn detach(&mut self, key: SessionKey, queued: u64, now: Time) {
        let Some(session) = self.get_mut(key) else { return };
        session.attachment = Attachment::Detached(now);
        session.queued_before = queued;
        if !session.sums.admitted && !session.is_listed {
            session.is_listed = true; // once, so that a client that connects again and again does not fill the list
            self.unused.push_back(key);
            self.drop_ended();
        }
    }

    /// Drops sessions that have ended from the list when they are half of it.
    ///
    /// Each is looked at twice at most, and clients that only send HELLO do not fill the memory over the days.
    fn drop_ended(&mut self) {
        if self.unused.len() > 2 * self.sessions.len() + 64 {
            let (sessions, unused) = (&self.sessions, &mut self.unused);
            unused.retain(|key| {
                sessions.get(key.index as usize).is_some_and(|session| session.serial == key.serial)
            });
        }
    }

    /// Decides if one more session from `source` fits. None does while the server drains.
    pub(super) fn make_room(
        &mut self,
        source: Option<IpAddr>,
        draining: bool,
        limits: &ServerLimits,
    ) -> Room {
        if draining {
            return Room::Full;
        }
        if let (Some(source), Some(most)) = (source, limits.sessions_per_source) {
            if self.per_source.get(&source).copied().unwrap_or(0) >= most {
                return Room::Full; // V19: a source's share
            }
        }
        if self.sessions.len() < limits.sessions {
            return Room::Free;
        }
        self.evictable().map_or(Room::Full, Room::Evict)
    }

    /// Takes the oldest detached session in which no call was ever admitted out of the list.
    fn evictable(&mut self) -> Option<SessionKey> {
        while let Some(key) = self.unused.pop_front() {
            let Some(session) = self.get_mut(key) else { continue };
            session.is_listed = false;
            if !session.sums.admitted && session.attached().is_none() {
                return Some(key);
            }
        }
        None
    }

    /// Decides what becomes of a session whose lease timer has fired. One with a call queued or running goes on.
    pub(super) fn check_lease(&mut self, key: SessionKey, lease: std::time::Duration, now: Time) -> Lease {
        let Some(session) = self.get_mut(key) else { return Lease::Attached };
        session.has_lease_timer = false;
        let Attachment::Detached(since) = session.attachment else { return Lease::Attached };
        // A call that runs may run for longer than the lease, and its record must be there when it ends (RIFL:
        // a client with an operation under way is not forgotten).
        let over = since.plus(lease);
        if session.sums.active > 0 {
            Lease::Until(now.plus(lease))
        } else if over > now {
            Lease::Until(over)
        } else {
            Lease::Over
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_end_without_a_call_leave_nothing_behind() {
        let mut sessions = Sessions::default();
        for id in 0..10_000 {
            let session = Session::new(SessionId(id), Token([0; 32]), 1, Terms::default(), None);
            let key = sessions.insert(session);
            sessions.detach(key, 0, Time::default());
            sessions.remove(key);
        }
        assert!(sessions.unused.len() <= 64 + 2, "{}", sessions.unused.len());
    }

    fn insert(sessions: &mut Sessions, id: u128) -> SessionKey {
        sessions.insert(Session::new(SessionId(id), Token([0; 32]), 1, Terms::default(), None))
    }

    #[test]
    fn the_list_keeps_sessions_that_live_and_lets_ended_ones_go_when_they_are_half_of_it() {
        let mut sessions = Sessions::default();
        let living = [insert(&mut sessions, 1), insert(&mut sessions, 2)];
        living.iter().for_each(|key| sessions.detach(*key, 0, Time::default()));
        for listed in 3..=2 * 3 + 64 {
            let key = insert(&mut sessions, 100 + listed as u128);
            sessions.detach(key, 0, Time::default());
            assert_eq!(sessions.unused.len(), listed);
            sessions.remove(key);
        }
        let last = insert(&mut sessions, 3);
        sessions.detach(last, 0, Time::default());
        assert_eq!(sessions.unused, [living[0], living[1], last]);
    }

    #[test]
    fn a_session_is_listed_once_and_not_at_all_after_its_first_call() {
        let mut sessions = Sessions::default();
        let (unused, used) = (insert(&mut sessions, 1), insert(&mut sessions, 2));
        sessions.get_mut(used).expect("it lives").sums.admitted = true;
        for key in [unused, used, unused] {
            sessions.detach(key, 0, Time::default());
        }
        assert_eq!(sessions.unused, [unused]);
    }
}
