//! The connections of a world: two directions each, what arrives over them, and how they end.

use std::net::SocketAddr;
use std::time::Duration;

use rpc_core::ids::{Clock, Time};
use rpc_core::wire::frame::{FrameDecoder, Kind};
use rpc_core::wire::reject::RejectCode;

use crate::agenda::Item;
use crate::clients::SideId;
use crate::faults::Faults;
use crate::mangler::{Delivery, Mangler};
use crate::observer::Happening;
use crate::server::Place;
use crate::trace::describe;
use crate::world::{ClientId, LinkId, World};

/// A connection: two directions, and the sides that still hold its ends.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Option<SideId>, // none: bytes of a test, not a client
    pub(super) client_open: bool,
    /// The loop and the id of the connection on the server.
    pub(super) place: Option<Place>,
    /// It is on its way from one loop of the server to another.
    pub(super) moving: bool,
    /// The server has more to write than there is room for on the way.
    pub(super) blocked: bool,
    /// The network has broken it, and one side may not know that yet.
    broken: bool,
    /// The address from which it comes.
    pub(super) peer: Option<SocketAddr>,
    pub(super) up: Mangler,
    pub(super) down: Mangler,
    pub(super) received: Vec<u8>, // by a test
    /// The time of the next arrival at each end that is on the agenda: one item each, or they would multiply.
    up_at: Time,
    down_at: Time,
    watch: FrameDecoder, // what the server really wrote
}

impl World {
    /// Connects without a client, for tests that write their own bytes; no faults on the way. `None`: no server.
    pub fn raw_connect(&mut self, peer: Option<SocketAddr>) -> Option<LinkId> {
        self.server.as_ref()?;
        Some(self.make_link(None, peer, Faults::none()))
    }

    /// Writes bytes on a connection made by [`World::raw_connect`]. `false`: the server has closed it.
    pub fn raw_send(&mut self, link: LinkId, bytes: &[u8]) -> bool {
        let now = self.now();
        let Some(found) = self.links.get_mut(&link).filter(|found| found.place.is_some() || found.moving)
        else {
            return false;
        };
        found.up.push(bytes, now);
        self.note_arrival(link, true);
        true
    }

    /// Plays the last connection with which a client opened a session again, from its first byte, as a network might.
    /// `None`: there is no server, or no such connection.
    pub fn replay(&mut self, client: ClientId) -> Option<LinkId> {
        let owner = self.clients.get(client)?;
        let (peer, bytes) = (owner.peer, owner.current.opening.as_ref()?.1.clone());
        let link = self.raw_connect(peer)?;
        self.raw_send(link, &bytes);
        Some(link)
    }

    /// Takes what has arrived on a connection made by [`World::raw_connect`].
    pub fn raw_received(&mut self, link: LinkId) -> Vec<u8> {
        self.links.get_mut(&link).map(|link| std::mem::take(&mut link.received)).unwrap_or_default()
    }

    /// Closes a connection made by [`World::raw_connect`].
    pub fn raw_close(&mut self, link: LinkId) {
        let now = self.now();
        self.client_closes(link, now);
    }

    pub(super) fn make_link(
        &mut self,
        client: Option<SideId>,
        peer: Option<SocketAddr>,
        faults: Faults,
    ) -> LinkId {
        self.next_link += 1;
        let link = self.next_link;
        let place = self.accept(link, peer);
        let mut watch = FrameDecoder::default();
        watch.agree(usize::MAX / 64, false, false);
        let mut up = Mangler::new(faults.clone(), self.random.u64(..));
        let mut down = Mangler::new(faults, self.random.u64(..));
        if self.is_observed() {
            up.queue.observe();
            down.queue.observe();
        }
        let received = Vec::new();
        let (client_open, moving, blocked, broken) = (true, false, false, false);
        let (up_at, down_at) = (Time::NEVER, Time::NEVER);
        let made = Link {
            client,
            client_open,
            place,
            moving,
            blocked,
            broken,
            peer,
            up,
            down,
            received,
            up_at,
            down_at,
            watch,
        };
        self.links.insert(link, made);
        link
    }

    pub(super) fn arrives_at_server(&mut self, link: LinkId, now: Time) {
        let local = self.server_time();
        let Some(found) = self.links.get_mut(&link) else { return };
        let (Some(place), Some(server)) = (found.place, self.server.as_mut()) else { return };
        let Some(core) = server.core(place) else { return };
        if !core.wants_read(place.conn) && !core.wants_close(place.conn) {
            self.seen_by_server.unread += 1;
            return self.put_arrival(link, true, now.plus(Duration::from_millis(20)));
        }
        let arrived = found.up.pop(now);
        self.see_frames(link, true);
        match arrived {
            Some(Delivery::Bytes(bytes)) => {
                let hash = u64::from(crc32c::crc32c(&bytes));
                self.trace
                    .note(now, &[2, link, hash], || format!("link {link} to server: {}", describe(&bytes)));
                if let Some(core) = self.server.as_mut().and_then(|server| server.core(place)) {
                    core.handle_input(place.conn, bytes, local);
                }
                self.pump_server(now);
            }
            Some(Delivery::End) => self.link_ends(link, now),
            None => {}
        }
        self.note_arrival(link, true);
    }

    pub(super) fn arrives_at_client(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        if std::mem::take(&mut found.blocked) {
            self.agenda.put(now, Item::ServerWrites(link)); // there is room again
        }
        let (arrived, client, client_open) = (found.down.pop(now), found.client, found.client_open);
        self.see_frames(link, false);
        match arrived {
            Some(Delivery::Bytes(bytes)) => {
                let hash = u64::from(crc32c::crc32c(&bytes));
                self.trace
                    .note(now, &[3, link, hash], || format!("link {link} to client: {}", describe(&bytes)));
                match client.filter(|_| client_open) {
                    Some(side) => {
                        self.client_reads(side, link, bytes, now);
                        self.rest_after_reading(side, now);
                    }
                    None => {
                        if let Some(found) = self.links.get_mut(&link) {
                            found.received.extend_from_slice(&bytes);
                        }
                    }
                }
            }
            Some(Delivery::End) => self.link_ends(link, now),
            None => {}
        }
        self.note_arrival(link, false);
    }

