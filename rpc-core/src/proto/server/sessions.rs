//! Layer 2: sessions: which client may resume one, how many there are, and when one ends.

use std::collections::HashMap;

use slab::Slab;

use super::durable::Journal;
use super::keys::SessionKey;
use super::nonces::Nonces;
use super::session::{Attachment, Session};
use super::sources::{Source, Sources};
use super::terms::SharedTerms;
use crate::ids::{SessionId, Time};
use crate::limits::{EVICTION_LOOKS, ServerLimits};

/// The server's decision on one more session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It fits.
    Free,
    /// It fits once this session has ended: no call of it ever began.
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
/// Invariants: `by_id` has one entry for each session. `sources` counts each session once, and lists it once if its `is_listed` is
/// true.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// The sessions, by index.
    sessions: Slab<Session>,
    /// Their keys, by their names on the wire.
    by_id: HashMap<SessionId, SessionKey>,
    /// The nonces with which they were opened, and those of sessions that have ended.
    pub(super) nonces: Nonces,
    /// The addresses from which they were opened. Each lists its sessions that were detached unused: only those may be evicted.
    sources: Sources,
    /// The terms that sessions share.
    terms: SharedTerms,
    /// The serial number of the newest session.
    last_serial: u64,
    /// The changes that a store is to be told of; `None` if the sessions end with the server.
    pub(super) journal: Option<Box<Journal>>,
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

    /// Checks that every session with a nonce is found by it, and no other.
    #[cfg(feature = "__inspection")]
    pub(super) fn audit_nonces(&self) -> Result<(), String> {
        let keys = self.by_id.values().filter(|key| self.get(**key).is_some_and(|s| s.nonce.is_some()));
        self.nonces.audit(keys.count())
    }

    /// Returns the addresses from which the sessions were opened.
    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Adds a session. Its id is new: 120 of its bits are random.
    pub(super) fn insert(&mut self, mut session: Session) -> SessionKey {
        assert!(!self.by_id.contains_key(&session.id), "V9: session ids never repeat");
        self.last_serial += 1;
        session.serial = self.last_serial;
        session.terms = self.terms.share(session.terms);
        if let Some(journal) = self.journal.as_mut().filter(|_| !session.is_restored) {
            journal.opened(&mut session);
        }
        let (id, serial, source, nonce) = (session.id, session.serial, session.source, session.nonce);
        let key = SessionKey { index: self.sessions.insert(session) as u32, serial };
        self.by_id.insert(id, key);
        if let Some(nonce) = nonce {
            self.nonces.open(nonce, key);
        }
        self.sources.add(source);
        key
    }

    /// Removes a session. Its nonce is remembered until `forget_at`.
    pub(super) fn remove(&mut self, key: SessionKey, now: Time, forget_at: Time) -> Option<Session> {
        self.get(key)?;
        let session = self.sessions.try_remove(key.index as usize)?;
        self.by_id.remove(&session.id);
        if let Some(journal) = &mut self.journal {
            journal.ended(session.id);
        }
        if let Some(nonce) = session.nonce {
            self.nonces.end(nonce, session.source, now, forget_at);
        }
        self.sources.remove(session.source);
        Some(session)
    }

    /// Notes that no connection carries the session any more. `queued` is the position that the last one had reached.
    pub(super) fn detach(&mut self, key: SessionKey, queued: u64, now: Time) {
        let Some(session) = self.get_mut(key) else { return };
        session.attachment = Attachment::Detached(now);
        session.queued_before = queued;
        // Also with a call that waits: it may be refused later. Once, so that a client that connects again and again does not fill
        // the list.
        if !session.sums.has_run && !session.is_listed {
            session.is_listed = true;
            self.list(key);
        }
    }

    /// Lists a session as one that may be evicted, after all others of its source.
    fn list(&mut self, key: SessionKey) {
        let (sessions, sources) = (&self.sessions, &mut self.sources);
        let is_there = |key: SessionKey| {
            sessions.get(key.index as usize).is_some_and(|session| session.serial == key.serial)
        };
        if let Some(session) = sessions.get(key.index as usize) {
            sources.list(session.source, key, is_there);
        }
    }

    /// Decides if one more session from `source` fits. None does while the server drains.
    pub(super) fn make_room(&mut self, source: Source, draining: bool, limits: &ServerLimits) -> Room {
        if draining {
            return Room::Full;
        }
        // V19: a source that has its share makes room with a session of its own, and with no other one's.
        if source.is_some() && self.sources.sessions(source) >= limits.sessions_of_source() {
            return self.evictable(source).map_or(Room::Full, Room::Evict);
        }
        if self.sessions.len() < limits.sessions {
            return Room::Free;
        }
        let largest = self.sources.largest(EVICTION_LOOKS);
        largest.into_iter().find_map(|source| self.evictable(source)).map_or(Room::Full, Room::Evict)
    }

    /// Takes the oldest detached session of a source of which no call ever began out of the list.
    fn evictable(&mut self, source: Source) -> Option<SessionKey> {
        let mut looks = 0;
        while looks < EVICTION_LOOKS {
            let key = self.sources.next_unused(source)?;
            let Some(session) = self.get_mut(key) else { continue };
            session.is_listed = session.attached().is_none() && !session.sums.has_run;
            if !session.is_listed {
                continue; // it leaves the list; a session of which no call has begun is listed again when it is detached
            }
            if !session.sums.is_used() {
                session.is_listed = false;
                return Some(key);
            }
            self.list(key); // its call waits to run: it may be refused
            looks += 1;
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
    use crate::ids::Token;
    use crate::proto::server::terms::Terms;

    #[test]
    fn sessions_that_end_without_a_call_leave_nothing_behind() {
        let mut sessions = Sessions::default();
        let resident = Session::new(SessionId(1 << 64), Token([0; 32]), 1, Terms::default(), None);
        sessions.insert(resident);
        for id in 0..10_000 {
            let session = Session::new(SessionId(id), Token([0; 32]), 1, Terms::default(), None);
            let key = sessions.insert(session);
            sessions.detach(key, 0, Time::default());
            sessions.remove(key, Time::default(), Time::default());
        }
        let (listed, sources) = sessions.sources().lengths();
        assert!(listed <= 2 * 2 + 8 && sources == 1, "{listed} of {sources}");
    }

    fn insert(sessions: &mut Sessions, id: u128) -> SessionKey {
        sessions.insert(Session::new(SessionId(id), Token([0; 32]), 1, Terms::default(), None))
    }

    #[test]
    fn the_list_keeps_sessions_that_live_and_lets_ended_ones_go_when_they_are_half_of_it() {
        let mut sessions = Sessions::default();
        let living = [insert(&mut sessions, 1), insert(&mut sessions, 2)];
        living.iter().for_each(|key| sessions.detach(*key, 0, Time::default()));
        for listed in 3..=2 * 3 + 8 {
            let key = insert(&mut sessions, 100 + listed as u128);
            sessions.detach(key, 0, Time::default());
            assert_eq!(sessions.sources().listed(None).len(), listed);
            sessions.remove(key, Time::default(), Time::default());
        }
        let last = insert(&mut sessions, 3);
        sessions.detach(last, 0, Time::default());
        assert_eq!(sessions.sources().listed(None), [living[0], living[1], last]);
    }

    #[test]
    fn a_session_is_listed_once_and_not_at_all_after_its_first_call() {
        let mut sessions = Sessions::default();
        let (unused, used) = (insert(&mut sessions, 1), insert(&mut sessions, 2));
        sessions.get_mut(used).expect("it lives").sums.has_run = true;
        for key in [unused, used, unused] {
            sessions.detach(key, 0, Time::default());
        }
        assert_eq!(sessions.sources().listed(None), [unused]);
    }
}
