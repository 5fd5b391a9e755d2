//! The client's protocol from bytes: a hostile server's frames, calls that start and are given up, and time, in any order.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::contract::Contract;
use rpc_core::ids::{Incarnation, SessionId, Slot, Time, Token};
use rpc_core::proto::Request;
use rpc_core::proto::client::{ClientConfig, ClientCore};
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append, body_checksum};
use rpc_core::wire::message::{Agreement, FEATURE_NO_BODY_CHECKSUM, Hello, Table, VERSION, Welcome};

use super::input::Input;
use super::services::called::{BY_NAME, METHODS, OTHER, WORK, limits};
use super::steps::Steps;
use super::verdicts::Verdicts;

/// Calls that are open at a time at most: two slots' and a full queue's, and one that is refused.
const OPEN: usize = 8;
/// Time that passes in one step.
const PAUSES: [u64; 8] = [0, 1, 100, 700, 1_500, 5_001, 10_000, 31_000];
/// Until when a call's caller waits.
const WITHIN: [u64; 4] = [1, 500, 5_000, 30_000];
/// Rounds after which timers must have come to rest: a round may give a call a slot, whose deadline is the next.
const ROUNDS: usize = 12;
/// Slots that a server grants.
const GRANTED: [Slot; 8] = [2, 1, 2, 3, 65, 0, 1024, 1025];

struct Run<'a> {
    input: Input<'a>,
    core: ClientCore,
    verdicts: Verdicts,
    now: Time,
    /// The frames that the server has read on the connection that stands.
    connection: Option<FrameDecoder>,
    connecting: bool,
    /// A WELCOME, or what might be one, was delivered on this connection.
    welcomed: bool,
    /// The last HELLO that the client said.
    hello: Option<Hello>,
    granted: Slot,
    checksum: bool,
    /// The last calls that left, for the server to reply to.
    calls: Vec<Header>,
}

/// An input is a byte of flags and a list of steps, each a byte and what it needs.
///
/// # Panics
/// Panics if the client panics, its audit fails, a call gets no verdict in time or two, a verdict that is false, or if what
/// it sends is no frame, or has no place at that point of the conversation.
pub fn client(data: &[u8]) {
    Run::new(Input::new(data)).run();
}

impl<'a> Steps<'a> for Run<'a> {
    fn input(&mut self) -> &mut Input<'a> {
        &mut self.input
    }

    fn step(&mut self) {
        match self.input.below(32) {
            0..5 => self.start(),
            5..8 => self.connect(),
            8..12 => self.transmit(),
            12..15 => self.welcome(),
            15..21 => self.reply(),
            21 | 22 => self.other_frame(),
            23 => self.raw(),
            24..27 => self.pass(),
            27 => self.give_up(),
            28 => self.lose(),
            29 => self.core.handle_flushed(self.now),
            30 => self.table(),
            _ => self.seldom(),
        }
    }

    /// Does what the driver of a client does after each step, and checks the rules.
    fn check(&mut self) {
        self.take_events();
        if self.core.wants_close() {
            self.connection = None;
            self.connecting = false;
            self.core.handle_disconnected("closed", self.now);
            self.take_events();
        }
        if let Err(broken) = self.core.audit() {
            panic!("{broken}");
        }
    }

    /// Lets every deadline pass, and closes the client: no call is left without its verdict.
    fn end(mut self) {
        self.now = self.now.plus(Duration::from_millis(WITHIN[3]));
        self.timers();
        self.check();
        self.core.close(self.now);
        self.check();
        self.verdicts.all_ended();
        let left = (self.core.in_flight(), self.core.orphaned_slots(), self.core.owes());
        assert_eq!(left, (0, 0, false), "V18: calls, orphaned slots, and true if a driver is needed");
    }
}

