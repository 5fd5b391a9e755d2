//! Floor 2: the session as the client knows it: welcomed, resumed, lost, drained; and what its server's contracts are.

use std::sync::Arc;
use std::time::Duration;

use super::slot::{Slots, Use};
use super::{ClientCore, Link, Outgo};
use crate::contract::Method;
use crate::error::ProtocolError;
use crate::ids::{Incarnation, SessionId, Time, Token};
use crate::limits::MAX_SLOTS;
use crate::proto::Doubt;
use crate::wire::message::{Agreement, FEATURE_NO_BODY_CHECKSUM, Table, Welcome};

/// What WELCOME said.
#[derive(Debug)]
pub(super) struct SessionInfo {
    pub(super) id: SessionId,
    pub(super) token: Token,
    pub(super) incarnation: Incarnation,
    pub(super) features: u32,
    pub(super) max_frame: usize,
    /// Services whose contracts are not the same, by name; with the server's methods, once they are here.
    differing: Vec<(&'static str, Agreement, Option<Arc<Table>>)>,
}

impl SessionInfo {
    /// Whether bodies carry checksums.
    pub(super) fn checksum(&self) -> bool {
        self.features & FEATURE_NO_BODY_CHECKSUM == 0
    }

    /// Whether the methods of every service that differs are known.
    pub(super) fn tables_are_here(&self) -> bool {
        self.differing.iter().all(|(_, agreement, table)| *agreement == Agreement::Missing || table.is_some())
    }

    /// What client and server disagree about in a method; `None`: nothing that is known.
    pub(super) fn disagreement(&self, method: &Method) -> Option<String> {
        if self.differing.is_empty() {
            return None;
        }
        let service = method.name.split('.').next().unwrap_or_default();
        let (_, agreement, table) = self.differing.iter().find(|(name, ..)| *name == service)?;
        if *agreement == Agreement::Missing {
            return Some(format!("the server has no service `{service}`"));
        }
        let table = table.as_ref()?;
        if table.methods.iter().any(|(id, ..)| *id == method.id) {
            return None;
        }
        let theirs = table.methods.iter().find(|(_, name, _)| name == method.name);
        Some(match theirs {
            Some((_, _, signature)) => format!(
                "the server has `{signature}`, this client was built for `{}`; build both from the same trait",
                method.signature
            ),
            None => format!("the server's `{service}` has no method of that name"),
        })
    }
}

impl ClientCore {
    /// The server's methods of a service that was announced and that differs; one that it does not have has none.
    /// `None`: there is no session, or the contracts are the same.
    pub fn table(&self, service: &str) -> Option<Arc<Table>> {
        let differing = &self.session.as_ref()?.differing;
        let (_, agreement, table) = differing.iter().find(|(name, ..)| *name == service)?;
        match agreement {
            Agreement::Missing => Some(Arc::new(Table { service: service.to_owned(), methods: Vec::new() })),
            _ => table.clone(),
        }
    }

    pub(super) fn handle_welcome(&mut self, body: &[u8], now: Time) -> Result<(), ProtocolError> {
        let welcome = Welcome::decode(body)?;
        if welcome.slots > MAX_SLOTS || welcome.agreements.len() != self.config.contracts.len() {
            return Err(ProtocolError::BadBody("WELCOME"));
        }
        self.link = Link::Up;
        let resumed = welcome.resumed;
        if resumed != self.session.is_some() {
            return Err(ProtocolError::BadBody("WELCOME")); // a session is resumed or lost, never replaced: calls wait in it
        }
        if resumed {
            let same = self.session.as_ref().is_some_and(|session| session.id == welcome.session);
            if !same || usize::from(welcome.slots) != self.slots.len() {
                return Err(ProtocolError::BadBody("WELCOME"));
            }
        } else {
            if welcome.slots > self.config.limits.slots.max(1) {
                return Err(ProtocolError::BadBody("WELCOME")); // no more is granted than was wanted (W10)
            }
            self.counters.sessions += 1;
            self.slots = Slots::new(welcome.slots);
        }
        let differing = self.differing(&welcome, resumed);
        let session = SessionInfo {
            id: welcome.session,
            token: welcome.token,
            incarnation: welcome.incarnation,
            features: welcome.features,
            max_frame: welcome.max_frame as usize,
            differing,
        };
        let most = self.config.limits.max_frame.max(crate::limits::MAX_GREETING);
        self.decoder.agree(most, true, session.checksum());
        self.wants_session = !session.tables_are_here();
        self.session = Some(session);
        self.ask_for_tables();
        self.send_everything_again(now);
        self.fill_slots();
        Ok(())
    }

    pub(super) fn handle_table(&mut self, body: &[u8]) -> Result<(), ProtocolError> {
        let table = Table::decode(body)?;
        if let Some(session) = &mut self.session {
            let about = session.differing.iter_mut().find(|(name, ..)| *name == table.service);
            if let Some((_, _, known)) = about {
                *known = Some(Arc::new(table));
            }
            self.wants_session &= !session.tables_are_here();
        }
        Ok(())
    }

    /// The server does not know the session: sent calls are unknown for ever, unsent ones move to the next session.
    pub(super) fn session_is_lost(&mut self, now: Time) {
        tracing::debug!(peer_incarnation = ?self.session.as_ref().map(|s| s.incarnation), "session lost");
        if self.session.is_some() {
            self.failures = 0; // it is there, and began anew
        }
        self.give_session_up(Doubt::SessionLost);
        self.turned_away("the server does not know this session any more", Duration::ZERO, now);
    }

