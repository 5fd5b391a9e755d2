//! The client's rules, one test each: its state machine, virtual time, and a server whose frames the test writes.

mod acks;
mod backoff;
mod broken;
#[cfg(feature = "__inspection")]
mod canonical;
mod deadlines;
mod drained;
mod fail_fast;
mod greeting;
mod journal;
mod metadata;
mod nonces;
mod pings;
mod repeats;
mod retransmissions;
mod retries;
mod second;
mod sent;
mod slots;
mod tables;
mod types;
mod verdicts;

use std::time::Duration;

use super::{ClientConfig, ClientCore, Event, Tag};
use crate::contract::Contract;
use crate::error::Reason;
use crate::ids::{Incarnation, Seq, SessionId, Slot, Time, Token};
use crate::limits::ClientLimits;
use crate::proto::tests::{PLAIN, READ, WORK, decoded, encoded, request};
use crate::proto::{Outcome, Request, UnknownCause};
use crate::wire::frame::{Frame, Header, Kind};
use crate::wire::message::{Agreement, FEATURE_NO_BODY_CHECKSUM, Status, Welcome};

/// The time at which every test begins: the clock's origin, so that nothing has been earned yet.
pub(super) const START: Time = Time(0);
/// Timers that may be due at one instant before a test says that one is due for ever.
const MOST_TURNS: usize = 20_000;
/// A deadline that no test reaches.
pub(super) const LONG: Duration = Duration::from_secs(100_000);
/// Seeds that a rule about jitter is looked at with: enough for both ends of its range to be nearly met.
pub(super) const SEEDS: u64 = 200;

/// A client, its clock, and what its server grants.
pub(super) struct Bench {
    pub(super) core: ClientCore,
    pub(super) now: Time,
    pub(super) grants: Welcome,
}

/// Limits with so many slots, and without PINGs: what is tested is not the sign of life.
pub(super) fn quiet(slots: u16) -> ClientLimits {
    ClientLimits { slots, ping_after: LONG, ..ClientLimits::default() }
}

impl Bench {
    pub(super) fn new(limits: ClientLimits) -> Self {
        Bench::seeded(limits, 1)
    }

    pub(super) fn seeded(limits: ClientLimits, seed: u64) -> Self {
        Bench::of(limits, seed, vec![&WORK])
    }

    pub(super) fn of(limits: ClientLimits, seed: u64, contracts: Vec<&'static Contract>) -> Self {
        let grants = Welcome {
            version: 1,
            features: 0,
            incarnation: Incarnation(1),
            session: SessionId(5),
            token: Token([1; 32]),
            slots: limits.slots,
            max_frame: 1 << 20,
            lease_ms: 60_000,
            resumed: false,
            agreements: vec![Agreement::Same; contracts.len()],
        };
        let config = ClientConfig { limits, contracts, features: 0, seed };
        Bench { core: ClientCore::new(config), now: START, grants }
    }

    /// A client with these limits whose session stands.
    pub(super) fn up(limits: ClientLimits) -> Self {
        let mut bench = Bench::new(limits);
        bench.connect();
        bench.welcome(false);
        bench
    }

    /// A client with so many slots whose session stands, and that sends no PINGs.
    pub(super) fn with_slots(slots: u16) -> Self {
        Bench::up(quiet(slots))
    }

    /// Connects when the client wants to, and reads its HELLO.
    pub(super) fn connect(&mut self) {
        self.wait_until_it_connects();
        self.core.handle_connected(self.now);
        assert_eq!(kinds(&self.written()), [Kind::Hello]);
    }

    /// Lets time pass, by the client's own timers alone, until it wants to connect; gives how long that took.
    pub(super) fn wait_until_it_connects(&mut self) -> Duration {
        let begin = self.now;
        for _ in 0..MOST_TURNS {
            if self.core.poll_connect(self.now) {
                return self.now.since(begin);
            }
            let due = self.core.poll_timeout().expect("V16: it wakes to connect");
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
        }
        panic!("V16: it never connects");
    }

    pub(super) fn welcome(&mut self, resumed: bool) {
        let welcome = Welcome { resumed, ..self.grants.clone() };
        self.hears(&Header::new(Kind::Welcome), &welcome.encode());
    }

    pub(super) fn cut(&mut self) {
        self.core.handle_disconnected("cut", self.now);
    }

    /// The connection is lost, and the session resumed on the next one.
    pub(super) fn resume(&mut self) {
        self.cut();
        self.connect();
        self.welcome(true);
    }

    pub(super) fn hears(&mut self, header: &Header, body: &[u8]) {
        self.core.handle_input(encoded(header, body), self.now);
        self.check();
    }

    pub(super) fn hears_kind(&mut self, kind: Kind) {
        self.hears(&Header::new(kind), b"");
    }

    pub(super) fn reply(&mut self, slot: Slot, seq: Seq, status: Status, body: &[u8]) {
        self.hears(&reply(slot, seq, status), body);
    }

