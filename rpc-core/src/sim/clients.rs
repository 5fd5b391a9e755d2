//! The clients of a world: what a driver does for a client's protocol, with the agenda in place of sockets.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::agenda::Item;
use super::trace::describe;
use super::world::{ClientId, LinkId, World};
use crate::ids::Time;
use crate::proto::client::{ClientConfig, ClientCore, Event, Tag};
use crate::proto::{Outcome, Request};

/// A client and its connection.
#[derive(Debug)]
pub(super) struct ClientSide {
    pub(super) core: ClientCore,
    pub(super) link: Option<LinkId>,
    /// Which attempt to connect is the present one.
    pub(super) attempt: u64,
    out: Vec<u8>,
    writing: bool,
    events: VecDeque<(Time, Event)>,
}

impl ClientSide {
    /// When its timers want to be asked.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.core.poll_timeout()
    }
}

impl World {
    /// Adds a client; it connects when there is something to do.
    pub fn add_client(&mut self, config: ClientConfig) -> ClientId {
        let side = ClientSide {
            core: ClientCore::new(config),
            link: None,
            attempt: 0,
            out: Vec::new(),
            writing: false,
            events: VecDeque::new(),
        };
        self.clients.push(side);
        let client = self.clients.len() - 1;
        self.pump_client(client, self.now());
        client
    }

    /// The state machine of a client, to look at.
    pub fn client(&self, client: ClientId) -> Option<&ClientCore> {
        self.clients.get(client).map(|side| &side.core)
    }

    /// Starts a call.
    ///
    /// # Errors
    /// The outcome, when it is known without sending anything.
    pub fn start(&mut self, client: ClientId, tag: Tag, request: Request) -> Result<(), Outcome> {
        let now = self.now();
        let Some(side) = self.clients.get_mut(client) else { return Ok(()) };
        let started = side.core.start(tag, request, now);
        self.trace.note(now, &[5, client as u64, tag], || format!("client {client} starts {tag}"));
        self.pump_client(client, now);
        started
    }

    /// Gives a call up.
    pub fn abandon(&mut self, client: ClientId, tag: Tag) {
        self.with_client(client, 6, |core, now| core.abandon(tag, now));
    }

    /// Ends interest in an unknown call.
    pub fn forget(&mut self, client: ClientId, tag: Tag) {
        self.with_client(client, 7, |core, _| core.forget(tag));
    }

    /// Ends a client's session.
    pub fn close_client(&mut self, client: ClientId) {
        self.with_client(client, 8, |core, now| core.close(now));
    }

    /// A client's process ends without a word and another one begins in its place.
    pub fn crash_client(&mut self, client: ClientId, config: ClientConfig) {
        let now = self.now();
        self.trace.note(now, &[9, client as u64], || format!("client {client} crashes"));
        let Some(side) = self.clients.get_mut(client) else { return };
        side.core = ClientCore::new(config);
        side.out.clear();
        side.attempt += 1;
        side.events.clear();
        if let Some(link) = side.link.take() {
            let quiet = self.random.f64() < self.config.faults.half_open;
            self.client_closes(link, now);
            if quiet {
                self.break_link(link, now, true);
            }
        }
        self.pump_client(client, now);
    }

    /// What happened to a client's calls, and when; ask until there is nothing more.
    pub fn poll_event(&mut self, client: ClientId) -> Option<(Time, Event)> {
        self.clients.get_mut(client)?.events.pop_front()
    }

    fn with_client(&mut self, client: ClientId, what: u64, act: impl FnOnce(&mut ClientCore, Time)) {
        let now = self.now();
        let Some(side) = self.clients.get_mut(client) else { return };
        act(&mut side.core, now);
        self.trace.note(now, &[what, client as u64], || {
            let what = ["gives up a call", "forgets a call", "closes"].get(what as usize - 6);
            format!("client {client} {}", what.unwrap_or(&"acts"))
        });
        self.pump_client(client, now);
    }

    pub(super) fn client_timer(&mut self, client: ClientId, now: Time) {
        let Some(side) = self.clients.get_mut(client) else { return };
        if side.core.poll_timeout().is_some_and(|due| due <= now) {
            side.core.handle_timeout(now);
            self.pump_client(client, now);
        }
    }

