//! The server's protocol from bytes: connections, frames, calls, replies and time in any order, audited after each step.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::contract::Contract;
use rpc_core::error::Reason;
use rpc_core::ids::{CallId, Incarnation, SessionId, Time};
use rpc_core::limits::{HEADER, MAX_DETAIL, ServerLimits};
use rpc_core::proto::server::{CallKey, ConnId, ServerConfig, ServerCore};
use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{FEATURE_NO_BODY_CHECKSUM, Hello, Status, Welcome, encode_name};

use super::input::Input;
use super::services::served::{DIRECTORY, METHODS, WORK, limits};
use super::steps::Steps;
use crate::auditor::Auditor;

/// Connections at a time: two for one session, and one more to be greeted.
const CONNECTIONS: usize = 3;
/// Longest reply that a handler gives: some are over `max_cached_reply`, some over the frame limit's half.
const LONGEST_REPLY: usize = 300;
/// Time that passes in one step: from a moment to a lease and a half.
const PAUSES: [u64; 8] = [0, 1, 20, 100, 1_000, 5_000, 31_000, 90_000];

/// A connection as its peer sees it.
#[derive(Debug)]
struct Line {
    conn: ConnId,
    decoder: FrameDecoder,
    /// The last HELLO that was sent, to be sent again.
    hello: Vec<u8>,
    /// True if bodies that are sent carry checksums.
    checksum: bool,
}

struct Run<'a> {
    input: Input<'a>,
    core: ServerCore,
    limits: ServerLimits,
    auditor: Auditor,
    now: Time,
    lines: Vec<Line>,
    running: Vec<CallKey>,
    /// Calls that were handed out: few, so that a list is quicker than a set.
    ran: Vec<CallId>,
    /// Sessions that were granted, with their tokens.
    granted: Vec<(SessionId, [u8; 32])>,
    at_most_once: bool,
}

/// An input is two bytes of flags and a list of steps, each a byte and what it needs.
///
/// # Panics
/// Panics if the server panics, its audit fails, a call runs twice, what it writes is no frame, or what it holds is over its
/// bounds.
pub fn server(data: &[u8]) {
    Run::new(Input::new(data)).run();
}

impl<'a> Steps<'a> for Run<'a> {
    fn input(&mut self) -> &mut Input<'a> {
        &mut self.input
    }

    fn step(&mut self) {
        match self.input.below(32) {
            0 | 1 => self.connect(),
            2..5 => self.hello(),
            5..12 => self.frame(Kind::Call),
            12 | 13 => self.frame(Kind::Cancel),
            14 | 15 => self.frame(Kind::Ack),
            16 => self.other_frame(),
            17 => self.raw(),
            18..22 => self.begin(),
            22..25 => self.finish(),
            25 | 26 => self.write(),
            27..29 => self.pass(),
            29 => self.lose(),
            30 => self.hello_again(),
            _ => self.drain(),
        }
    }

    /// Does what the driver of a server does after each step, and checks the rules.
    fn check(&mut self) {
        while let Some(handed_over) = self.core.poll_hand_over() {
            assert_eq!(handed_over.to_loop, 1, "a session of the other loop");
            self.remove(handed_over.conn);
        }
        while let Some(conn) = self.core.poll_ready() {
            if self.core.wants_close(conn) {
                self.remove(conn);
            }
        }
        if let Err(broken) = self.auditor.look_at_records(&self.core) {
            panic!("{broken}");
        }
        self.memory();
    }

    /// Ends all that runs, closes all connections, and lets the leases run out: nothing is left.
    fn end(mut self) {
        while let Some(key) = self.running.pop() {
            self.core.finish(key, Status::Done, &[1; 20], self.now);
            self.begin();
        }
        for at in (0..self.lines.len()).rev() {
            self.written(at, usize::MAX);
        }
        for at in (0..self.lines.len()).rev() {
            self.remove(self.lines[at].conn);
        }
        for _ in 0..4 {
            self.begin();
            while let Some(key) = self.running.pop() {
                self.core.finish(key, Status::Done, &[], self.now);
            }
            self.now = self.now.plus(self.limits.lease + Duration::from_secs(1));
            self.core.handle_timeout(self.now);
        }
        self.check();
        let counters = self.core.counters();
        let left =
            (counters.sessions, counters.kept_bytes, counters.records, counters.queued, counters.running);
        assert_eq!(left, (0, 0, 0, 0, 0), "V18: sessions, kept bytes, records, queued and running calls");
    }
}