    /// The bytes are no frames any more: that is the way's fault, or another speaker's, and no word of the server. The
    /// session stays and is resumed; a server that goes on like this is asked again after a pause.
    pub(super) fn stream_is_garbled(&mut self, error: ProtocolError, now: Time) {
        let pause = self.config.limits.backoff_first.saturating_mul(10);
        self.foreign = self.session.is_none();
        let what = match self.foreign {
            true => "what answers there does not seem to speak this protocol",
            false => "what came from the server cannot be read",
        };
        self.turned_away(&format!("{what}: {error}"), pause, now);
    }

    /// The server did what the protocol forbids: nothing that it says is believed any more.
    pub(super) fn server_is_broken(&mut self, error: ProtocolError) {
        tracing::warn!(%error, "the server broke the protocol");
        self.counters.broken_server += 1;
        self.last_failure = format!("the server broke the protocol: {error}");
        self.give_session_up(Doubt::BrokenServer);
        self.link = Link::Condemned;
    }

    /// No session now: the connection goes, and the next attempt waits at least `pause`.
    pub(super) fn turned_away(&mut self, why: &str, pause: Duration, now: Time) {
        why.clone_into(&mut self.last_failure);
        self.not_before = now.plus(pause);
        self.link = Link::Condemned;
    }

    /// GOAWAY: calls under way are waited for, all others wait for another server; idle clients leave with BYE.
    pub(super) fn handle_goaway(&mut self, now: Time) {
        if self.draining {
            return;
        }
        self.draining = true;
        let mut unsent = Vec::new();
        for slot in 0..self.slots.len() as u16 {
            let Some(state) = self.slots.get(slot) else { continue };
            if matches!(&state.usage, Use::Taken(sending) if !sending.sent) {
                if let Use::Taken(sending) = self.slots.release(slot) {
                    unsent.push(sending.call);
                }
            }
            let Some(state) = self.slots.get_mut(slot) else { continue };
            if matches!(state.usage, Use::Free) && state.answered > 0 {
                state.ack_at = None;
                self.to_send.push_back(Outgo::Ack(slot, state.answered));
            }
        }
        for call in unsent.into_iter().rev() {
            self.waiting.push_front(call);
        }
        self.wake_by(now);
        self.leave_if_idle();
    }

    /// Nothing is owed any more to a server that is leaving.
    pub(super) fn leave_if_idle(&mut self) {
        if !self.has_sent_calls() {
            let acks =
                self.slots.iter().filter(|(_, s)| s.ack_at.is_some()).map(|(slot, s)| (slot, s.answered));
            let acks: Vec<_> = acks.collect();
            self.to_send.extend(acks.into_iter().map(|(slot, seq)| Outgo::Ack(slot, seq)));
            self.to_send.push_back(Outgo::Bye);
        }
    }

    /// Forgets the session: sent calls that are still open are unknown for ever, unsent ones wait for the next session.
    pub(super) fn forget_session(&mut self) {
        self.give_session_up(Doubt::SessionLost);
    }

    fn give_session_up(&mut self, doubt: Doubt) {
        self.session = None;
        let unsent = self.empty_slots(doubt);
        self.slots = Slots::default();
        self.all_dirty_since = None;
        for call in unsent.into_iter().rev() {
            self.waiting.push_front(call);
        }
    }

    /// After a resume: every call without an answer goes out again under its slot and number, every caller that has
    /// gone is cancelled again, every answer that came is acknowledged again.
    fn send_everything_again(&mut self, now: Time) {
        let first = self.config.limits.resend_first;
        for slot in 0..self.slots.len() as u16 {
            let Some(state) = self.slots.get_mut(slot) else { continue };
            match &mut state.usage {
                Use::Free if state.answered > 0 => {
                    state.ack_at = None;
                    self.to_send.push_back(Outgo::Ack(slot, state.answered));
                }
                Use::Free => {}
                Use::Taken(sending) => {
                    sending.pause = first;
                    sending.resend_at = Time::NEVER; // set when this copy has left
                    self.counters.resent += u64::from(sending.sent);
                    self.to_send.push_back(Outgo::Call(slot, state.last));
                }
                Use::Dirty(dirty) => {
                    dirty.pause = first;
                    dirty.cancel_at = now.plus(first);
                    self.to_send.push_back(Outgo::Cancel(slot, state.last));
                }
            }
        }
        self.wake_by(now.plus(first));
    }

    /// Notes which services differ.
    fn differing(
        &mut self,
        welcome: &Welcome,
        resumed: bool,
    ) -> Vec<(&'static str, Agreement, Option<Arc<Table>>)> {
        if resumed {
            return self.session.take().map(|session| session.differing).unwrap_or_default();
        }
        let mut differing = Vec::new();
        for (contract, agreement) in self.config.contracts.iter().zip(&welcome.agreements) {
            if *agreement != Agreement::Same {
                if !contract.is_unknown() {
                    tracing::warn!(
                        service = contract.service,
                        ?agreement,
                        "client and server were built from different traits"
                    );
                }
                differing.push((contract.service, *agreement, None));
            }
        }
        differing
    }

    /// Asks for the methods of services that differ, after each WELCOME and until they are here: question or answer may
    /// be lost with a connection.
    pub(super) fn ask_for_tables(&mut self) {
        let Some(session) = &self.session else { return };
        for (index, contract) in self.config.contracts.iter().enumerate() {
            let lacks = |(name, agreement, table): &(&str, Agreement, Option<Arc<Table>>)| {
                *name == contract.service && *agreement == Agreement::Differs && table.is_none()
            };
            if session.differing.iter().any(lacks) {
                self.to_send.push_back(Outgo::Methods(index));
            }
        }
    }
}