    pub(super) fn client_connected(&mut self, client: ClientId, link: LinkId, now: Time) {
        let Some(side) = self.clients.get_mut(client) else { return };
        side.link = Some(link);
        side.out.clear();
        side.core.handle_connected(now);
        self.pump_client(client, now);
    }

    pub(super) fn client_not_connected(&mut self, client: ClientId, now: Time) {
        let Some(side) = self.clients.get_mut(client) else { return };
        side.core.handle_disconnected("the connection was refused", now);
        self.pump_client(client, now);
    }

    pub(super) fn client_lost(&mut self, client: ClientId, link: LinkId, why: &str, now: Time) {
        let Some(side) = self.clients.get_mut(client).filter(|side| side.link == Some(link)) else { return };
        side.link = None;
        side.out.clear();
        side.core.handle_disconnected(why, now);
        self.pump_client(client, now);
    }

    pub(super) fn client_reads(&mut self, client: ClientId, link: LinkId, bytes: Bytes, now: Time) {
        let Some(side) = self.clients.get_mut(client).filter(|side| side.link == Some(link)) else { return };
        side.core.handle_input(bytes, now);
        self.pump_client(client, now);
    }

    pub(super) fn client_writes(&mut self, client: ClientId, now: Time) {
        let Some(side) = self.clients.get_mut(client) else { return };
        side.writing = false;
        self.pump_client(client, now);
    }

    /// Does what the client asks for, until it asks for nothing more.
    fn pump_client(&mut self, client: ClientId, now: Time) {
        self.take_events(client, now);
        self.client_flush(client, now);
        let Some(side) = self.clients.get_mut(client) else { return };
        if side.core.wants_close() && side.out.is_empty() {
            side.attempt += 1; // an attempt that is still under way comes too late
            side.core.handle_disconnected("closed by this side", now);
            if let Some(link) = side.link.take() {
                self.client_closes(link, now);
            }
        }
        let Some(side) = self.clients.get_mut(client) else { return };
        if side.core.poll_connect(now) {
            side.attempt += 1;
            let attempt = side.attempt;
            let pause = Duration::from_micros(self.random.u64(50..2000));
            self.agenda.put(now.plus(pause), Item::Connect { client, attempt });
        }
        self.take_events(client, now);
    }

    fn take_events(&mut self, client: ClientId, now: Time) {
        let Some(side) = self.clients.get_mut(client) else { return };
        while let Some(event) = side.core.poll_event() {
            let (tag, known) = match &event {
                Event::Finished(tag, _) => (*tag, 0),
                Event::Resolved(tag, _) => (*tag, 1),
            };
            self.trace.note(now, &[10, client as u64, tag, known], || format!("client {client}: {event:?}"));
            side.events.push_back((now, event));
        }
    }

    /// Writes what is to be written: all of it, or a part and the rest a little later.
    fn client_flush(&mut self, client: ClientId, now: Time) {
        let short = self.config.faults.short_write;
        let Some(side) = self.clients.get_mut(client).filter(|side| !side.writing) else { return };
        let Some(link) = side.link else { return };
        let Some(found) = self.links.get_mut(&link) else { return };
        loop {
            if side.out.is_empty() {
                side.core.poll_transmit(&mut side.out, now);
                if side.out.is_empty() {
                    break;
                }
                self.trace.note(now, &[11, client as u64, side.out.len() as u64], || {
                    format!("client {client} writes {}", describe(&side.out))
                });
            }
            let mut count = side.out.len();
            if count > 1 && short > 0.0 && self.random.f64() < short {
                count = self.random.usize(1..count);
            }
            found.up.push(side.out.get(..count).unwrap_or_default(), now);
            side.out.drain(..count);
            if side.out.is_empty() {
                side.core.handle_flushed(now);
                continue;
            }
            side.writing = true;
            let pause = Duration::from_micros(self.random.u64(10..200_000));
            self.agenda.put(now.plus(pause), Item::ClientWrites(client));
            break;
        }
        self.note_arrival(link, true);
    }
}
