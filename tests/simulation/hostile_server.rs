//! A server that does what it likes, against the client's state machine: no panic, one verdict for each call by its
//! deadline, and no 'not executed' that the server did not say of a call that was sent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::ids::{Incarnation, SessionId, Time, Token};
use rpc_core::limits::ClientLimits;
use rpc_core::proto::Outcome;
use rpc_core::proto::client::{ClientConfig, ClientCore, Event};
use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{Agreement, Table, Welcome};
use rpc_tests::ledger::{Does, served};

const STEPS: usize = 250;

struct Duel {
    random: fastrand::Rng,
    client: ClientCore,
    now: Time,
    seen: FrameDecoder, // what the client writes
    sent: HashSet<u64>,
    refused: HashSet<(u16, u64)>,
    names: HashMap<u64, (u16, u64)>,
    open: HashMap<u64, Time>,
    session: SessionId,
}

impl Duel {
    fn new(seed: u64) -> Self {
        let limits = ClientLimits { slots: 3, ..ClientLimits::default() };
        let config = ClientConfig { limits, contracts: vec![served()], features: 0, seed };
        Duel {
            random: fastrand::Rng::with_seed(seed),
            client: ClientCore::new(config),
            now: Time::default(),
            seen: decoder(),
            sent: HashSet::new(),
            refused: HashSet::new(),
            names: HashMap::new(),
            open: HashMap::new(),
            session: SessionId(7),
        }
    }

    fn step(&mut self, tag: u64) {
        match self.random.u8(0..10) {
            0..4 => self.start(tag),
            4 => {
                let duration = Duration::from_micros(self.random.u64(0..3_000_000));
                self.pass(duration);
            }
            5 if self.random.bool() => self.client.handle_disconnected("gone", self.now),
            _ => {
                let bytes = self.anything();
                self.client.handle_input(bytes.into(), self.now);
            }
        }
        self.drive();
    }

    fn start(&mut self, tag: u64) {
        let within = Duration::from_millis(self.random.u64(0..4000));
        self.open.insert(tag, self.now.plus(within));
        let does = if self.random.bool() { Does::Reply } else { Does::Fail };
        if let Err(outcome) = self.client.start(tag, does.request(tag, 0, 0, within), self.now) {
            self.hear(tag, &outcome);
        }
    }

    /// Lets time pass, with the timers on the way.
    fn pass(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        let mut turns = 0;
        while let Some(due) = self.client.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.drive();
            turns += 1;
            assert!(turns < 5000, "a timer is due again and again: {:?}", self.client);
        }
        self.now = end;
    }

    fn drive(&mut self) {
        if self.client.wants_close() {
            self.client.handle_disconnected("closed", self.now);
        }
        if self.client.poll_connect(self.now) {
            self.client.handle_connected(self.now);
            self.seen = decoder();
        }
        let mut out = Vec::new();
        self.client.poll_transmit(&mut out, self.now);
        self.client.handle_flushed(self.now);
        self.seen.push(Bytes::from(out));
        while let Some(frame) = self.seen.next_frame().expect("the client writes frames") {
            if frame.header.kind == Kind::Call {
                let tag = u64::from_le_bytes(frame.body[..8].try_into().expect("a tag"));
                self.sent.insert(tag);
                self.names.insert(tag, (frame.header.slot, frame.header.seq));
            }
        }
        while let Some(event) = self.client.poll_event() {
            if let Event::Finished(tag, outcome) = event {
                self.hear(tag, &outcome);
            }
        }
    }

    fn hear(&mut self, tag: u64, outcome: &Outcome) {
        let deadline = self.open.remove(&tag).expect("V11: one verdict for each call");
        assert!(self.now <= deadline.plus(Duration::from_millis(1)), "V11: call {tag} ended late");
        if matches!(outcome, Outcome::NotExecuted(..)) && self.sent.contains(&tag) {
            let said = self.names.get(&tag).is_some_and(|name| self.refused.contains(name));
            assert!(said, "V7: call {tag} was sent, and no server refused it: {outcome:?}");
        }
    }

    fn anything(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let slot = if self.random.u8(0..30) == 0 { self.random.u16(..) } else { self.random.u16(0..3) };
        let seq = if self.random.u8(0..30) == 0 { self.random.u64(..) } else { self.random.u64(0..5) };
        match self.random.u8(0..16) {
            0..6 => {
                let (_, welcome) = self.welcome();
                append(&mut bytes, &Header::new(Kind::Welcome), &welcome.encode(), true);
            }
            6..12 => {
                let code = [0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 27, 28, 255][self.random.usize(0..14)];
                if code >= 16 {
                    self.refused.insert((slot, seq));
                }
                let header = Header { code, millis: 5, ..Header::for_call(Kind::Reply, slot, seq) };
                append(&mut bytes, &header, &[7; 12], true);
            }
            12 => {
                let kinds = [Kind::GoAway, Kind::Pong, Kind::Busy, Kind::Reject, Kind::Hello, Kind::Call];
                let header = Header::new(kinds[self.random.usize(0..kinds.len())]);
                append(&mut bytes, &header, &[], true);
            }
            13 => append(&mut bytes, &Header::new(Kind::SessionLost), &[1; 16], true),
            14 => append(&mut bytes, &Header::new(Kind::Table), &Table::of(served()).encode(0), true),
            _ => {
                bytes.resize(self.random.usize(0..100), 0);
                self.random.fill(&mut bytes);
            }
        }
        if !bytes.is_empty() && self.random.u8(0..40) == 0 {
            let at = self.random.usize(0..bytes.len());
            bytes[at] ^= 1;
        }
        bytes
    }

    fn welcome(&mut self) -> (bool, Welcome) {
        let resumed = self.random.bool();
        if !resumed || self.random.u8(0..10) == 0 {
            self.session = SessionId(self.random.u128(0..4));
        }
        let welcome = Welcome {
            version: 1,
            features: self.random.u32(0..2),
            incarnation: Incarnation(1),
            session: self.session,
            token: Token([3; 32]),
            slots: if self.random.u8(0..10) == 0 { self.random.u16(..) } else { 3 },
            max_frame: if self.random.u8(0..10) == 0 { 3 } else { 8192 },
            lease_ms: 1000,
            resumed,
            agreements: vec![
                [Agreement::Same, Agreement::Same, Agreement::Differs, Agreement::Missing]
                    [self.random.usize(0..4)],
            ],
        };
        (resumed, welcome)
    }
}

fn decoder() -> FrameDecoder {
    let mut decoder = FrameDecoder::default();
    decoder.agree(1 << 20, false, false);
    decoder
}

#[test]
fn whatever_a_server_says_each_call_gets_one_verdict_in_time() {
    for seed in 0..3000 {
        let ran = std::panic::catch_unwind(|| {
            let mut duel = Duel::new(seed);
            duel.drive();
            for tag in 1..=STEPS as u64 {
                duel.step(tag);
            }
            duel.pass(Duration::from_secs(20));
            assert!(duel.open.is_empty(), "V11: no verdict for {:?}", duel.open);
        });
        assert!(ran.is_ok(), "seed {seed}");
    }
}
