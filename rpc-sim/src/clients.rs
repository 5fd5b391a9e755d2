//! The clients of a world: what users of [`World`] ask of them, and what each consists of.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rpc_core::ids::{Seq, Slot, Time};
use rpc_core::limits::HEADER;
use rpc_core::proto::client::{ClientConfig, ClientCore, ClientCounters, Event, Tag, seeded_nonce};
use rpc_core::proto::{Outcome, Request};
use rpc_core::wire::frame::Kind;

use crate::agenda::Item;
use crate::clocks::LocalClock;
use crate::observer::Happening;
use crate::world::{ClientId, LinkId, World};

/// Names one session's state machine of a client; the serial number tells it from the client's earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SideId {
    pub(super) client: ClientId,
    pub(super) serial: u64,
}

/// One session's state machine of a client, and its connection.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) id: SideId,
    pub(super) core: ClientCore,
    pub(super) link: Option<LinkId>,
    /// The number of the present attempt to connect.
    pub(super) attempt: u64,
    pub(super) out: Vec<u8>,
    pub(super) writing: bool,
    /// Since when there is no connection, if one was wanted all the time since.
    pub(super) without: Option<Time>,
    /// True if the server has answered on the present connection.
    pub(super) good: bool,
    /// The last connection that opened a session, and all that was written on it.
    pub(super) opening: Option<(LinkId, Vec<u8>)>,
}

impl Side {
    pub(super) fn new(id: SideId, config: ClientConfig) -> Self {
        let core = ClientCore::with_nonces(config, seeded_nonce);
        let (out, without, opening) = (Vec::new(), None, None);
        Side { id, core, link: None, attempt: 0, out, writing: false, without, good: false, opening }
    }

    /// Tells the state machine that the connection could not be made, or is gone. Returns true if the server could not be reached:
    /// it has not answered on this connection, or on two without a reply between them.
    pub(super) fn lose(&mut self, why: &str, refused: bool, local: Time) -> bool {
        self.core.handle_disconnected(why, local);
        self.without = Some(local);
        if self.core.is_closed() || (std::mem::take(&mut self.good) && self.core.failed_attempts() <= 1) {
            return false;
        }
        match self.core.is_of_another_version() {
            true => self.core.handle_other_versions(local), // a client of the simulator has one address
            false => self.core.handle_round_failed(refused, local),
        }
        !self.core.is_forgotten()
    }

    /// Records what is written on a connection that opens a session, from its HELLO on.
    pub(super) fn record(&mut self, link: LinkId, count: usize) {
        let written = self.out.get(..count).unwrap_or_default();
        match &mut self.opening {
            Some((known, bytes)) if *known == link => bytes.extend_from_slice(written),
            opening if opens(&self.out) => *opening = Some((link, written.to_vec())),
            _ => {} // it resumes a session
        }
    }
}

/// Returns true if these bytes begin with a HELLO that opens a session.
fn opens(bytes: &[u8]) -> bool {
    let body = bytes.get(HEADER..).unwrap_or_default();
    let is_hello = bytes.get(4) == Some(&(Kind::Hello as u8));
    is_hello && body.get(RESUME_BYTE) == Some(&0)
}

/// The place of the resume byte in the body of a HELLO (W9).
const RESUME_BYTE: usize = 14;

/// A client: a process with a clock, and one session, or two while the older one only resolves itself.
#[derive(Debug)]
pub(super) struct ClientSide {
    pub(super) config: ClientConfig,
    pub(super) current: Side,
    /// A session that takes no new calls and lives until its last orphaned slot is answered.
    pub(super) retired: Option<Side>,
    pub(super) events: VecDeque<(Time, Event)>,
    pub(super) clock: LocalClock,
    /// The address from which its connections come.
    pub(super) peer: Option<SocketAddr>,
    /// Until when it stands still.
    pub(super) paused_until: Time,
    /// Until when it reads nothing.
    pub(super) deaf_until: Time,
    /// The pause after each read, before the next one.
    pub(super) read_pause: Duration,
    /// Counts of sessions that have ended.
    pub(super) earlier: ClientCounters,
    pub(super) seen: ClientSeen,
}