    /// A slow client reads on only after a while.
    fn rest_after_reading(&mut self, side: SideId, now: Time) {
        if let Some(owner) = self.clients.get_mut(side.client).filter(|owner| !owner.read_pause.is_zero()) {
            owner.deaf_until = owner.deaf_until.max(now.plus(owner.read_pause));
        }
    }

    /// Puts the next arrival of a direction on the agenda.
    pub(super) fn note_arrival(&mut self, link: LinkId, to_server: bool) {
        self.see_frames(link, to_server);
        let Some(found) = self.links.get(&link) else { return };
        let next = if to_server { found.up.next_at() } else { found.down.next_at() };
        if let Some(at) = next {
            self.put_arrival(link, to_server, at.max(self.clock.now()));
        }
    }

    /// Puts an arrival on the agenda, unless there is one before it.
    pub(super) fn put_arrival(&mut self, link: LinkId, to_server: bool, at: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        let (known, item) = match to_server {
            true => (&mut found.up_at, Item::ToServer(link)),
            false => (&mut found.down_at, Item::ToClient(link)),
        };
        if at < *known {
            *known = at;
            self.agenda.put(at, item);
        }
    }

    /// Returns true if this arrival is the one that is awaited, and not one that an earlier one has replaced.
    pub(super) fn is_due(&mut self, link: LinkId, to_server: bool, now: Time) -> bool {
        let Some(found) = self.links.get_mut(&link) else { return false };
        let known = if to_server { &mut found.up_at } else { &mut found.down_at };
        let due = *known <= now;
        if due {
            *known = Time::NEVER;
        }
        due
    }

    /// The bytes that the server has written, before the network changes them.
    pub(super) fn watch(&mut self, link: LinkId, bytes: &[u8]) {
        let Some(found) = self.links.get_mut(&link).filter(|found| found.client.is_some()) else { return };
        found.watch.push(bytes::Bytes::copy_from_slice(bytes));
        while let Ok(Some(frame)) = found.watch.next_frame() {
            // On a connection that is broken the rest of a frame never arrives: that is the network's fault.
            if frame.header.kind == Kind::Reject && !found.broken {
                // These two blame the pace and not the bytes; a flood is judged by the server's counter.
                match RejectCode::from_wire(frame.header.code) {
                    RejectCode::Flood => {}
                    RejectCode::TooSlow => self.slow_rejects += 1,
                    _ => self.rejects += 1,
                }
            }
        }
    }

    /// The end of one direction has arrived: both sides lose the connection, unless they hold it no longer.
    fn link_ends(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get(&link) else { return };
        let closed_by_peer = !found.client_open || (found.place.is_none() && !found.moving);
        let half_open = !closed_by_peer && self.random.f64() < self.config.faults.half_open;
        self.break_link(link, now, half_open);
    }

    /// Breaks a connection; with `half_open`, one of the sides does not notice for a while.
    pub(super) fn break_link(&mut self, link: LinkId, now: Time, half_open: bool) {
        let Some(found) = self.links.get_mut(&link) else { return };
        found.broken = true;
        found.up.kill();
        found.down.kill();
        self.trace.note(now, &[4, link, u64::from(half_open)], || format!("link {link} breaks"));
        self.see_frames(link, true);
        self.see_frames(link, false);
        self.observer.see(now, || Happening::Broken { link });
        let (mut server_at, mut client_at) = (now, now);
        if half_open {
            let long = Duration::from_millis(self.random.u64(10..60_000));
            let side = if self.random.bool() { &mut server_at } else { &mut client_at };
            *side = now.plus(long);
        }
        self.agenda.put(server_at, Item::ServerLoses(link));
        self.agenda.put(client_at, Item::ClientLoses(link));
    }

    pub(super) fn server_loses(&mut self, link: LinkId, now: Time) {
        let local = self.server_time();
        let Some(found) = self.links.get_mut(&link) else { return };
        if std::mem::take(&mut found.moving) {
            self.server.iter_mut().for_each(|server| drop(server.moving.remove(&link)));
        }
        if let Some(place) = found.place.take() {
            if let Some(server) = &mut self.server {
                if let Some(core) = server.core(place) {
                    core.handle_closed(place.conn, local);
                }
                server.forget(place, local);
            }
            self.pump_server(now);
        }
        self.tidy(link);
    }

    pub(super) fn client_loses(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link).filter(|found| found.client_open) else {
            return self.tidy(link);
        };
        found.client_open = false;
        let client = found.client;
        self.tidy(link);
        if let Some(client) = client {
            self.client_lost(client, link, "the connection was cut", now);
        }
    }

    /// A client closes its end: what it wrote still arrives.
    pub(super) fn client_closes(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        found.client_open = false;
        found.up.end(now);
        self.note_arrival(link, true);
        self.tidy(link);
    }

    /// Forgets a connection that neither side holds.
    pub(super) fn tidy(&mut self, link: LinkId) {
        let gone = |found: &Link| !found.client_open && found.place.is_none() && !found.moving;
        if self.links.get(&link).is_some_and(gone) {
            self.see_lost(link);
            if let Some(gone) = self.links.remove(&link) {
                self.seen = self.seen.plus(gone.up.seen()).plus(gone.down.seen());
            }
        }
    }
}
