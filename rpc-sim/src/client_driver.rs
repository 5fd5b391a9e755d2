//! Drives a client's state machines, with the agenda in place of sockets.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::ids::Time;
use rpc_core::proto::client::{ClientConfig, Event};
use rpc_core::wire::frame::Kind;

use crate::agenda::Item;
use crate::clients::{Sent, Side, SideId};
use crate::observer::Happening;
use crate::trace::{describe, next_head};
use crate::world::{ClientId, LinkId, World};

impl World {
    pub(super) fn client_timer(&mut self, client: ClientId, now: Time) {
        let Some(side) = self.clients.get_mut(client).filter(|side| side.paused_until <= now) else { return };
        let local = side.clock.at(now);
        let ids: Vec<_> = side.ids().collect();
        for id in ids {
            let Some(side) = self.clients.get_mut(client).and_then(|side| side.side(id)) else { continue };
            if side.core.poll_timeout().is_some_and(|due| due <= local) {
                side.core.handle_timeout(local);
                self.pump_client(id, now);
            }
        }
    }

    pub(super) fn client_connected(&mut self, id: SideId, link: LinkId, now: Time) {
        self.with_side(id, now, |side, local| {
            side.link = Some(link);
            side.out.clear();
            side.core.handle_connected(local);
        });
    }

    pub(super) fn client_not_connected(&mut self, id: SideId, now: Time) {
        let mut failed = false;
        self.with_side(id, now, |side, local| {
            // Also if the server lives and a device on the way has refused: no verdict may depend on the difference.
            failed = side.lose("the connection was refused", true, local);
        });
        self.note_failed_round(id, failed);
    }

    pub(super) fn client_lost(&mut self, id: SideId, link: LinkId, why: &str, now: Time) {
        let mut failed = false;
        self.with_side(id, now, |side, local| {
            if side.link == Some(link) {
                side.link = None;
                side.out.clear();
                failed = side.lose(why, false, local);
            }
        });
        self.note_failed_round(id, failed);
    }

    /// Notes that a client could not reach the server.
    fn note_failed_round(&mut self, id: SideId, failed: bool) {
        if let Some(client) = self.clients.get_mut(id.client).filter(|client| client.current.id == id) {
            client.seen.failed_rounds += u64::from(failed);
        }
    }

    pub(super) fn client_reads(&mut self, id: SideId, link: LinkId, bytes: Bytes, now: Time) {
        self.with_side(id, now, |side, local| {
            if side.link == Some(link) {
                side.core.handle_input(bytes, local);
                side.good |= side.core.is_ready();
            }
        });
    }

    pub(super) fn client_writes(&mut self, id: SideId, now: Time) {
        self.with_side(id, now, |side, _| side.writing = false);
    }

    /// Tells a state machine something, if it still is, and does what it asks for then.
    fn with_side(&mut self, id: SideId, now: Time, tell: impl FnOnce(&mut Side, Time)) {
        let Some(client) = self.clients.get_mut(id.client) else { return };
        let local = client.clock.at(now);
        let Some(side) = client.side(id) else { return };
        tell(side, local);
        self.pump_client(id, now);
    }

    /// Does what a state machine asks for, until it asks for nothing more.
    pub(super) fn pump_client(&mut self, id: SideId, now: Time) {
        let Some(client) = self.clients.get_mut(id.client).filter(|client| client.paused_until <= now) else {
            return; // it looks when it goes on: its timers are due, or something arrives
        };
        let local = client.clock.at(now);
        let resolves = client.current.id != id;
        let Some(side) = client.side(id) else { return };
        if resolves && side.core.orphaned_slots() == 0 {
            side.core.close(local); // every question is answered: BYE
        }
        self.take_events(id.client, now);
        self.client_flush(id, now);
        self.close_if_wanted(id, now);
        self.connect_if_wanted(id, now);
        self.take_events(id.client, now);
        if resolves {
            self.end_if_resolved(id, now);
        } else {
            self.retire_if_stuck(id.client, now);
        }
    }

    fn close_if_wanted(&mut self, id: SideId, now: Time) {
        let Some(client) = self.clients.get_mut(id.client) else { return };
        let local = client.clock.at(now);
        let Some(side) = client.side(id).filter(|side| side.core.wants_close() && side.out.is_empty()) else {
            return;
        };
        side.attempt += 1; // an attempt that is still under way comes too late
        let (failed, link) = (side.lose("closed by this side", false, local), side.link.take());
        self.note_failed_round(id, failed);
        if let Some(link) = link {
            self.client_closes(link, now);
        }
    }

    fn connect_if_wanted(&mut self, id: SideId, now: Time) {
        let Some(client) = self.clients.get_mut(id.client) else { return };
        let local = client.clock.at(now);
        let Some(side) = client.side(id) else { return };
        if !side.core.owes() {
            side.without = None; // nothing is wanted now: the time without a connection does not count
        }
        if side.core.poll_connect(local) {
            side.attempt += 1;
            let attempt = side.attempt;
            let pause = side.without.take().map_or(Duration::ZERO, |since| local.since(since));
            client.seen.longest_pause = client.seen.longest_pause.max(pause);
            client.seen.attempts += 1;
            let pause = Duration::from_micros(self.random.u64(50..2000));
            self.agenda.put(now.plus(pause), Item::Connect { side: id, attempt });
        }
    }