impl<'a> Run<'a> {
    fn new(mut input: Input<'a>) -> Self {
        let flags = input.u8();
        let limits = limits(flags);
        let at_most_once = flags & 0x38 != 0x38;
        let config = ServerConfig {
            limits: limits.clone(),
            directory: DIRECTORY.clone(),
            incarnation: Incarnation(1),
            loop_number: 0,
            loops: if flags & 0xc0 == 0xc0 { 2 } else { 1 },
            at_most_once,
        };
        let mut drawn = 0_u8;
        let entropy = move || {
            drawn = drawn.wrapping_add(1);
            [drawn; 32]
        };
        Run {
            input,
            auditor: Auditor::new(limits.clone()),
            limits,
            core: ServerCore::new(config, Box::new(entropy)),
            now: Time(1_000_000),
            lines: Vec::new(),
            running: Vec::new(),
            ran: Vec::new(),
            granted: Vec::new(),
            at_most_once,
        }
    }

    fn line(&mut self) -> Option<usize> {
        if self.lines.is_empty() {
            self.connect();
        }
        let chosen = usize::from(self.input.u8());
        chosen.checked_rem(self.lines.len())
    }

    fn connect(&mut self) {
        if self.lines.len() < CONNECTIONS {
            let peer = ([127, 0, 0, self.lines.len() as u8], 1).into();
            let conn = self.core.handle_connected(Some(peer), self.now);
            let mut decoder = FrameDecoder::default();
            decoder.agree(self.limits.max_frame.max(LONGEST_REPLY), false, true);
            self.lines.push(Line { conn, decoder, hello: Vec::new(), checksum: true });
        }
    }

    /// A HELLO that is mostly sound: fresh, or to resume a session that was granted, with its token or another.
    fn hello(&mut self) {
        let Some(at) = self.line() else { return };
        let flags = self.input.u8();
        let contracts: &[&Contract] = if flags & 1 == 0 { &[&WORK] } else { &[] };
        let mut hello = Hello::new(u16::from(flags >> 1 & 7), u32::from(flags >> 4 & 1), contracts);
        if flags & 0xc0 == 0xc0 {
            hello.services.push(("Other".to_owned(), 7));
        } else if flags & 0x80 != 0 {
            let chosen = usize::from(self.input.u8());
            if let Some(session) = chosen.checked_rem(self.granted.len()).and_then(|at| self.granted.get(at))
            {
                hello.resume = Some(*session);
            }
        } else if flags & 0x40 != 0 {
            hello.resume = Some((SessionId(u128::from(self.input.u64()) << 64), self.input.array()));
        }
        let mut bytes = Vec::new();
        append(&mut bytes, &Header::new(Kind::Hello), &hello.encode(), true);
        self.lines[at].hello.clone_from(&bytes);
        self.deliver(at, &bytes);
    }

    fn hello_again(&mut self) {
        let Some(at) = self.line() else { return };
        let bytes = self.lines[at].hello.clone();
        self.deliver(at, &bytes);
    }

    fn frame(&mut self, kind: Kind) {
        let Some(at) = self.line() else { return };
        let (place, number) = (self.input.u8(), self.input.u8());
        let seq = match number {
            0xfc => (1 << 63) - 1,
            0xfd => 1 << 63,
            0xfe => u64::MAX,
            small => u64::from(small & 15),
        };
        let mut header = Header::for_call(kind, u16::from(place & 7), seq);
        let mut body = &[][..];
        if kind == Kind::Call {
            let method = usize::from(place >> 3 & 7);
            header.method = METHODS.get(method).map_or(rpc_core::ids::MethodId(method as u64), |m| m.id);
            header.millis = [0, 1, 100, 5_000][usize::from(place >> 6)];
            body = self.input.bytes(32);
        }
        self.send(at, &header, body);
    }

    fn other_frame(&mut self) {
        const OTHERS: [Kind; 12] = [
            Kind::Ping,
            Kind::Methods,
            Kind::Methods,
            Kind::Bye,
            Kind::Pong,
            Kind::GoAway,
            Kind::Reply,
            Kind::Welcome,
            Kind::SessionLost,
            Kind::Busy,
            Kind::Table,
            Kind::Reject,
        ];
        let Some(at) = self.line() else { return };
        let chosen = usize::from(self.input.below(OTHERS.len() as u8));
        let body = match chosen {
            1 => encode_name("Work"),
            0 | 3 => Vec::new(),
            _ => self.input.bytes(64).to_vec(),
        };
        self.send(at, &Header::new(OTHERS[chosen]), &body);
    }