/// The facts that a world has seen of a client, for the rules about time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientSeen {
    /// Sessions that were left to resolve themselves.
    pub retired: u64,
    /// Of them, those that had all their answers and ended.
    pub resolved: u64,
    /// The longest time without a connection and without an attempt to make one, while one was wanted.
    pub longest_pause: Duration,
    /// Connections that were tried.
    pub attempts: u64,
    /// Times that the server could not be reached at its address, as seen by the session that takes new calls. That it does not
    /// know a session does not count.
    pub failed_rounds: u64,
}

/// A frame about a call that a client wrote; kept only if [`WorldConfig::watch`](super::WorldConfig::watch) says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The number of the client.
    pub client: ClientId,
    /// On which connection.
    pub link: LinkId,
    /// The time at which the frame was made, by the client's clock.
    pub made: Time,
    /// The time at which its batch was written, by the client's clock.
    pub left: Time,
    /// The kind of the frame.
    pub kind: Kind,
    /// The slot.
    pub slot: Slot,
    /// The number.
    pub seq: Seq,
}

impl ClientSide {
    /// The time of its next timer, in the world's time.
    pub(super) fn next_at(&self) -> Option<Time> {
        let retired = self.retired.as_ref().and_then(|side| side.core.poll_timeout());
        let due = self.current.core.poll_timeout().into_iter().chain(retired).min()?;
        Some(self.clock.world_time(due).max(self.paused_until))
    }

    /// The state machine of this name, if it still is.
    pub(super) fn side(&mut self, id: SideId) -> Option<&mut Side> {
        if self.current.id == id {
            return Some(&mut self.current);
        }
        self.retired.as_mut().filter(|side| side.id == id)
    }

    /// The names of its state machines, the older one first.
    pub(super) fn ids(&self) -> impl Iterator<Item = SideId> + use<> {
        self.retired.as_ref().map(|side| side.id).into_iter().chain([self.current.id])
    }
}

impl World {
    /// Adds a client; it connects when there is something to do.
    pub fn add_client(&mut self, config: ClientConfig) -> ClientId {
        self.add_client_from(config, None)
    }

    /// Adds a client whose connections come from an address.
    pub fn add_client_from(&mut self, config: ClientConfig, peer: Option<SocketAddr>) -> ClientId {
        let client = self.clients.len();
        self.next_side += 1;
        let id = SideId { client, serial: self.next_side };
        self.clients.push(ClientSide {
            current: Side::new(id, config.clone()),
            config,
            retired: None,
            events: VecDeque::new(),
            clock: LocalClock::default(),
            peer,
            paused_until: Time::default(),
            deaf_until: Time::default(),
            read_pause: Duration::ZERO,
            earlier: ClientCounters::default(),
            seen: ClientSeen::default(),
        });
        self.pump_client(id, self.now());
        client
    }

    /// The state machine of a client's current session, to look at.
    pub fn client(&self, client: ClientId) -> Option<&ClientCore> {
        self.clients.get(client).map(|side| &side.current.core)
    }

    /// The state machine of the session that only resolves itself, if the client has one.
    pub fn retired(&self, client: ClientId) -> Option<&ClientCore> {
        self.clients.get(client)?.retired.as_ref().map(|side| &side.core)
    }

    /// Returns a client's counters, over all its sessions since its process began.
    pub fn client_counters(&self, client: ClientId) -> ClientCounters {
        let Some(side) = self.clients.get(client) else { return ClientCounters::default() };
        let retired = side.retired.as_ref().map(|side| side.core.counters()).unwrap_or_default();
        side.earlier.plus(side.current.core.counters()).plus(retired)
    }

    /// Returns the facts that this world has seen of a client.
    pub fn client_seen(&self, client: ClientId) -> ClientSeen {
        self.clients.get(client).map(|side| side.seen).unwrap_or_default()
    }

    /// Returns the time of a client's clock.
    pub fn client_time(&self, client: ClientId) -> Time {
        self.clients.get(client).map_or(self.now(), |side| side.clock.at(self.now()))
    }

