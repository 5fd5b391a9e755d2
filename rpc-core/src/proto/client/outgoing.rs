//! Layer 2: frames that the client is to send. Their bytes are made when they are taken to be written, so that the time left
//! is right and a call that was not sent can still be taken back.

use std::collections::{BTreeSet, VecDeque};

use super::ClientConfig;
use super::session::Session;
use super::slot::Use;
use super::slots::Slots;
use crate::ids::{Nonce, Seq, Slot, Time};
use crate::limits::{STALE_PER_SLOT, STALE_SPARE};
use crate::wire::frame::{self, Header, Kind};
use crate::wire::message::{self, Hello};

/// A frame that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OutgoingFrame {
    /// HELLO, for a new session or for the present one.
    Hello,
    /// The call in this slot, if it still has this number.
    Call(Slot, Seq),
    /// CANCEL for the orphaned call in this slot, if it still has this number.
    Cancel(Slot, Seq),
    /// ACK of this reply, if it is still the last one of its slot.
    Ack(Slot, Seq),
    /// PING.
    Ping,
    /// METHODS for the service with this index.
    Methods(usize),
    /// METHODS for the names of all services.
    Services,
    /// BYE: the last frame of a session.
    Bye,
}

impl OutgoingFrame {
    /// Returns true if the frame would still be sent.
    fn is_current(&self, slots: &Slots) -> bool {
        let (slot, seq) = match *self {
            OutgoingFrame::Call(slot, seq)
            | OutgoingFrame::Cancel(slot, seq)
            | OutgoingFrame::Ack(slot, seq) => (slot, seq),
            OutgoingFrame::Hello
            | OutgoingFrame::Ping
            | OutgoingFrame::Methods(_)
            | OutgoingFrame::Services
            | OutgoingFrame::Bye => return true,
        };
        let Some(state) = slots.get(slot) else { return false };
        match self {
            OutgoingFrame::Call(..) => matches!(state.usage, Use::InFlight(_)) && state.last == seq,
            OutgoingFrame::Cancel(..) => matches!(state.usage, Use::Orphaned(_)) && state.last == seq,
            // An ACK of a reply is worth sending until a later call of the slot says the same.
            _ => state.last == seq || state.replied == seq,
        }
    }
}

/// Frames that are to be sent, and calls whose bytes may still be in the buffer of the connection.
///
/// Invariants: after `drop_stale`, `frames.len() < STALE_PER_SLOT * slots + STALE_SPARE`, or each frame is there once.
/// `buffered` names a call at most once, since the mark of that name on the call prevents a second time.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    /// The frames, in their order.
    pub(super) frames: VecDeque<OutgoingFrame>,
    /// The calls that were given to be written and not yet written.
    pub(super) buffered: Vec<(Slot, Seq)>,
}

/// The parts of the client that a frame is made from.
pub(super) struct Source<'a> {
    /// The services and the features.
    pub(super) config: &'a ClientConfig,
    /// The session.
    pub(super) session: Option<&'a Session>,
    /// The nonce of a session that is to be opened.
    pub(super) nonce: Option<Nonce>,
    /// The calls.
    pub(super) slots: &'a mut Slots,
}

impl Outgoing {
    /// Returns true if no frame is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns the number of frames.
    #[cfg(feature = "__inspection")]
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns the number of calls whose bytes may still be in the buffer.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.buffered.len()
    }

    /// Appends a frame.
    pub(super) fn push(&mut self, frame: OutgoingFrame) {
        self.frames.push_back(frame);
    }

    /// Appends a call.
    pub(super) fn push_call(&mut self, slot: Slot, seq: Seq, slots: &Slots) {
        self.frames.push_back(OutgoingFrame::Call(slot, seq));
        self.drop_stale(slots);
    }

    /// Drops frames that are out of date or there twice, if there are many.
    ///
    /// While the socket takes no bytes, each call that ends unsent leaves a frame behind, and each orphaned slot a CANCEL at
    /// each of its times. The bound lets each frame be looked at a few times at most.
    #[inline] // once for each call
    pub(super) fn drop_stale(&mut self, slots: &Slots) {
        if self.frames.len() >= STALE_PER_SLOT * slots.len() + STALE_SPARE {
            self.drop_all_stale(slots);
        }
    }

    #[cold]
    fn drop_all_stale(&mut self, slots: &Slots) {
        // Both tests are needed: a CANCEL that is current may be there a hundred times.
        let mut seen = BTreeSet::new();
        self.frames.retain(|frame| frame.is_current(slots) && seen.insert(*frame));
    }

    /// Replaces all frames by one.
    pub(super) fn replace(&mut self, frame: OutgoingFrame) {
        self.frames.clear();
        self.frames.push_back(frame);
    }

    /// Drops all frames: their connection is gone.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    /// Takes the next frame.
    pub(super) fn pop(&mut self) -> Option<OutgoingFrame> {
        self.frames.pop_front()
    }

    /// Takes the calls that have left the buffer, or were lost with it.
    pub(super) fn take_buffered(&mut self) -> impl Iterator<Item = (Slot, Seq)> {
        self.buffered.drain(..)
    }

    /// Appends the bytes of a call. It counts as sent from here on. Returns the time of its first retransmission;
    /// [`Time::NEVER`] if nothing was appended.
    pub(super) fn append_call(
        &mut self,
        slot: Slot,
        seq: Seq,
        source: Source<'_>,
        out: &mut Vec<u8>,
        now: Time,
    ) -> Time {
        let checksum = source.session.is_none_or(Session::has_checksums);
        let Some(in_flight) = source.slots.in_flight(slot, seq) else { return Time::NEVER };
        let left = in_flight.call.deadline.0.saturating_sub(now.0).div_ceil(1000); // never 0 while there is time
        // A time left of 0 would say 'late' to the server, which would refuse a call whose deadline is ours to judge.
        if in_flight.buffered || left == 0 {
            return Time::NEVER; // one is in the buffer already, or the timer of the deadline is about to fire
        }
        let call = &in_flight.call;
        let (code, body, crc) = match call.metadata {
            0 => (0, &call.body[..], call.body_crc),
            _ => call.with_metadata(source.session.is_some_and(Session::knows_metadata)),
        };
        let header = Header {
            code,
            method: call.method.id,
            millis: u32::try_from(left).unwrap_or(u32::MAX),
            ..Header::for_call(Kind::Call, slot, seq)
        };
        out.extend_from_slice(&header.encode(body.len(), if checksum { crc } else { 0 }));
        out.extend_from_slice(body);
        // Set with the bytes and never later: V7 hangs on it. From here on only the server can say 'not executed'.
        in_flight.sent = true;
        in_flight.buffered = true;
        self.buffered.push((slot, seq));
        in_flight.again.due_if_sent(now)
    }
}

