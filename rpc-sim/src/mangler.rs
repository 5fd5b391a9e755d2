//! One direction of one connection: cuts what is written into frames, and decides what becomes of each.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rpc_core::ids::Time;
use rpc_core::limits::HEADER;

use crate::faults::{Faults, FaultsSeen};
use queue::Queue;

pub use queue::Fate;
pub(crate) use queue::{Entry, News};

mod queue;

/// A claimed frame longer than this is no frame: from there on bytes are passed as they come.
const LONGEST: usize = 8 << 20;

/// The bytes or the end that arrive at the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Bytes, in any pieces.
    Bytes(Bytes),
    /// The end: the connection was cut, or its writer closed it.
    End,
}

/// Takes what one side writes, and gives what the other side reads, and when.
///
/// It believes the length prefix of a frame and nothing else in it. What does not look like frames is passed through.
#[derive(Debug)]
pub struct Mangler {
    faults: Faults,
    random: fastrand::Rng,
    partial: BytesMut, // the beginning of a frame that is not whole
    raw: bool,
    pub(crate) queue: Queue,
    /// No frame that keeps its place is delivered before this.
    in_order: Time,
    tail: Option<(Time, Bytes)>, // the second part of a split read
    ended: bool,
    queued: usize,
    seen: FaultsSeen,
}

