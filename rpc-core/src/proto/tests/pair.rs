//! A client and a server joined in memory: their frames are values, which a test delivers, drops, doubles, holds or reorders.

use std::collections::VecDeque;
use std::time::Duration;

use super::{LONGEST, PLAIN, WORK, encoded, request};
use crate::contract::{Directory, Method};
use crate::ids::{Incarnation, Time};
use crate::limits::{ClientLimits, ServerLimits};
use crate::proto::client::{ClientConfig, ClientCore, Event, Tag};
use crate::proto::server::{ConnId, ServerConfig, ServerCore};
use crate::proto::{Outcome, Request};
use crate::wire::frame::{Frame, FrameDecoder};
use crate::wire::message::Status;

/// Rounds of delivery in which all must have come to rest.
const MOST_ROUNDS: usize = 10_000;

/// A client, a server, and the frames between them.
pub(super) struct Pair {
    pub(super) client: ClientCore,
    pub(super) server: ServerCore,
    pub(super) now: Time,
    /// Frames on their way to the server, oldest first.
    pub(super) up: VecDeque<Frame>,
    /// Frames on their way to the client, oldest first.
    pub(super) down: VecDeque<Frame>,
    /// False: the server runs no call by itself.
    pub(super) runs: bool,
    /// Bytes of each reply.
    pub(super) reply_size: usize,
    conn: Option<ConnId>,
    from_client: FrameDecoder,
    from_server: FrameDecoder,
}

impl Pair {
    pub(super) fn new(client: ClientLimits, server: ServerLimits) -> Self {
        let config = ClientConfig { limits: client, contracts: vec![&WORK], features: 0, seed: 7 };
        Pair {
            client: ClientCore::new(config),
            server: server_of(server, 1),
            now: Time(1_000_000),
            up: VecDeque::new(),
            down: VecDeque::new(),
            runs: true,
            reply_size: 10,
            conn: None,
            from_client: reader(),
            from_server: reader(),
        }
    }

    pub(super) fn plain(slots: u16) -> Self {
        Pair::new(ClientLimits { slots, ..ClientLimits::default() }, ServerLimits::default())
    }

    /// The server's process ends, and another one begins with nothing in its memory.
    pub(super) fn restart_server(&mut self) {
        self.cut();
        self.server = server_of(ServerLimits::default(), 2);
    }

    pub(super) fn start(&mut self, tag: Tag, within: Duration) {
        self.ask(tag, request(PLAIN, &tag.to_le_bytes(), within));
    }

    pub(super) fn call_of(&mut self, tag: Tag, method: &'static Method, within: Duration) {
        self.ask(tag, request(method, &tag.to_le_bytes(), within));
    }

    pub(super) fn ask(&mut self, tag: Tag, request: Request) {
        self.client.start(tag, request, self.now).expect("started");
    }