    /// Leaves a session whose slots are all orphaned to resolve itself, and lets another one take the calls, as the driver
    /// of a real connection does.
    fn retire_if_stuck(&mut self, client: ClientId, now: Time) {
        let Some(owner) = self.clients.get_mut(client) else { return };
        let local = owner.clock.at(now);
        if owner.retired.is_some() || !owner.current.core.is_stuck(local) {
            return;
        }
        self.next_side += 1;
        let id = SideId { client, serial: self.next_side };
        let config = ClientConfig { seed: local.0 ^ owner.config.seed, ..owner.config.clone() };
        let mut successor = Side::new(id, config);
        owner.current.core.move_waiting_to(&mut successor.core);
        let old = std::mem::replace(&mut owner.current, successor);
        let old_id = old.id;
        owner.retired = Some(old);
        owner.seen.retired += 1;
        self.trace.note(now, &[24, client as u64], || format!("client {client} opens a second session"));
        self.pump_client(id, now);
        self.pump_client(old_id, now);
    }

    /// Ends the session that only resolved itself, once every question is answered. Its BYE has left, or is lost.
    fn end_if_resolved(&mut self, id: SideId, now: Time) {
        let Some(owner) = self.clients.get_mut(id.client) else { return };
        let done = |side: &mut Side| side.id == id && side.core.orphaned_slots() == 0;
        let Some(gone) = owner.retired.take_if(done) else { return };
        owner.earlier = owner.earlier.plus(gone.core.counters().of_ended_session());
        owner.seen.resolved += 1;
        let client = id.client;
        self.trace.note(now, &[25, client as u64], || format!("client {client} ends its older session"));
        if let Some(link) = gone.link {
            self.client_closes(link, now);
        }
    }

    fn take_events(&mut self, client: ClientId, now: Time) {
        let Some(owner) = self.clients.get_mut(client) else { return };
        let local = owner.clock.at(now);
        for core in [Some(&mut owner.current), owner.retired.as_mut()].into_iter().flatten() {
            while let Some(event) = core.core.poll_event() {
                let (tag, known) = match &event {
                    Event::Finished(tag, _) => (*tag, 0),
                    Event::Resolved(tag, _) => (*tag, 1),
                };
                self.trace
                    .note(now, &[10, client as u64, tag, known], || format!("client {client}: {event:?}"));
                self.observer.see(now, || Happening::Verdict { client, event: event.clone() });
                owner.events.push_back((local, event));
            }
        }
    }

    /// Writes what is to be written: all of it, or a part and the rest a little later.
    fn client_flush(&mut self, id: SideId, now: Time) {
        let short = self.config.faults.short_write;
        let Some(owner) = self.clients.get_mut(id.client) else { return };
        let local = owner.clock.at(now);
        let Some(side) = owner.side(id).filter(|side| !side.writing) else { return };
        let Some(link) = side.link else { return };
        let Some(found) = self.links.get_mut(&link) else { return };
        loop {
            if side.out.is_empty() {
                side.core.poll_transmit(&mut side.out, local);
                if side.out.is_empty() {
                    break;
                }
                let client = id.client;
                self.trace.note(now, &[11, client as u64, side.out.len() as u64], || {
                    format!("client {client} writes {}", describe(&side.out))
                });
                if self.config.watch {
                    note_sent(&mut self.unsent, &side.out, id, link, local);
                }
            }
            let mut count = side.out.len();
            if count > 1 && short > 0.0 && self.random.f64() < short {
                count = self.random.usize(1..count);
            }
            found.up.push(side.out.get(..count).unwrap_or_default(), now);
            side.record(link, count);
            side.out.drain(..count);
            if side.out.is_empty() {
                side.core.handle_flushed(local);
                let sent = &mut self.sent;
                self.unsent.retain(|frame| {
                    if frame.link == link {
                        sent.push(Sent { left: local, ..*frame });
                    }
                    frame.link != link
                });
                continue;
            }
            side.writing = true;
            let pause = Duration::from_micros(self.random.u64(10..200_000));
            self.agenda.put(now.plus(pause), Item::ClientWrites(id));
            break;
        }
        self.note_arrival(link, true);
    }
}

/// Notes the frames about calls in a batch that was just made.
fn note_sent(unsent: &mut Vec<Sent>, mut batch: &[u8], id: SideId, link: LinkId, local: Time) {
    while let Some(head) = next_head(&mut batch) {
        if let Some(kind @ (Kind::Call | Kind::Cancel)) = head.kind {
            let (client, slot, seq) = (id.client, head.slot, head.seq);
            unsent.push(Sent { client, link, made: local, left: Time::NEVER, kind, slot, seq });
        }
    }
}