impl Mangler {
    /// A direction with these faults; two with the same seed and input do the same.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Mangler {
            faults,
            random: fastrand::Rng::with_seed(seed),
            partial: BytesMut::new(),
            raw: false,
            queue: Queue::default(),
            in_order: Time::default(),
            tail: None,
            ended: false,
            queued: 0,
            seen: FaultsSeen::default(),
        }
    }

    /// Other faults from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Takes bytes that were written at `now`.
    pub fn push(&mut self, bytes: &[u8], now: Time) {
        if self.ended {
            return;
        }
        self.partial.extend_from_slice(bytes);
        while !self.raw && !self.ended {
            let Some(prefix) = self.partial.first_chunk::<4>() else { return };
            let total = 4 + u32::from_le_bytes(*prefix) as usize;
            if !(HEADER..=LONGEST).contains(&total) {
                self.raw = true;
            } else if self.partial.len() < total {
                return;
            } else {
                let frame = self.partial.split_to(total).freeze();
                self.decide(frame, now);
            }
        }
        if self.raw && !self.ended {
            let rest = self.partial.split().freeze();
            let at = self.place(Duration::ZERO, now);
            self.put(at, now, rest, None);
        }
    }

    /// The writer closes: what was written still arrives, then the end.
    pub fn end(&mut self, now: Time) {
        if !self.ended {
            self.ended = true;
            let at = self.place(Duration::ZERO, now);
            if !self.partial.is_empty() {
                let rest = self.partial.split().freeze();
                self.put(at, now, rest, None);
            }
            self.queue.put(at, now, Delivery::End, None);
        }
    }

    /// Nothing more comes out: the connection is broken, and what was on its way is lost.
    pub fn kill(&mut self) {
        self.clear();
        self.tail = None;
    }

    /// Returns the time of the next arrival.
    pub fn next_at(&self) -> Option<Time> {
        let first = self.queue.first().map(|(at, _)| at);
        self.tail.as_ref().map(|(at, _)| *at).or(first)
    }

    /// Takes the next arrival that is due by `now`, in order.
    pub fn pop(&mut self, now: Time) -> Option<Delivery> {
        if let Some((at, _)) = &self.tail {
            if *at > now {
                return None;
            }
            let (_, tail) = self.tail.take()?;
            self.queued -= tail.len();
            return Some(Delivery::Bytes(tail));
        }
        let mut bytes = match self.queue.pop_due(now)? {
            Delivery::End => {
                self.clear();
                return Some(Delivery::End);
            }
            Delivery::Bytes(bytes) => bytes,
        };
        while self.chance(self.faults.split) && self.next_is_bytes(now) {
            let Some(Delivery::Bytes(more)) = self.queue.pop_due(now) else { break };
            bytes = [bytes, more].concat().into();
        }
        if bytes.len() > 1 && self.chance(self.faults.split) {
            let cut = self.random.usize(1..bytes.len());
            let tail = bytes.split_off(cut);
            self.tail = Some((now.plus(Duration::from_micros(self.random.u64(1..3000))), tail));
        }
        self.queued -= bytes.len();
        Some(Delivery::Bytes(bytes))
    }

    /// Bytes that were written and have not come out.
    pub fn queued(&self) -> usize {
        self.queued + self.partial.len()
    }

    /// Bytes of whole frames on their way. The beginning of a frame that is not whole does not count: it would wait for
    /// its rest, and its rest for room.
    pub fn on_their_way(&self) -> usize {
        self.queued
    }

    /// Returns the faults made so far.
    pub fn seen(&self) -> FaultsSeen {
        self.seen
    }

    fn decide(&mut self, frame: Bytes, now: Time) {
        let faults = self.faults.clone();
        if self.chance(faults.cut) {
            return self.cut(frame, now);
        }
        if self.chance(faults.drop) {
            self.seen.dropped += 1;
            return self.queue.swallowed(now, &Delivery::Bytes(frame));
        }
        let frame = if self.chance(faults.corrupt) { self.corrupted(&frame) } else { frame };
        self.seen.forwarded += 1;
        let mut copy = None; // the first of the two to be put on its way counts as the original
        if self.chance(faults.duplicate) {
            self.seen.duplicated += 1;
            self.seen.forwarded += 1;
            let at = now.plus(faults.delay.0).plus(self.lateness());
            copy = self.put(at, now, frame.clone(), None);
        }
        if self.chance(faults.reorder) {
            self.seen.reordered += 1;
            let at = now.plus(faults.delay.0).plus(self.lateness());
            self.put(at, now, frame, copy);
            return;
        }
        let extra = if self.chance(faults.stall) {
            self.seen.delayed += 1;
            self.lateness()
        } else {
            Duration::ZERO
        };
        let at = self.place(extra, now);
        self.put(at, now, frame, copy);
    }

    fn cut(&mut self, mut frame: Bytes, now: Time) {
        self.seen.cut += 1;
        self.ended = true;
        let at = self.place(Duration::ZERO, now);
        if self.random.bool() {
            let part = self.random.usize(1..frame.len());
            frame.truncate(part);
            self.put(at, now, frame, None);
        }
        self.queue.put(at, now, Delivery::End, None);
    }

    fn corrupted(&mut self, frame: &[u8]) -> Bytes {
        self.seen.corrupted += 1;
        let mut bytes = frame.to_vec();
        let at = self.random.usize(0..bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << self.random.u32(0..8);
        }
        bytes.into()
    }

    /// Returns the time at which a frame that keeps its place arrives.
    fn place(&mut self, extra: Duration, now: Time) -> Time {
        let (shortest, longest) = self.faults.delay;
        let spread = longest.saturating_sub(shortest).as_micros() as u64;
        let delay = shortest + Duration::from_micros(self.random.u64(0..=spread));
        self.in_order = self.in_order.max(now.plus(delay).plus(extra));
        self.in_order
    }

    fn lateness(&mut self) -> Duration {
        Duration::from_micros(self.random.u64(0..=self.faults.late.as_micros() as u64))
    }

    /// Puts bytes on their way, and returns their number.
    fn put(&mut self, at: Time, now: Time, bytes: Bytes, copy_of: Option<u64>) -> Option<u64> {
        if bytes.is_empty() {
            return None;
        }
        self.queued += bytes.len();
        Some(self.queue.put(at, now, Delivery::Bytes(bytes), copy_of))
    }

    /// Does with one frame what was decided. Returns true if there is such a frame, and the fate is for it.
    pub(crate) fn decide_for(&mut self, number: u64, fate: Fate, now: Time) -> bool {
        let Some(more) = self.queue.decide(number, fate, now) else { return false };
        self.queued = self.queued.saturating_add_signed(more);
        true
    }

    fn next_is_bytes(&self, now: Time) -> bool {
        let first = self.queue.first();
        first.is_some_and(|(at, what)| at <= now && matches!(what, Delivery::Bytes(_)))
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.partial.advance(self.partial.len());
        self.queued = 0;
        self.ended = true;
    }

    fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.random.f64() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_core::wire::frame::{Header, Kind, append};

    fn frames(count: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for seq in 1..=count {
            append(&mut bytes, &Header::for_call(Kind::Call, 0, seq), &[7; 9], true);
        }
        bytes
    }

    fn run(faults: Faults, seed: u64, input: &[u8]) -> (Vec<u8>, FaultsSeen, bool) {
        let mut mangler = Mangler::new(faults, seed);
        for (index, part) in input.chunks(17).enumerate() {
            mangler.push(part, Time(index as u64));
        }
        let (mut out, mut ended) = (Vec::new(), false);
        while let Some(at) = mangler.next_at() {
            while let Some(delivery) = mangler.pop(at) {
                match delivery {
                    Delivery::Bytes(bytes) => out.extend_from_slice(&bytes),
                    Delivery::End => ended = true,
                }
            }
        }
        (out, mangler.seen(), ended)
    }

    #[test]
    fn without_faults_every_byte_arrives_in_order_whatever_the_pieces() {
        let input = frames(50);
        assert_eq!(run(Faults::none().split(0.7), 3, &input).0, input);
    }

    #[test]
    fn what_is_no_frame_is_passed_through() {
        let input = b"GET / HTTP/1.1\r\n\r\n".repeat(20);
        assert_eq!(run(Faults::bad().cut(0.0), 3, &input).0, input);
    }

    #[test]
    fn the_same_seed_does_the_same_and_another_does_not() {
        let input = frames(200);
        assert_eq!(run(Faults::bad(), 5, &input), run(Faults::bad(), 5, &input));
        assert_ne!(run(Faults::bad(), 5, &input).0, run(Faults::bad(), 6, &input).0);
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let input = frames(200);
        let only = |faults: Faults| run(faults, 9, &input);
        assert!(only(Faults::none().drop(0.3)).0.len() < input.len());
        assert!(only(Faults::none().duplicate(0.3)).0.len() > input.len());
        let (reordered, seen, _) = only(Faults::none().reorder(0.3));
        assert!(seen.reordered > 0 && reordered.len() == input.len() && reordered != input);
        let (cut, seen, ended) = only(Faults::none().cut(0.05));
        assert!(seen.cut == 1 && ended && input.starts_with(&cut) && cut.len() < input.len());
    }
}
