//! The server's rules, one test each: its state machine, virtual time, and clients whose frames the test writes.

mod begun;
#[cfg(feature = "__inspection")]
mod beside;
#[cfg(feature = "__inspection")]
mod canonical;
mod counters;
mod denied;
mod drain;
mod durable;
mod eviction;
mod fair;
mod finals;
mod given_up;
mod greeting;
mod held;
mod kept;
mod kept_shares;
mod lease;
mod nonces;
mod queue;
mod reject;
mod shares;
mod sizes;
mod stall;
mod strikes;
mod unsent;

use std::net::SocketAddr;
use std::time::Duration;

use super::{CallKey, ConnId, ReadyCall, ServerConfig, ServerCore, ServerCounters};
use crate::contract::{Directory, Method};
use crate::error::Reason;
use crate::ids::{Incarnation, Seq, SessionId, Slot, Time};
use crate::limits::ServerLimits;
use crate::proto::tests::{PLAIN, WORK, decoded, encoded};
use crate::wire::frame::{Frame, Header, Kind};
use crate::wire::message::{Hello, Status, Welcome};

/// The time at which every test begins.
pub(super) const START: Time = Time(1_000_000_000);
/// Timers that may be due at one instant before a test says that one is due for ever.
const MOST_TURNS: usize = 20_000;
/// Slots that clients ask for unless a test says another number.
const SLOTS: u16 = 4;

/// A client's end of a connection, and the session on it.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) conn: ConnId,
    pub(super) id: SessionId,
    pub(super) token: [u8; 32],
    pub(super) slots: u16,
    pub(super) features: u32,
}

/// A server and its clock.
pub(super) struct Bench {
    pub(super) core: ServerCore,
    pub(super) now: Time,
}

impl Bench {
    pub(super) fn new(limits: ServerLimits) -> Self {
        Bench::with(limits, 0, 1, true)
    }

    pub(super) fn plain() -> Self {
        Bench::new(ServerLimits::default())
    }

    /// A server with one session.
    pub(super) fn with_peer() -> (Self, Peer) {
        let mut bench = Bench::plain();
        let peer = bench.open();
        (bench, peer)
    }

    /// A server with one session, whose one call ran and whose reply was written and not acknowledged.
    pub(super) fn with_reply() -> (Self, Peer) {
        let (mut bench, peer) = Bench::with_peer();
        bench.served(&peer, 0, 1, PLAIN, 1);
        (bench, peer)
    }

    pub(super) fn with(limits: ServerLimits, loop_number: u8, loops: usize, at_most_once: bool) -> Self {
        let directory = Directory::new(vec![&WORK]).expect("one service");
        let incarnation = Incarnation(77);
        let config = ServerConfig { limits, directory, incarnation, loop_number, loops, at_most_once };
        let mut next = 0u64;
        let entropy = move || {
            next += 1;
            let mut bytes = [7; 32];
            bytes[1..9].copy_from_slice(&next.to_le_bytes());
            bytes
        };
        Bench { core: ServerCore::new(config, Box::new(entropy)), now: START }
    }