    /// The connection is lost on both sides, and what was on its way with it.
    pub(super) fn cut(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.server.handle_closed(conn, self.now);
            self.server.remove(conn, self.now);
            self.client.handle_disconnected("cut", self.now);
        }
        self.up.clear();
        self.down.clear();
    }

    /// Both sides do what they can without a frame being delivered: connect, write, run.
    pub(super) fn act(&mut self) {
        if self.client.wants_close() {
            self.transmit();
            let up = std::mem::take(&mut self.up);
            up.into_iter().for_each(|frame| self.reach_server(&frame)); // BYE leaves before the socket is closed
            self.cut();
        }
        if self.client.poll_connect(self.now) {
            self.conn = Some(self.server.handle_connected(None, self.now));
            (self.from_client, self.from_server) = (reader(), reader());
            self.client.handle_connected(self.now);
        }
        self.transmit();
        while self.runs {
            let Some(ready) = self.server.poll_call(self.now) else { break };
            self.server.finish(ready.key, Status::Done, &vec![b'r'; self.reply_size], self.now);
        }
        let Some(conn) = self.conn else { return };
        let bytes = self.server.outgoing(conn).map(|out| out.unsent().to_vec()).unwrap_or_default();
        self.server.handle_written(conn, bytes.len(), self.now);
        self.from_server.push(bytes.into());
        self.down.extend(rest(&mut self.from_server));
        if self.server.wants_close(conn) && self.down.is_empty() {
            self.cut();
        }
    }

    fn transmit(&mut self) {
        let mut out = Vec::new();
        self.client.poll_transmit(&mut out, self.now);
        self.client.handle_flushed(self.now);
        self.from_client.push(out.into());
        self.up.extend(rest(&mut self.from_client));
    }

    pub(super) fn reach_server(&mut self, frame: &Frame) {
        if let Some(conn) = self.conn {
            self.server.handle_input(conn, encoded(&frame.header, &frame.body), self.now);
        }
    }

    pub(super) fn reach_client(&mut self, frame: &Frame) {
        if self.conn.is_some() {
            self.client.handle_input(encoded(&frame.header, &frame.body), self.now);
        }
    }

    /// Delivers all frames, and acts, until there is nothing more to deliver.
    pub(super) fn settle(&mut self) {
        self.settle_with(|_| true);
    }

    /// The same; a frame for which `keep` says false is lost.
    pub(super) fn settle_with(&mut self, mut keep: impl FnMut(&Frame) -> bool) {
        for _ in 0..MOST_ROUNDS {
            self.act();
            let (up, down) = (self.up.pop_front(), self.down.pop_front());
            if up.is_none() && down.is_none() {
                return self.check();
            }
            if let Some(frame) = up.filter(&mut keep) {
                self.reach_server(&frame);
            }
            if let Some(frame) = down.filter(&mut keep) {
                self.reach_client(&frame);
            }
        }
        panic!("client and server talk for ever");
    }

    /// Lets time pass with every timer at its time, on a network that works.
    pub(super) fn pass(&mut self, duration: Duration) {
        self.pass_with(duration, |_| true);
    }

    /// The same; a frame for which `keep` says false is lost.
    pub(super) fn pass_with(&mut self, duration: Duration, mut keep: impl FnMut(&Frame) -> bool) {
        let end = self.now.plus(duration);
        self.settle_with(&mut keep);
        for _ in 0..MOST_ROUNDS {
            let due = [self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else {
                self.now = end;
                return self.check();
            };
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            self.settle_with(&mut keep);
        }
        panic!("a timer is due again and again");
    }

    /// The verdicts since the last look, by tag: for a resolved call the later one.
    pub(super) fn verdicts(&mut self) -> Vec<(Tag, Outcome)> {
        let mut verdicts = Vec::new();
        while let Some(Event::Finished(tag, outcome) | Event::Resolved(tag, outcome)) =
            self.client.poll_event()
        {
            verdicts.push((tag, outcome));
        }
        verdicts
    }

    /// The tags of the calls that are done, in ascending order; any other verdict is an error.
    pub(super) fn all_done(&mut self) -> Vec<Tag> {
        let verdicts = self.verdicts();
        let done = verdicts.into_iter().map(|(tag, outcome)| match outcome {
            Outcome::Done(_) => tag,
            other => panic!("V16: call {tag} ended as {other:?}"),
        });
        let mut tags: Vec<Tag> = done.collect();
        tags.sort_unstable();
        tags
    }

    /// Asserts V14 on both sides, and that the sums agree with their parts.
    pub(super) fn check(&self) {
        assert_eq!(self.client.counters().broken_server, 0, "V14: the server kept the protocol");
        assert_eq!(self.server.counters().protocol_errors, 0, "V14: the client kept the protocol");
        #[cfg(feature = "__inspection")]
        {
            self.client.audit().expect("the client's audit holds");
            self.server.audit(|_, _| {}).expect("the server's audit holds");
        }
    }
}

fn server_of(limits: ServerLimits, life: u128) -> ServerCore {
    let config = ServerConfig {
        limits,
        directory: Directory::new(vec![&WORK]).expect("one service"),
        incarnation: Incarnation(life),
        loop_number: 0,
        loops: 1,
        at_most_once: true,
    };
    let mut next = life as u64 * 1_000_000;
    let entropy = move || {
        next += 1;
        let mut bytes = [life as u8; 32];
        bytes[1..9].copy_from_slice(&next.to_le_bytes());
        bytes
    };
    ServerCore::new(config, Box::new(entropy))
}

fn reader() -> FrameDecoder {
    let mut decoder = FrameDecoder::default();
    decoder.agree(LONGEST, false, true);
    decoder
}

fn rest(decoder: &mut FrameDecoder) -> Vec<Frame> {
    std::iter::from_fn(|| decoder.next_frame().expect("what is written are frames")).collect()
}
