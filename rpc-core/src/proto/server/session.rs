//! Floor 2: sessions: who may resume them, how many there are, and when one ends.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use slab::Slab;

use super::connection::ConnId;
use super::record::{Record, State};
use crate::ids::{SessionId, Slot, Time, Token};
use crate::wire::message::Agreement;

/// Names a session inside this process. The serial number keeps a late finger from touching a later session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    index: u32,
    serial: u64,
}

/// One client's session.
///
/// Invariant V10: `records.len() <= slots`.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) token: Token,
    pub(super) slots: u16,
    pub(super) features: u32,
    pub(super) services: Vec<(String, u64)>,
    pub(super) agreements: Vec<Agreement>,
    pub(super) source: Option<IpAddr>,
    records: Vec<Record>,
    pub(super) attached: Option<ConnId>,
    /// Since when nobody is attached.
    pub(super) detached_at: Time,
    /// Bytes ever queued for this session on connections that are gone: where the next connection counts on.
    pub(super) sent_before: u64,
    /// Calls queued or running.
    pub(super) active: u32,
    /// Whether any call was ever admitted: if so, it is never evicted.
    pub(super) admitted: bool,
    /// Bytes of kept replies.
    pub(super) kept: usize,
    /// Whether a timer for its lease is set.
    pub(super) lease_timer: bool,
    /// Whether it is in the list of sessions that may be evicted.
    pub(super) listed: bool,
    serial: u64,
}

impl Session {
    /// A session nobody is attached to yet.
    pub(super) fn new(id: SessionId, token: Token, slots: u16) -> Self {
        Session {
            id,
            token,
            slots,
            features: 0,
            services: Vec::new(),
            agreements: Vec::new(),
            source: None,
            records: Vec::new(),
            attached: None,
            detached_at: Time::default(),
            sent_before: 0,
            active: 0,
            admitted: false,
            kept: 0,
            lease_timer: false,
            listed: false,
            serial: 0,
        }
    }

    /// The record of a slot, made on first use. `None`: the slot is outside the session.
    pub(super) fn record(&mut self, slot: Slot) -> Option<&mut Record> {
        if slot >= self.slots {
            return None;
        }
        if self.records.len() <= usize::from(slot) {
            self.records.resize(usize::from(slot) + 1, Record::EMPTY);
        }
        self.records.get_mut(usize::from(slot))
    }

    /// All records made so far.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Whether the client has said, of every answer, that it has it.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.records.iter().all(|r| matches!(r.state, State::Empty | State::Acknowledged))
    }
}

/// All sessions of a loop.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    sessions: Slab<Session>,
    by_id: HashMap<SessionId, SessionKey>,
    per_source: HashMap<IpAddr, usize>,
    /// Sessions that were detached before any call, oldest first: the only ones that may be evicted.
    unused: VecDeque<SessionKey>,
    next_serial: u64,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn find(&self, id: SessionId) -> Option<SessionKey> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.sessions.get(key.index as usize).filter(|session| session.serial == key.serial)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.sessions.get_mut(key.index as usize).filter(|session| session.serial == key.serial)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().map(|(_, session)| session)
    }

    pub(super) fn of_source(&self, source: IpAddr) -> usize {
        self.per_source.get(&source).copied().unwrap_or(0)
    }

    /// Adds a session; its id is new (V9: ids come from 120 random bits; a clash would be refused here).
    pub(super) fn insert(&mut self, mut session: Session) -> SessionKey {
        assert!(!self.by_id.contains_key(&session.id), "V9: session ids never repeat");
        self.next_serial += 1;
        session.serial = self.next_serial;
        let (id, serial, source) = (session.id, session.serial, session.source);
        let key = SessionKey { index: self.sessions.insert(session) as u32, serial };
        self.by_id.insert(id, key);
        if let Some(source) = source {
            *self.per_source.entry(source).or_default() += 1;
        }
        key
    }

    pub(super) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        self.get(key)?;
        let session = self.sessions.try_remove(key.index as usize)?;
        self.by_id.remove(&session.id);
        if let Some(source) = session.source {
            if let Some(count) = self.per_source.get_mut(&source) {
                *count -= 1;
                if *count == 0 {
                    self.per_source.remove(&source);
                }
            }
        }
        Some(session)
    }

    /// Notes that nobody is attached any more.
    pub(super) fn detach(&mut self, key: SessionKey, sent: u64, now: Time) {
        let Some(session) = self.get_mut(key) else { return };
        session.attached = None;
        session.detached_at = now;
        session.sent_before = sent;
        if !session.admitted && !session.listed {
            session.listed = true; // once, so that a client that comes and goes does not fill the list
            self.unused.push_back(key);
            self.tidy_unused();
        }
    }

    /// Drops sessions that have ended from the list, when they are half of it: each is looked at twice at most, and
    /// strangers that only say HELLO do not fill the memory over the days.
    fn tidy_unused(&mut self) {
        if self.unused.len() > 2 * self.sessions.len() + 64 {
            let (sessions, unused) = (&self.sessions, &mut self.unused);
            unused.retain(|key| {
                sessions.get(key.index as usize).is_some_and(|session| session.serial == key.serial)
            });
        }
    }

    /// The oldest detached session in which no call was ever admitted.
    pub(super) fn evictable(&mut self) -> Option<SessionKey> {
        while let Some(key) = self.unused.pop_front() {
            let Some(session) = self.get_mut(key) else { continue };
            session.listed = false;
            if !session.admitted && session.attached.is_none() {
                return Some(key);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_end_without_a_call_leave_nothing_behind() {
        let mut sessions = Sessions::default();
        for id in 0..10_000 {
            let key = sessions.insert(Session::new(SessionId(id), Token([0; 32]), 1));
            sessions.detach(key, 0, Time::default());
            sessions.remove(key);
        }
        assert!(sessions.unused.len() <= 64 + 2, "{}", sessions.unused.len());
    }
}