/// Appends the bytes of a control frame, unless it is out of date.
pub(super) fn append_control(frame: OutgoingFrame, source: Source<'_>, out: &mut Vec<u8>) {
    if !frame.is_current(source.slots) {
        return;
    }
    match frame {
        OutgoingFrame::Cancel(slot, seq) => {
            frame::append(out, &Header::for_call(Kind::Cancel, slot, seq), &[], true);
        }
        OutgoingFrame::Ack(slot, seq) => {
            frame::append(out, &Header::for_call(Kind::Ack, slot, seq), &[], true);
        }
        OutgoingFrame::Hello => {
            let config = source.config;
            let mut hello = Hello::new(config.limits.slots, config.features, &config.contracts);
            hello.resume = source.session.map(|session| (session.id, session.token.0));
            hello.nonce = source.nonce.filter(|_| hello.resume.is_none());
            frame::append(out, &Header::new(Kind::Hello), &hello.encode(), true);
        }
        OutgoingFrame::Methods(index) => {
            if let Some(contract) = source.config.contracts.get(index) {
                append_methods(contract.service, &source, out);
            }
        }
        OutgoingFrame::Services => append_methods("", &source, out),
        OutgoingFrame::Ping => frame::append(out, &Header::new(Kind::Ping), &[], true),
        OutgoingFrame::Bye => frame::append(out, &Header::new(Kind::Bye), &[], true),
        OutgoingFrame::Call(..) => {} // `append_call` makes it
    }
}

/// Appends METHODS: the only control frame with a body after WELCOME, since HELLO goes before the terms.
fn append_methods(service: &str, source: &Source<'_>, out: &mut Vec<u8>) {
    let checksum = source.session.is_none_or(Session::has_checksums);
    frame::append(out, &Header::new(Kind::Methods), &message::encode_name(service), checksum);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::OutgoingFrame::{Ack, Call, Cancel, Hello, Methods};
    use super::*;
    use crate::proto::client::call;
    use crate::proto::tests::{PLAIN, request};

    const LONG: Duration = Duration::from_secs(100);

    /// Slot 0 carries its second call, slot 1 is orphaned by its first one.
    fn slots() -> Slots {
        let mut slots = Slots::new(2);
        let take = |slots: &mut Slots, tag| {
            let call = call::Call::new(tag, request(PLAIN, b"", LONG), Time(0));
            slots.take(call, LONG).map_err(|_| "no slot is free").expect("a slot is free")
        };
        assert_eq!([take(&mut slots, 1), take(&mut slots, 2)], [(0, 1), (1, 1)]);
        for slot in [0, 1] {
            slots.in_flight(slot, 1).expect("a call").sent = true;
        }
        assert_eq!(slots.accept_reply(0, 1), Ok(true));
        slots.release(0);
        assert_eq!(take(&mut slots, 3), (0, 2));
        slots.orphan(1, None, LONG, Time(0)).expect("it was sent");
        slots
    }

    #[test]
    fn a_frame_about_a_call_is_sent_only_while_it_is_about_the_state_of_its_slot() {
        let slots = slots();
        for frame in [Call(0, 2), Cancel(1, 1), Ack(0, 1), Ack(0, 2), Hello, Methods(0)] {
            assert!(frame.is_current(&slots), "{frame:?}");
        }
        for frame in [Call(0, 1), Call(1, 1), Call(7, 1), Cancel(0, 2), Cancel(1, 2), Ack(0, 3), Ack(1, 2)] {
            assert!(!frame.is_current(&slots), "{frame:?}");
        }
    }

    #[test]
    fn frames_that_are_out_of_date_or_there_twice_are_dropped_once_there_are_many() {
        let (slots, many) = (slots(), 3 * 2 + 12);
        assert_eq!(many, STALE_PER_SLOT * 2 + STALE_SPARE);
        let mut outgoing = Outgoing::default();
        [Call(0, 2), Call(0, 2), Cancel(1, 1)].into_iter().for_each(|frame| outgoing.push(frame));
        while outgoing.frames.len() < many - 1 {
            outgoing.push(Call(0, 1));
        }
        outgoing.drop_stale(&slots);
        assert_eq!(outgoing.frames.len(), many - 1, "not yet");
        #[cfg(feature = "__inspection")]
        assert_eq!(outgoing.len(), many - 1);
        outgoing.push(Ack(0, 1));
        outgoing.drop_stale(&slots);
        assert_eq!(outgoing.frames, [Call(0, 2), Cancel(1, 1), Ack(0, 1)]);
    }
}