    pub(super) fn done(&mut self, slot: Slot, seq: Seq) {
        self.reply(slot, seq, Status::Done, b"r");
    }

    pub(super) fn busy(&mut self, slot: Slot, seq: Seq, after: u32) {
        let header = Header { millis: after, ..reply(slot, seq, Status::Refused(Reason::Busy)) };
        self.hears(&header, b"");
    }

    /// Takes the bytes that the client gives to be written now. The kernel has not taken them yet.
    pub(super) fn transmitted(&mut self) -> Vec<Frame> {
        let mut out = Vec::new();
        self.core.poll_transmit(&mut out, self.now);
        decoded(&out, self.grants.features & FEATURE_NO_BODY_CHECKSUM == 0)
    }

    /// Takes all bytes that the client writes now.
    pub(super) fn written(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while self.core.wants_transmit() {
            let more = self.transmitted();
            if more.is_empty() {
                break;
            }
            frames.extend(more);
        }
        self.core.handle_flushed(self.now);
        frames
    }

    pub(super) fn ask(&mut self, tag: Tag, request: Request) {
        self.core.start(tag, request, self.now).expect("started");
        self.check();
    }

    pub(super) fn start(&mut self, tag: Tag, within: Duration) {
        self.ask(tag, request(PLAIN, b"arguments", within));
    }

    /// Starts a call and writes it.
    pub(super) fn send(&mut self, tag: Tag, within: Duration) {
        self.start(tag, within);
        assert_eq!(kinds(&self.written()), [Kind::Call]);
    }

    /// Lets time pass, with each timer at its time; gives what was written, and when.
    pub(super) fn pass(&mut self, duration: Duration) -> Vec<(Time, Frame)> {
        let end = self.now.plus(duration);
        let mut frames: Vec<(Time, Frame)> = Vec::new();
        let mut turns = 0;
        while let Some(due) = self.core.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            let now = self.now;
            frames.extend(self.written().into_iter().map(|frame| (now, frame)));
            turns += 1;
            assert!(turns < MOST_TURNS, "a timer is due again and again: {:?}", self.core);
        }
        self.now = end;
        self.check();
        frames
    }

    /// Returns the times at which frames of this kind were written while time passes.
    pub(super) fn times_of(&mut self, kind: Kind, duration: Duration) -> Vec<Time> {
        let frames = self.pass(duration);
        frames.iter().filter(|(_, frame)| frame.header.kind == kind).map(|(at, _)| *at).collect()
    }

    /// The verdicts since the last look: the tag, true if the call was resolved later, the outcome.
    pub(super) fn events(&mut self) -> Vec<(Tag, bool, Outcome)> {
        let mut events = Vec::new();
        while let Some(event) = self.core.poll_event() {
            events.push(match event {
                Event::Finished(tag, outcome) => (tag, false, outcome),
                Event::Resolved(tag, outcome) => (tag, true, outcome),
            });
        }
        events
    }

    /// The one verdict since the last look.
    pub(super) fn verdict(&mut self) -> (Tag, Outcome) {
        match self.events().as_slice() {
            [(tag, false, outcome)] => (*tag, outcome.clone()),
            other => panic!("not one verdict: {other:?}"),
        }
    }

    pub(super) fn check(&self) {
        #[cfg(feature = "__inspection")]
        self.core.audit().expect("the audit holds");
    }
}

pub(super) fn reply(slot: Slot, seq: Seq, status: Status) -> Header {
    Header { code: status.code(), ..Header::for_call(Kind::Reply, slot, seq) }
}

pub(super) fn kinds(frames: &[Frame]) -> Vec<Kind> {
    frames.iter().map(|frame| frame.header.kind).collect()
}

/// Kind, slot and number of each frame.
pub(super) fn names(frames: &[Frame]) -> Vec<(Kind, Slot, Seq)> {
    frames.iter().map(|frame| (frame.header.kind, frame.header.slot, frame.header.seq)).collect()
}

pub(super) fn done() -> Outcome {
    Outcome::Done(bytes::Bytes::from_static(b"r"))
}

pub(super) fn unknown(cause: UnknownCause) -> Outcome {
    Outcome::Unknown(cause)
}

/// The reason of an outcome 'not executed'.
pub(super) fn reason(outcome: &Outcome) -> Option<Reason> {
    match outcome {
        Outcome::NotExecuted(reason, _) => Some(*reason),
        _ => None,
    }
}

/// A frame of plausible length whose header was changed on the way.
pub(super) fn garbled() -> bytes::Bytes {
    let mut bytes = encoded(&Header::new(Kind::Pong), b"").to_vec();
    bytes[9] ^= 1;
    bytes.into()
}

/// A call that is tried again when the server is busy.
pub(super) fn retrying(within: Duration) -> Request {
    Request { retry: true, ..request(PLAIN, b"arguments", within) }
}

/// A call of an idempotent method that is repeated.
pub(super) fn repeating(within: Duration) -> Request {
    Request { repeat: true, ..request(READ, b"arguments", within) }
}
