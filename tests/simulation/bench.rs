//! A server's state machine and one attached client whose frames are written by the test.

use bytes::Bytes;
use rpc_core::contract::Directory;
use rpc_core::ids::{Incarnation, SessionId, Time, Token};
use rpc_core::limits::ServerLimits;
use rpc_core::proto::server::{CallKey, ConnId, ServerConfig, ServerCore};
use rpc_core::wire::codec;
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{Agreement, Hello, Status, Welcome};
use rpc_tests::ledger::{Does, served};

pub(crate) const NOW: Time = Time(1_000_000);

/// A WELCOME for one slot, as a server of tests sends it.
pub(crate) fn welcome(resumed: bool) -> Welcome {
    Welcome {
        version: 1,
        features: 0,
        incarnation: Incarnation(1),
        session: SessionId(5),
        token: Token([1; 32]),
        slots: 1,
        max_frame: 4096,
        lease_ms: 1000,
        resumed,
        agreements: vec![Agreement::Same],
    }
}

/// A server and one attached client, whose frames are written by the test.
pub(crate) struct Bench {
    pub(crate) core: ServerCore,
    pub(crate) conn: ConnId,
    pub(crate) session: SessionId,
    pub(crate) token: [u8; 32],
    pub(crate) now: Time,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench::with(true, ServerLimits { max_frame: 4096, max_cached_reply: 64, ..ServerLimits::default() })
    }

    pub(crate) fn with(at_most_once: bool, limits: ServerLimits) -> Self {
        let config = ServerConfig {
            limits,
            directory: Directory::new(vec![served()]).expect("one service"),
            incarnation: Incarnation(1),
            loop_number: 0,
            loops: 1,
            at_most_once,
        };
        let mut next = 0;
        let entropy = move || {
            next += 1;
            [next; 32]
        };
        let core = ServerCore::new(config, Box::new(entropy));
        let mut bench = Bench { core, conn: 0, session: SessionId(0), token: [0; 32], now: NOW };
        bench.conn = bench.greet(None);
        bench
    }

    /// A new connection that says HELLO; it gets a WELCOME.
    pub(crate) fn greet(&mut self, resume: Option<(SessionId, [u8; 32])>) -> ConnId {
        let conn = self.core.handle_connected(None, self.now);
        let mut hello = Hello::new(4, 0, &[served()]);
        hello.resume = resume;
        self.write(conn, &Header::new(Kind::Hello), &hello.encode());
        let frames = self.read(conn);
        let welcome = Welcome::decode(&frames[0].body).expect("a WELCOME");
        self.session = welcome.session;
        self.token = welcome.token.0;
        conn
    }

    pub(crate) fn resume(&mut self) {
        self.conn = self.greet(Some((self.session, self.token)));
    }

    pub(crate) fn write(&mut self, conn: ConnId, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, true);
        self.core.handle_input(conn, Bytes::from(bytes), self.now);
    }

    /// Takes everything that waits to be written.
    pub(crate) fn read(&mut self, conn: ConnId) -> Vec<Frame> {
        let bytes = self.core.outgoing(conn).map(|out| out.unsent().to_vec()).unwrap_or_default();
        self.core.handle_written(conn, bytes.len(), self.now);
        let mut decoder = FrameDecoder::default();
        decoder.agree(1 << 20, false, true);
        decoder.push(Bytes::from(bytes));
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame().expect("the server writes frames") {
            frames.push(frame);
        }
        frames
    }

    pub(crate) fn call_with(&mut self, seq: u64, does: Does, tag: u64, millis: u32) {
        let mut body = Vec::new();
        codec::encode(&(tag, 0u32, Vec::<u8>::new()), &mut body, usize::MAX).expect("plain");
        let header = Header { method: does.method().id, millis, ..Header::for_call(Kind::Call, 0, seq) };
        self.write(self.conn, &header, &body);
    }

    pub(crate) fn call(&mut self, seq: u64) {
        self.call_with(seq, Does::Reply, seq, 1000);
    }

    pub(crate) fn cancel(&mut self, seq: u64) {
        self.write(self.conn, &Header::for_call(Kind::Cancel, 0, seq), &[]);
    }

    pub(crate) fn ack(&mut self, seq: u64) {
        self.write(self.conn, &Header::for_call(Kind::Ack, 0, seq), &[]);
    }

    pub(crate) fn begin(&mut self) -> Option<CallKey> {
        self.core.poll_call(self.now).map(|ready| ready.key)
    }

    pub(crate) fn run(&mut self, reply: &[u8]) {
        let key = self.begin().expect("a call to run");
        self.core.finish(key, Status::Done, reply, self.now);
    }

    /// The statuses of the replies that came.
    pub(crate) fn replies(&mut self) -> Vec<(u64, Status)> {
        let frames = self.read(self.conn);
        let replies = frames.iter().filter(|frame| frame.header.kind == Kind::Reply);
        replies.map(|f| (f.header.seq, Status::from_code(f.header.code).expect("known"))).collect()
    }

    pub(crate) fn is_rejected(&mut self) -> bool {
        let frames = self.read(self.conn);
        frames.iter().any(|frame| frame.header.kind == Kind::Reject) && self.core.wants_close(self.conn)
    }
}
