//! Floor 2: what leaves the client: frames are made when they are taken to be written, so that the time left is true and an unsent call can still be taken back.

use std::collections::BTreeSet;

use super::slot::Use;
use super::{ClientCore, Link, Outgo};
use crate::ids::{Seq, Slot, Time};
use crate::wire::frame::{self, Header, Kind};
use crate::wire::message::{self, Hello};

impl ClientCore {
    /// Appends what is to be written now to `out`, a batch at the most. Every call in it counts as sent from here on,
    /// whether the write succeeds or not.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>, now: Time) {
        if matches!(self.link, Link::Down(_) | Link::Connecting(_) | Link::Condemned) {
            return;
        }
        while out.len() < self.config.limits.write_batch {
            let Some(outgo) = self.to_send.pop_front() else { return };
            match outgo {
                Outgo::Call(slot, seq) => self.transmit_call(slot, seq, out, now),
                Outgo::Cancel(slot, seq) => {
                    let dirty = self
                        .slots
                        .get(slot)
                        .is_some_and(|s| matches!(s.usage, Use::Dirty(_)) && s.last == seq);
                    if dirty {
                        frame::append(out, &Header::for_call(Kind::Cancel, slot, seq), &[], true);
                    }
                }
                Outgo::Ack(slot, seq) => {
                    if self.slots.get(slot).is_some_and(|state| state.last == seq || state.answered == seq) {
                        frame::append(out, &Header::for_call(Kind::Ack, slot, seq), &[], true);
                    }
                }
                Outgo::Hello if self.link == Link::Up => {} // WELCOME came first, and a HELLO would be another one now (V14)
                Outgo::Hello => self.transmit_hello(out),
                Outgo::Ping => frame::append(out, &Header::new(Kind::Ping), &[], true),
                Outgo::Methods(index) => self.transmit_methods(index, out),
                Outgo::Bye => {
                    frame::append(out, &Header::new(Kind::Bye), &[], true);
                    self.link = Link::Condemned;
                    self.session = None;
                    let unsent = self.empty_slots(crate::proto::Doubt::Closed, now);
                    self.waiting.extend(unsent);
                    return;
                }
            }
        }
    }

    /// All that was transmitted has been written (or died with its connection): the times until copies begin.
    pub fn handle_flushed(&mut self, now: Time) {
        let mut earliest = Time::NEVER;
        for (slot, seq) in self.buffered.drain(..) {
            let Some(state) = self.slots.get_mut(slot).filter(|state| state.last == seq) else { continue };
            if let Use::Taken(sending) = &mut state.usage {
                sending.buffered = false;
                sending.resend_at = now.plus(sending.pause);
                earliest = earliest.min(sending.resend_at);
            }
        }
        self.wake_by(earliest);
    }

    /// Drops what would not be written any more, and what waits twice, if much waits: while the socket takes nothing,
    /// each call that comes and goes unsent leaves a frame behind, and each dirty slot a CANCEL at each of its times.
    pub(super) fn drop_stale_frames(&mut self) {
        if self.to_send.len() < 3 * self.slots.len() + 12 {
            return; // so that each frame is looked at a few times at the most
        }
        let slots = &self.slots;
        let mut seen = BTreeSet::new();
        self.to_send.retain(|outgo| {
            let counts = match *outgo {
                Outgo::Call(slot, seq) => {
                    slots.get(slot).is_some_and(|s| matches!(s.usage, Use::Taken(_)) && s.last == seq)
                }
                Outgo::Cancel(slot, seq) => {
                    slots.get(slot).is_some_and(|s| matches!(s.usage, Use::Dirty(_)) && s.last == seq)
                }
                Outgo::Ack(slot, seq) => slots.get(slot).is_some_and(|s| s.last == seq || s.answered == seq),
                Outgo::Hello | Outgo::Ping | Outgo::Methods(_) | Outgo::Bye => true,
            };
            counts && seen.insert(*outgo)
        });
    }

    fn transmit_call(&mut self, slot: Slot, seq: Seq, out: &mut Vec<u8>, now: Time) {
        let checksum = self.session.as_ref().is_none_or(super::session::SessionInfo::checksum);
        let Some(state) = self.slots.get_mut(slot).filter(|state| state.last == seq) else { return };
        let Use::Taken(sending) = &mut state.usage else { return };
        let left = sending.call.deadline.since(now).as_micros().div_ceil(1000); // never 0 while there is time
        if sending.buffered || left == 0 {
            return; // a copy is on its way already, or the deadline's timer is about to speak
        }
        let header = Header {
            method: sending.call.method.id,
            millis: u32::try_from(left).unwrap_or(u32::MAX),
            ..Header::for_call(Kind::Call, slot, seq)
        };
        let body = &sending.call.body;
        out.extend_from_slice(&header.encode(body.len(), if checksum { sending.call.body_crc } else { 0 }));
        out.extend_from_slice(body);
        sending.sent = true;
        sending.buffered = true;
        let earliest = now.plus(sending.pause); // its copy is due then, if all of it leaves at once
        self.buffered.push((slot, seq));
        self.wake_by(earliest);
    }

    fn transmit_hello(&self, out: &mut Vec<u8>) {
        let config = &self.config;
        let mut hello = Hello::new(config.limits.slots, config.features, &config.contracts);
        hello.resume = self.session.as_ref().map(|session| (session.id, session.token.0));
        frame::append(out, &Header::new(Kind::Hello), &hello.encode(), true);
    }

    fn transmit_methods(&self, index: usize, out: &mut Vec<u8>) {
        let checksum = self.session.as_ref().is_none_or(super::session::SessionInfo::checksum);
        if let Some(contract) = self.config.contracts.get(index) {
            frame::append(
                out,
                &Header::new(Kind::Methods),
                &message::encode_name(contract.service),
                checksum,
            );
        }
    }
}
