//! Layer 2: sessions that outlive the server: what a store is told of them, and how a server takes them up again.
//!
//! ```text
//! opened, ended --> Journal --poll_session_change--> the store, before any byte leaves
//! the store --restore--> a detached session, its lease begins; records of calls that ran
//! ```
//! The records of calls do not go this way: each is written with the effect of its call, on the thread of its handler
//! (`service::durable`). Only calls that ran have one: the numbers of calls that were refused, or that may be repeated, are
//! forgotten with the server, and only a frame of a connection that has ended could use them again.

use std::collections::VecDeque;

use super::ServerCore;
use super::call_table::KeptReply;
use super::core::known_to;
use super::greeting;
use super::keys::SessionKey;
use super::record::{CallState, Record};
use super::session::{Attachment, Session};
use super::sessions::Sessions;
use super::terms::Terms;
use super::timers::Timer;
use crate::ids::{MethodId, Nonce, SEQ_END, Seq, SessionId, Slot, Time, Token};
use crate::wire::frame::{Header, Kind};
use crate::wire::message::{SESSIONS_STAY, Status};

/// Returns the hash of a secret from which the secret cannot be found.
pub type HashSecret = fn(&[u8; 32]) -> [u8; 32];

/// A session as a store keeps it. It has no secret: a reader of the store cannot resume the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Its name on the wire.
    pub id: SessionId,
    /// The hash of its token.
    pub token: [u8; 32],
    /// The first half of the hash of the nonce that opened it, if it had one.
    pub nonce: Option<[u8; 16]>,
    /// The number of slots that the client was granted.
    pub slots: u16,
    /// The features that were agreed on.
    pub features: u32,
    /// The services that the client named, with the hashes of their contracts.
    pub services: Vec<(String, u64)>,
    /// The fingerprints of their types; empty if the client said none.
    pub types: Vec<u64>,
    /// The server's judgement on each of them, as it is sent.
    pub agreements: Vec<u8>,
}

/// The record of a slot's last call that ran, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// The slot.
    pub slot: Slot,
    /// The number of the call.
    pub seq: Seq,
    /// Tells a duplicate from another call with the same number.
    pub fingerprint: u64,
    /// The method.
    pub method: MethodId,
    /// The status of the reply.
    pub status: Status,
    /// The body of the reply; `None` if it is too long to be kept.
    pub reply: Option<Vec<u8>>,
}

/// A change that a store is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// A session was opened.
    Opened(StoredSession),
    /// A session has ended, and its records with it.
    Ended(SessionId),
}

/// The changes of sessions that a store is to be told of, in order.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    /// Hashes tokens and nonces.
    hash: HashSecret,
    /// The changes that were not taken yet.
    changes: VecDeque<SessionChange>,
}

impl Journal {
    /// Notes a new session. Its nonce is replaced by the hash of it, since sessions of a store are found by that.
    pub(super) fn opened(&mut self, session: &mut Session) {
        session.nonce = session.nonce.map(|nonce| self.stored_nonce(nonce));
        self.changes.push_back(SessionChange::Opened(StoredSession {
            id: session.id,
            token: (self.hash)(&session.token.0),
            nonce: session.nonce.map(|nonce| nonce.0),
            slots: session.sums.slots,
            features: session.terms.features,
            services: session.terms.services.clone(),
            types: session.terms.types.clone(),
            agreements: session.terms.agreements.iter().map(|agreement| *agreement as u8).collect(),
        }));
    }

    /// Notes the end of a session.
    pub(super) fn ended(&mut self, id: SessionId) {
        self.changes.push_back(SessionChange::Ended(id));
    }

    /// Returns the first half of a nonce's hash.
    fn stored_nonce(&self, nonce: Nonce) -> Nonce {
        let mut padded = [0; 32];
        padded[..16].copy_from_slice(&nonce.0);
        let mut half = [0; 16];
        half.copy_from_slice(&(self.hash)(&padded)[..16]);
        Nonce(half)
    }
}

impl Sessions {
    /// Returns true if this is the session's token. The comparison takes the same time for all.
    pub(super) fn is_token_of(&self, session: &Session, token: &Token) -> bool {
        match self.journal.as_ref().filter(|_| session.is_restored) {
            Some(journal) => session.token.matches(&Token((journal.hash)(&token.0))),
            None => session.token.matches(token),
        }
    }