    fn send(&mut self, at: usize, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, self.lines[at].checksum);
        self.deliver(at, &bytes);
    }

    fn raw(&mut self) {
        let Some(at) = self.line() else { return };
        let bytes = self.input.bytes(80);
        self.deliver(at, bytes);
    }

    /// Hands bytes in, in two parts: the length of the first is the next byte of the input.
    fn deliver(&mut self, at: usize, bytes: &[u8]) {
        let parts = self.input.cut(bytes);
        let conn = self.lines[at].conn;
        for part in parts {
            if !part.is_empty() && self.core.wants_read(conn) {
                self.core.handle_input(conn, Bytes::copy_from_slice(part), self.now);
            }
        }
    }

    fn begin(&mut self) {
        if let Some(call) = self.core.poll_call(self.now) {
            let first = !self.ran.contains(&call.call);
            self.ran.push(call.call);
            assert!(first || !self.at_most_once, "V1: {} runs twice", call.call);
            self.running.push(call.key);
        }
    }

    fn finish(&mut self) {
        let (how, size) = (self.input.u8(), usize::from(self.input.u8()));
        let Some(at) = usize::from(how >> 4).checked_rem(self.running.len()) else { return };
        let key = self.running.swap_remove(at);
        let status = match how & 15 {
            0..8 => Status::Done,
            8 => Status::GivenUp,
            9 | 10 => Status::Failed,
            11 => Status::Panicked,
            12 => Status::ReplyLost,
            13 => Status::Refused(Reason::BadArguments),
            14 => Status::Refused(Reason::Busy),
            _ => Status::Refused(Reason::NoSuchMethod),
        };
        let body = [7; LONGEST_REPLY];
        self.core.finish(key, status, &body[..size.min(LONGEST_REPLY)], self.now);
    }

    fn write(&mut self) {
        let Some(at) = self.line() else { return };
        let most = match self.input.u8() {
            255 => usize::MAX,
            most => usize::from(most),
        };
        self.written(at, most);
    }

    /// Writes some of what waits on a connection: its peer reads it, and it must be frames.
    fn written(&mut self, at: usize, most: usize) {
        let line = &mut self.lines[at];
        let Some(outgoing) = self.core.outgoing(line.conn) else { return };
        let part = outgoing.unsent();
        let part = &part[..most.min(part.len())];
        let count = part.len();
        line.decoder.push(Bytes::copy_from_slice(part));
        let read = |line: &mut Line| line.decoder.next_frame().expect("what the server writes is frames");
        while let Some(frame) = read(line) {
            assert!(frame.skipped.is_none());
            if frame.header.kind == Kind::Welcome {
                let welcome = Welcome::decode(&frame.body).expect("the server's WELCOME");
                assert!((1..=self.limits.slots).contains(&welcome.slots), "granted as the limits say");
                line.checksum = welcome.features & FEATURE_NO_BODY_CHECKSUM == 0;
                line.decoder.agree(self.limits.max_frame.max(LONGEST_REPLY), false, false);
                self.granted.push((welcome.session, welcome.token.0));
            }
        }
        self.core.handle_written(line.conn, count, self.now);
    }

    fn pass(&mut self) {
        let pause = PAUSES[usize::from(self.input.u8() & 7)];
        self.now = self.now.plus(Duration::from_millis(pause));
        self.core.handle_timeout(self.now);
        let next = self.core.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now), "a timer is due again and again");
    }

    fn lose(&mut self) {
        if let Some(at) = self.line() {
            self.core.handle_closed(self.lines[at].conn, self.now);
        }
    }

    fn drain(&mut self) {
        match self.input.below(16) {
            0 => self.core.start_drain(self.now),
            1 => self.core.drain_within(Duration::from_millis(100), self.now),
            _ => {}
        }
    }

    fn remove(&mut self, conn: ConnId) {
        self.core.remove(conn, self.now);
        self.lines.retain(|line| line.conn != conn);
    }

    /// Asserts that what the server holds is within its bounds.
    fn memory(&mut self) {
        let counters = self.core.counters();
        assert_eq!(counters.connections, self.lines.len(), "connections");
        assert_eq!(counters.running, self.running.len(), "running calls");
        assert!(counters.sessions <= self.limits.sessions, "V10: {} sessions", counters.sessions);
        let records = self.limits.sessions * usize::from(self.limits.slots);
        assert!(counters.records <= records, "V10: {} records", counters.records);
        // Frames are read until the pause; each brings one frame at most. Calls that end reply in any case.
        let reply = HEADER + LONGEST_REPLY.max(MAX_DETAIL);
        let most = self.limits.unsent_pause + (2 + self.ran.len()) * reply;
        for line in &self.lines {
            let unsent = self.core.outgoing(line.conn).map_or(0, |outgoing| outgoing.unsent().len());
            assert!(unsent <= most, "{unsent} bytes wait to be written");
        }
    }
}