impl<'a> Run<'a> {
    fn new(mut input: Input<'a>) -> Self {
        let flags = input.u8();
        let contracts: &[&'static Contract] = if flags & 1 == 0 { &[&WORK] } else { &[&WORK, &BY_NAME] };
        let features = u32::from(flags >> 1 & 1);
        let config = ClientConfig {
            limits: limits(),
            contracts: contracts.to_vec(),
            features,
            seed: u64::from(flags),
        };
        Run {
            input,
            core: ClientCore::new(config),
            verdicts: Verdicts::default(),
            now: Time(1_000_000),
            connection: None,
            connecting: false,
            welcomed: false,
            hello: None,
            granted: 2,
            checksum: true,
            calls: Vec::new(),
        }
    }

    fn start(&mut self) {
        let flags = self.input.u8();
        if self.verdicts.open() >= OPEN {
            return;
        }
        let tag = self.verdicts.next_tag();
        let mut body = tag.to_le_bytes().to_vec();
        body.resize(8 + usize::from(flags >> 6) * 90, 0);
        let method = &METHODS[usize::from(flags & 1)];
        let within = Duration::from_millis(WITHIN[usize::from(flags >> 4 & 3)]);
        let request = Request {
            method,
            body_crc: body_checksum(&body, true),
            body,
            metadata: 0,
            within,
            repeat: method.idempotent && flags & 2 != 0,
            retry: flags & 4 != 0,
            fail_fast: flags & 8 != 0,
        };
        let taken = self.core.start(tag, request, self.now).is_ok();
        self.verdicts.started(self.now.plus(within), taken);
    }

    fn connect(&mut self) {
        let succeeds = self.input.u8() & 7 != 7;
        self.connecting |= self.core.poll_connect(self.now);
        if !self.connecting {
            return;
        }
        self.connecting = false;
        if succeeds {
            let mut decoder = FrameDecoder::default();
            decoder.agree(4096, false, false);
            self.connection = Some(decoder);
            self.welcomed = false;
            self.checksum = true;
            self.calls.clear();
            self.core.handle_connected(self.now);
            self.transmit_all();
        } else {
            self.core.handle_disconnected("refused", self.now);
            self.core.handle_round_failed(false, self.now);
        }
    }

    fn transmit(&mut self) {
        let flush = self.input.u8() & 3 != 3;
        self.transmit_all();
        if flush {
            self.core.handle_flushed(self.now);
        }
    }

    fn transmit_all(&mut self) {
        let mut out = Vec::new();
        self.core.poll_transmit(&mut out, self.now);
        let Some(decoder) = &mut self.connection else {
            assert!(out.is_empty(), "bytes for a connection that is not there");
            return;
        };
        decoder.push(out.into());
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame().expect("what the client sends is frames") {
            frames.push(frame);
        }
        for frame in frames {
            self.leaves(&frame);
        }
    }

    /// A frame of the client has a place at this point of the conversation.
    fn leaves(&mut self, frame: &Frame) {
        let header = frame.header;
        match header.kind {
            Kind::Hello => {
                let hello = Hello::decode(&frame.body).expect("the client's HELLO");
                self.hello = Some(hello);
            }
            _ if !self.welcomed => panic!("W8: {:?} before WELCOME", header.kind),
            Kind::Call => {
                let tag = Input::new(&frame.body).u64();
                self.verdicts.sent(self.core.counters().sessions, header.slot, header.seq, tag, self.now);
                assert!(header.millis > 0, "a call without time left");
                let crc = body_checksum(&frame.body, true);
                assert!(frame.body_crc == crc || frame.body_crc == 0, "a wrong checksum");
                self.calls.push(header);
            }
            Kind::Cancel | Kind::Ack => assert!(header.seq > 0, "{header:?} of no call"),
            Kind::Ping | Kind::Methods | Kind::Bye => {}
            other => panic!("W8: {other:?} from a client"),
        }
    }

    /// A WELCOME: mostly one that fits, else any.
    fn welcome(&mut self) {
        let flags = self.input.u8();
        let resume = self.hello.as_ref().and_then(|hello| hello.resume);
        let count = self.hello.as_ref().map_or(1, |hello| hello.services.len());
        let agreement = [Agreement::Same, Agreement::Differs, Agreement::Missing, Agreement::Same];
        let mut welcome = Welcome {
            version: VERSION,
            features: u32::from(flags & 1),
            incarnation: Incarnation(u128::from(flags >> 1 & 1)),
            session: resume.map_or(SessionId(u128::from(flags)), |(id, _)| id),
            token: Token([flags; 32]),
            slots: GRANTED[usize::from(flags >> 5)],
            max_frame: 180,
            lease_ms: 60_000,
            resumed: resume.is_some(),
            agreements: vec![agreement[usize::from(flags >> 2 & 3)]; count],
        };
        if welcome.resumed {
            welcome.slots = self.granted;
        }
        if flags & 0x10 != 0 {
            let hostile = self.input.u8();
            welcome.resumed ^= hostile & 1 != 0;
            welcome.session.0 ^= u128::from(hostile >> 1 & 1);
            welcome.slots = GRANTED[usize::from(hostile >> 2 & 7)];
            welcome.agreements.resize(usize::from(hostile >> 5 & 3), Agreement::Same);
        }
        if !welcome.resumed {
            self.granted = welcome.slots;
        }
        let first = !self.welcomed;
        self.send(&Header::new(Kind::Welcome), &welcome.encode(), true);
        if first {
            self.checksum = welcome.features & FEATURE_NO_BODY_CHECKSUM == 0;
        }
    }

    /// A REPLY: to a call that left, or to any number.
    fn reply(&mut self) {
        const CODES: [u8; 16] = [0, 0, 0, 0, 1, 2, 3, 3, 16, 17, 18, 18, 19, 20, 22, 255];
        let (which, how) = (self.input.u8(), self.input.u8());
        let mut header = Header::for_call(Kind::Reply, u16::from(which & 3), u64::from(which >> 2 & 15));
        let chosen = usize::from(which & 0x3f).checked_rem(self.calls.len());
        if let Some(call) = chosen.and_then(|at| self.calls.get(at)).filter(|_| which & 0xc0 != 0xc0) {
            header = Header { kind: Kind::Reply, ..*call };
        }
        header.code = CODES[usize::from(how & 15)];
        header.millis = [0, 50, 2_000, u32::MAX][usize::from(how >> 4 & 3)];
        let body = [7; 300];
        let length = [0, 20, 60, 300][usize::from(how >> 6)];
        self.send(&header, &body[..length], self.checksum);
    }

    fn other_frame(&mut self) {
        const OTHERS: [Kind; 10] = [
            Kind::GoAway,
            Kind::SessionLost,
            Kind::Busy,
            Kind::Reject,
            Kind::Pong,
            Kind::Ping,
            Kind::Hello,
            Kind::Bye,
            Kind::Methods,
            Kind::Cancel,
        ];
        let chosen = usize::from(self.input.below(OTHERS.len() as u8));
        let body = match chosen {
            1 => [3; 16].to_vec(),
            3 | 6 | 8 => self.input.bytes(40).to_vec(),
            _ => Vec::new(),
        };
        let header = Header { millis: u32::from(self.input.u8()) * 40, ..Header::new(OTHERS[chosen]) };
        self.send(&header, &body, self.checksum);
    }

    fn table(&mut self) {
        let flags = self.input.u8();
        let mut table = Table::of(if flags & 1 == 0 { &WORK } else { &OTHER });
        if flags & 2 != 0 {
            table.service = self.input.text(8);
        }
        self.send(&Header::new(Kind::Table), &table.encode(0), self.checksum);
    }

    fn send(&mut self, header: &Header, body: &[u8], checksum: bool) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, checksum);
        if header.kind == Kind::Reply {
            self.verdicts.may_be_done |= header.code == 0;
            self.verdicts.may_be_refused |= header.code >= 16;
        }
        self.welcomed |= header.kind == Kind::Welcome;
        self.deliver(&bytes);
    }

    fn raw(&mut self) {
        let bytes = self.input.bytes(160);
        self.verdicts.may_be_done = true;
        self.verdicts.may_be_refused = true;
        self.welcomed = true;
        self.deliver(bytes);
    }

    /// Hands bytes in, in two parts: the length of the first is the next byte of the input.
    fn deliver(&mut self, bytes: &[u8]) {
        if self.connection.is_none() {
            return;
        }
        let parts = self.input.cut(bytes);
        for part in parts {
            if !part.is_empty() {
                self.core.handle_input(Bytes::copy_from_slice(part), self.now);
            }
        }
    }

    fn pass(&mut self) {
        let pause = PAUSES[usize::from(self.input.u8() & 7)];
        self.now = self.now.plus(Duration::from_millis(pause));
        self.timers();
    }

    /// Timers come to rest, and no call is late then.
    fn timers(&mut self) {
        for _ in 0..ROUNDS {
            self.core.handle_timeout(self.now);
            self.take_events();
            self.transmit_all(); // as a driver does in each turn
            if self.core.poll_timeout().is_none_or(|at| at > self.now) {
                return self.verdicts.none_is_late(self.now);
            }
        }
        panic!("a timer is due again and again");
    }

    fn give_up(&mut self) {
        let which = self.input.u8();
        let Some(tag) = u64::from(which >> 1).checked_rem(self.verdicts.next_tag()) else { return };
        if which & 1 == 0 {
            self.core.abandon(tag, self.now);
            self.verdicts.abandoned(tag);
        } else {
            self.core.forget(tag);
            self.verdicts.forgotten(tag);
        }
    }

    fn lose(&mut self) {
        if self.connection.take().is_some() {
            self.core.handle_disconnected("lost", self.now);
        }
    }

    fn seldom(&mut self) {
        match self.input.below(8) {
            0 => self.core.close(self.now),
            1 => {
                self.core.abandon_session(self.now);
                self.connection = None;
                self.connecting = false;
            }
            _ => {}
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.core.poll_event() {
            self.verdicts.event(event);
        }
    }
}