    /// Notes the token of a session that is resumed: of one from a store only the hash was known.
    pub(super) fn note_token(&mut self, key: SessionKey, token: Token) {
        if let Some(session) = self.get_mut(key).filter(|session| session.is_restored) {
            session.token = token;
            session.is_restored = false;
        }
    }

    /// Returns the nonce under which a session is found.
    pub(super) fn stored_nonce(&self, nonce: Nonce) -> Nonce {
        self.journal.as_ref().map_or(nonce, |journal| journal.stored_nonce(nonce))
    }
}

impl Sessions {
    /// Returns the frame that says that the server ends, and if its sessions end with it (W19b).
    pub(super) fn goaway(&self) -> Header {
        let code = if self.journal.is_some() { SESSIONS_STAY } else { 0 };
        Header { code, ..Header::new(Kind::GoAway) }
    }
}

impl ServerCore {
    /// Makes the sessions of this loop outlive it. It is called before the first connection, and before
    /// [`ServerCore::restore`].
    pub fn make_durable(&mut self, hash: HashSecret) {
        self.links.sessions.journal = Some(Box::new(Journal { hash, changes: VecDeque::new() }));
    }

    /// Takes a change that the store is to be told of. The driver takes all of them, and makes them durable, before it writes
    /// on any connection.
    pub fn poll_session_change(&mut self) -> Option<SessionChange> {
        self.links.sessions.journal.as_mut()?.changes.pop_front()
    }

    /// Takes up a session of an earlier life of the server, with the records of its calls. It is detached, and its lease begins.
    /// One that does not fit any more ends: its client is told that it is lost.
    pub fn restore(&mut self, stored: StoredSession, records: Vec<StoredRecord>, now: Time) {
        let agreements = greeting::agreements(stored.features, &stored.services, &stored.types, &self.config);
        let is_same =
            agreements.iter().map(|agreement| *agreement as u8).eq(stored.agreements.iter().copied());
        let limits = &self.config.limits;
        let fits = is_same && stored.slots <= limits.slots && self.links.sessions.len() < limits.sessions;
        if !fits || self.links.sessions.find(stored.id).is_some() {
            if let Some(journal) = &mut self.links.sessions.journal {
                journal.ended(stored.id);
            }
            return;
        }
        let terms =
            Terms { features: stored.features, services: stored.services, types: stored.types, agreements };
        let mut session = Session::new(stored.id, Token(stored.token), stored.slots, terms, None);
        session.nonce = stored.nonce.map(Nonce);
        session.is_restored = true;
        session.attachment = Attachment::Detached(now);
        let key = self.links.sessions.insert(session);
        for record in records.into_iter().filter(|record| record.seq > 0 && record.seq < SEQ_END) {
            self.restore_record(key, record, now);
        }
        self.links.sessions.detach(key, 0, now);
        if let Some(session) = self.links.sessions.get_mut(key) {
            session.has_lease_timer = true;
            self.links.timers.set(now.plus(self.config.limits.lease), Timer::Lease(key));
        }
    }

    /// Takes up the record of a call that ran. Its reply is kept if there is room, as that of any call.
    fn restore_record(&mut self, key: SessionKey, stored: StoredRecord, now: Time) {
        let Some(session) = self.links.sessions.get_mut(key) else { return };
        let features = session.terms.features;
        let Some((record, sums, _)) = session.slot(stored.slot) else { return };
        let status = known_to(features, stored.status);
        let mut restored = Record {
            last: stored.seq,
            fingerprint: stored.fingerprint,
            state: CallState::NotKept,
            code: status.code(),
            ..Record::EMPTY
        };
        sums.has_run = true; // so that the session is never evicted
        if let Some(body) = stored.reply.filter(|body| self.calls.has_room(sums, body.len())) {
            let reply = KeptReply { session: key, slot: stored.slot, body, kept_at: now };
            restored.call = self.calls.add_kept(reply, sums);
            restored.state = CallState::Kept;
        }
        *record = restored;
    }
}