    /// Lets time pass, with each timer at its time.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        let mut turns = 0;
        while let Some(due) = self.core.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            turns += 1;
            assert!(turns < MOST_TURNS, "a timer is due again and again");
        }
        self.now = end;
        self.check();
    }

    /// Asserts that the sums agree with their parts.
    pub(super) fn check(&self) {
        #[cfg(feature = "__inspection")]
        self.core.audit(|_, _| {}).expect("the audit holds");
    }

    pub(super) fn connect(&mut self) -> ConnId {
        self.core.handle_connected(None, self.now)
    }

    pub(super) fn say(&mut self, conn: ConnId, header: &Header, body: &[u8]) {
        self.core.handle_input(conn, encoded(header, body), self.now);
        self.check();
    }

    /// Takes all that waits to be written, and says that it was written.
    pub(super) fn read(&mut self, conn: ConnId) -> Vec<Frame> {
        self.read_as(conn, true)
    }

    pub(super) fn read_as(&mut self, conn: ConnId, checksum: bool) -> Vec<Frame> {
        let bytes = self.unsent(conn);
        self.core.handle_written(conn, bytes.len(), self.now);
        decoded(&bytes, checksum)
    }

    pub(super) fn unsent(&mut self, conn: ConnId) -> Vec<u8> {
        self.core.outgoing(conn).map(|out| out.unsent().to_vec()).unwrap_or_default()
    }

    /// Sends HELLO on a connection, and returns the frames that come back.
    pub(super) fn greet(&mut self, conn: ConnId, hello: &Hello) -> Vec<Frame> {
        self.say(conn, &Header::new(Kind::Hello), &hello.encode());
        self.read(conn)
    }

    /// A new session, from an address or from none.
    pub(super) fn try_open(&mut self, from: Option<SocketAddr>, hello: &Hello) -> Option<Peer> {
        let conn = self.core.handle_connected(from, self.now);
        let frames = self.greet(conn, hello);
        if frames[0].header.kind != Kind::Welcome {
            return None;
        }
        let welcome = Welcome::decode(&frames[0].body).expect("a WELCOME");
        let (id, token) = (welcome.session, welcome.token.0);
        Some(Peer { conn, id, token, slots: hello.slots, features: hello.features })
    }

    pub(super) fn open(&mut self) -> Peer {
        self.try_open(None, &hello(SLOTS)).expect("there is room")
    }

    /// Resumes a session on a new connection; false if it is lost.
    pub(super) fn resume(&mut self, peer: &mut Peer) -> bool {
        peer.conn = self.connect();
        let hello = resuming(peer);
        self.greet(peer.conn, &hello)[0].header.kind == Kind::Welcome
    }

    /// The peer's connection is lost.
    pub(super) fn cut(&mut self, peer: &Peer) {
        self.core.handle_closed(peer.conn, self.now);
        self.core.remove(peer.conn, self.now);
        self.check();
    }

    /// A call of the plain method with time left.
    pub(super) fn call(&mut self, peer: &Peer, slot: Slot, seq: Seq) {
        self.call_of(peer, slot, seq, PLAIN, b"arguments");
    }

    pub(super) fn call_of(&mut self, peer: &Peer, slot: Slot, seq: Seq, method: &Method, body: &[u8]) {
        let header = Header { millis: 600_000, ..call(slot, seq, method) };
        self.say(peer.conn, &header, body);
    }

    pub(super) fn cancel(&mut self, peer: &Peer, slot: Slot, seq: Seq) {
        self.say(peer.conn, &Header::for_call(Kind::Cancel, slot, seq), &[]);
    }

    pub(super) fn ack(&mut self, peer: &Peer, slot: Slot, seq: Seq) {
        self.say(peer.conn, &Header::for_call(Kind::Ack, slot, seq), &[]);
    }

    pub(super) fn bye(&mut self, peer: &Peer) {
        self.say(peer.conn, &Header::new(Kind::Bye), &[]);
    }

    pub(super) fn begin(&mut self) -> ReadyCall {
        self.core.poll_call(self.now).expect("a call waits to run")
    }

    pub(super) fn nothing_to_run(&mut self) -> bool {
        self.core.poll_call(self.now).is_none()
    }

    pub(super) fn finish(&mut self, key: CallKey, reply: &[u8]) {
        self.core.finish(key, Status::Done, reply, self.now);
        self.check();
    }

    /// Runs the next call; it returns `size` bytes.
    pub(super) fn run(&mut self, size: usize) {
        let key = self.begin().key;
        self.finish(key, &vec![b'r'; size]);
    }

    /// Calls, runs and reads the reply.
    pub(super) fn served(&mut self, peer: &Peer, slot: Slot, seq: Seq, method: &Method, size: usize) {
        self.call_of(peer, slot, seq, method, b"arguments");
        self.run(size);
        assert_eq!(self.read_replies(peer), [(slot, seq, Status::Done)]);
    }

    /// Takes the replies that wait to be written.
    pub(super) fn read_replies(&mut self, peer: &Peer) -> Vec<(Slot, Seq, Status)> {
        replies(&self.read(peer.conn))
    }

    pub(super) fn is_rejected(&mut self, conn: ConnId) -> bool {
        let frames = self.read(conn);
        frames.iter().any(|frame| frame.header.kind == Kind::Reject) && self.core.wants_close(conn)
    }

    pub(super) fn counters(&self) -> ServerCounters {
        self.core.counters()
    }

    pub(super) fn kept(&self) -> usize {
        self.counters().kept_bytes
    }
}

pub(super) fn hello(slots: u16) -> Hello {
    Hello::new(slots, 0, &[&WORK])
}

pub(super) fn resuming(peer: &Peer) -> Hello {
    let mut hello = Hello::new(peer.slots, peer.features, &[&WORK]);
    hello.resume = Some((peer.id, peer.token));
    hello
}

pub(super) fn call(slot: Slot, seq: Seq, method: &Method) -> Header {
    Header { method: method.id, ..Header::for_call(Kind::Call, slot, seq) }
}

pub(super) fn replies(frames: &[Frame]) -> Vec<(Slot, Seq, Status)> {
    let replies = frames.iter().map(|frame| frame.header).filter(|header| header.kind == Kind::Reply);
    replies.map(|h| (h.slot, h.seq, Status::from_code(h.code).expect("a status"))).collect()
}

pub(super) fn kinds(frames: &[Frame]) -> Vec<Kind> {
    frames.iter().map(|frame| frame.header.kind).collect()
}

pub(super) fn refused(reason: Reason) -> Status {
    Status::Refused(reason)
}