    /// The frames about calls that clients wrote since the last time.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Starts a call.
    ///
    /// # Errors
    /// The outcome, when it is known without sending anything.
    pub fn start(&mut self, client: ClientId, tag: Tag, request: Request) -> Result<(), Outcome> {
        let now = self.now();
        let Some(side) = self.clients.get_mut(client) else { return Ok(()) };
        let local = side.clock.at(now);
        self.observer.see(now, || Happening::Started { client, tag });
        let started = side.current.core.start(tag, request, local);
        let id = side.current.id;
        self.trace.note(now, &[5, client as u64, tag], || format!("client {client} starts {tag}"));
        self.pump_client(id, now);
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
        self.next_side += 1;
        let id = SideId { client, serial: self.next_side };
        let Some(side) = self.clients.get_mut(client) else { return };
        side.earlier = side.earlier.plus(side.current.core.counters().of_ended_session());
        let gone = std::mem::replace(&mut side.current, Side::new(id, config.clone()));
        let retired = side.retired.take();
        let of_retired = retired.as_ref().map(|side| side.core.counters()).unwrap_or_default();
        side.earlier = side.earlier.plus(of_retired.of_ended_session());
        side.config = config;
        side.events.clear();
        for link in retired.into_iter().chain([gone]).filter_map(|side| side.link) {
            let quiet = self.random.f64() < self.config.faults.half_open;
            self.client_closes(link, now);
            if quiet {
                self.break_link(link, now, true);
            }
        }
        self.pump_client(id, now);
    }

    /// A client stands still for so long, as a stopped process does; with `clock`, its clock stands still too.
    pub fn pause_client(&mut self, client: ClientId, duration: Duration, clock: bool) {
        let now = self.now();
        self.trace
            .note(now, &[21, client as u64], || format!("client {client} stands still for {duration:?}"));
        let timers_first = self.random.bool();
        let Some(side) = self.clients.get_mut(client) else { return };
        side.paused_until = side.paused_until.max(now.plus(duration));
        if clock {
            side.clock.stand_still(side.paused_until, now);
        }
        if timers_first {
            self.agenda.put(side.paused_until, Item::ClientWakes(client));
        }
    }

    /// A client's clock jumps forward, as after a suspension.
    pub fn jump_client(&mut self, client: ClientId, by: Duration) {
        let now = self.now();
        self.trace
            .note(now, &[22, client as u64], || format!("the clock of client {client} jumps by {by:?}"));
        if let Some(side) = self.clients.get_mut(client) {
            side.clock.jump(by, now);
        }
    }

    /// A client's clock moves so many microseconds in each second of the world from now on.
    pub fn set_client_rate(&mut self, client: ClientId, rate: u64) {
        let now = self.now();
        if let Some(side) = self.clients.get_mut(client) {
            side.clock.set_rate(rate, now);
        }
    }

    /// A client reads nothing for so long, and from then on waits for `pause` after each read.
    pub fn slow_client(&mut self, client: ClientId, deaf: Duration, pause: Duration) {
        let now = self.now();
        self.trace.note(now, &[23, client as u64], || format!("client {client} reads nothing for {deaf:?}"));
        if let Some(side) = self.clients.get_mut(client) {
            side.deaf_until = now.plus(deaf);
            side.read_pause = pause;
        }
    }

    /// Takes the next event of a client's calls, with its time by the client's own clock.
    pub fn poll_event(&mut self, client: ClientId) -> Option<(Time, Event)> {
        self.clients.get_mut(client)?.events.pop_front()
    }

    fn with_client(&mut self, client: ClientId, what: u64, mut act: impl FnMut(&mut ClientCore, Time)) {
        let now = self.now();
        let Some(side) = self.clients.get_mut(client) else { return };
        let local = side.clock.at(now);
        act(&mut side.current.core, local);
        if let Some(retired) = &mut side.retired {
            act(&mut retired.core, local);
        }
        let ids: Vec<_> = side.ids().collect();
        self.trace.note(now, &[what, client as u64], || {
            let what = ["gives up a call", "forgets a call", "closes"].get(what as usize - 6);
            format!("client {client} {}", what.unwrap_or(&"acts"))
        });
        for id in ids {
            self.pump_client(id, now);
        }
    }
}
