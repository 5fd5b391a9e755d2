//! The client's rows of the protocol's table, with a server's frames by hand against the client's state machine.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::error::Reason;
use rpc_core::ids::Time;
use rpc_core::limits::ClientLimits;
use rpc_core::proto::client::{ClientConfig, ClientCore, Event};
use rpc_core::proto::{Outcome, UnknownCause};
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::Status;
use rpc_tests::ledger::{Does, served};

use crate::bench::welcome;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// A client with one slot, whose server is the test.
struct Bench {
    core: ClientCore,
    now: Time,
}

impl Bench {
    /// A client that is connected and has said HELLO.
    fn greeting() -> Self {
        let limits = ClientLimits { slots: 1, ..ClientLimits::default() };
        let config = ClientConfig { limits, contracts: vec![served()], features: 0, seed: 1 };
        let mut bench = Bench { core: ClientCore::new(config), now: Time(1_000_000) };
        bench.connect();
        bench
    }

    /// A client whose session stands.
    fn new() -> Self {
        let mut bench = Bench::greeting();
        bench.welcome(false);
        bench
    }

    fn connect(&mut self) {
        assert!(self.core.poll_connect(self.now));
        self.core.handle_connected(self.now);
        assert_eq!(kinds(&self.written()), [Kind::Hello]);
    }

    fn reconnect(&mut self) {
        self.core.handle_disconnected("cut", self.now);
        self.pass(Duration::from_secs(3));
        self.connect();
    }

    fn welcome(&mut self, resumed: bool) {
        self.hears(&Header::new(Kind::Welcome), &welcome(resumed).encode());
    }

    fn hears(&mut self, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, true);
        self.core.handle_input(Bytes::from(bytes), self.now);
    }

    fn reply(&mut self, seq: u64, status: Status) {
        self.hears(&Header { code: status.code(), ..Header::for_call(Kind::Reply, 0, seq) }, b"r");
    }

    /// Everything that the client writes now.
    fn written(&mut self) -> Vec<Frame> {
        let mut out = Vec::new();
        self.core.poll_transmit(&mut out, self.now);
        self.core.handle_flushed(self.now);
        let mut decoder = FrameDecoder::default();
        decoder.agree(1 << 20, false, true);
        decoder.push(Bytes::from(out));
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame().expect("the client writes frames") {
            frames.push(frame);
        }
        frames
    }

    fn start(&mut self, tag: u64, does: Does, within: Duration) {
        self.core.start(tag, does.request(tag, 0, 0, within), self.now).expect("started");
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.core.handle_timeout(self.now);
    }

    fn events(&mut self) -> Vec<(u64, bool, Outcome)> {
        let mut events = Vec::new();
        while let Some(event) = self.core.poll_event() {
            events.push(match event {
                Event::Finished(tag, outcome) => (tag, false, outcome),
                Event::Resolved(tag, outcome) => (tag, true, outcome),
            });
        }
        events
    }
}

fn kinds(frames: &[Frame]) -> Vec<Kind> {
    frames.iter().map(|frame| frame.header.kind).collect()
}

fn done() -> Outcome {
    Outcome::Done(Bytes::from_static(b"r"))
}

fn unknown(cause: UnknownCause) -> Outcome {
    Outcome::Unknown(cause)
}

#[test]
fn nothing_but_hello_is_said_before_welcome_and_replies_before_it_do_not_count() {
    let mut bench = Bench::greeting();
    bench.start(1, Does::Reply, LONG);
    assert!(bench.written().is_empty());
    bench.reply(1, Status::Done);
    assert!(!bench.core.wants_close() && bench.events().is_empty());
    bench.welcome(false);
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
}

#[test]
fn the_first_final_reply_counts_and_a_second_is_ignored() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    bench.reply(1, Status::Done);
    bench.reply(1, Status::Panicked);
    assert_eq!(bench.events(), [(1, false, done())]);
    assert_eq!(bench.core.counters().stray_replies, 1);
}

#[test]
fn a_reply_to_an_earlier_number_does_not_count() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    bench.reply(1, Status::Done);
    bench.events();
    bench.start(2, Does::Reply, LONG);
    bench.written();
    bench.reply(1, Status::Done);
    assert!(bench.events().is_empty());
    bench.reply(2, Status::Done);
    assert_eq!(bench.events(), [(2, false, done())]);
}

#[test]
fn a_reply_to_a_call_that_was_never_sent_ends_the_session_and_sent_calls_are_unknown() {
    for (slot, seq) in [(0, 2), (1, 1)] {
        let mut bench = Bench::new();
        bench.start(1, Does::Reply, LONG);
        bench.written();
        bench.hears(&Header::for_call(Kind::Reply, slot, seq), b"r");
        assert!(bench.core.wants_close());
        assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::BrokenServer))]);
    }
}

#[test]
fn a_call_that_was_not_sent_by_its_deadline_was_not_executed_and_its_number_is_skipped() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, SHORT);
    bench.pass(SHORT);
    assert!(matches!(bench.events()[..], [(1, false, Outcome::NotExecuted(Reason::Deadline, _))]));
    bench.start(2, Does::Reply, LONG);
    let frames = bench.written();
    assert_eq!(frames.iter().map(|f| f.header.seq).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_sent_call_is_unknown_at_its_deadline_and_its_slot_stays_taken_until_the_reply() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, SHORT);
    bench.written();
    bench.pass(SHORT);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::Deadline))]);
    assert_eq!(kinds(&bench.written()), [Kind::Cancel]);
    bench.start(2, Does::Reply, LONG);
    assert!(bench.written().is_empty(), "the one slot is orphaned");
    bench.reply(1, Status::Done);
    assert_eq!(bench.events(), [(1, true, done())]);
    let frames = bench.written();
    assert_eq!(frames.iter().map(|f| (f.header.kind, f.header.seq)).collect::<Vec<_>>(), [(Kind::Call, 2)]);
}

#[test]
fn a_retransmission_has_the_same_number_and_less_time_left() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    let first = bench.written();
    bench.pass(Duration::from_secs(1));
    let again = bench.written();
    assert_eq!(again[0].header.seq, first[0].header.seq);
    assert_eq!(again[0].header.millis + 1000, first[0].header.millis);
    assert_eq!(again[0].body, first[0].body);
}

#[test]
fn hello_goes_out_again_until_there_is_a_welcome_and_then_no_more() {
    let mut bench = Bench::greeting();
    let mut again = 0;
    for _ in 0..15 {
        bench.pass(Duration::from_millis(100));
        again += kinds(&bench.written()).iter().filter(|kind| **kind == Kind::Hello).count();
        assert!(!bench.core.wants_close());
    }
    assert_eq!(again, 2, "after 250 and 750 ms; the next would follow after 1750");
    bench.welcome(false);
    assert!(bench.core.is_ready());
    for _ in 0..20 {
        bench.pass(Duration::from_millis(100));
        assert_eq!(kinds(&bench.written()), []);
    }
}

#[test]
fn there_is_no_retransmission_while_the_call_is_still_in_the_buffer() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    let mut out = Vec::new();
    bench.core.poll_transmit(&mut out, bench.now);
    for _ in 0..20 {
        bench.pass(Duration::from_secs(2));
        let before = out.len();
        bench.core.poll_transmit(&mut out, bench.now);
        let pings = (out.len() - before) / 36;
        assert!(pings <= 1, "nothing but a PING is added");
    }
}

#[test]
fn after_a_resume_a_sent_call_goes_out_again_under_its_number_and_stays_sent() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, SHORT + Duration::from_secs(3));
    bench.written();
    bench.reconnect();
    bench.welcome(true);
    bench.pass(SHORT); // before anything has left on this connection
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::Deadline))]);
    assert_eq!(bench.written()[0].header.kind, Kind::Cancel);
}

#[test]
fn a_lost_session_leaves_sent_calls_unknown_and_moves_unsent_ones() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    bench.start(2, Does::Reply, LONG);
    bench.reconnect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::SessionLost))]);
    bench.reconnect();
    bench.welcome(false);
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
    bench.reply(1, Status::Done);
    assert_eq!(bench.events(), [(2, false, done())]);
}

#[test]
fn an_idempotent_call_is_repeated_after_a_lost_session_and_unknown_stays_its_verdict_if_that_fails() {
    let mut bench = Bench::new();
    bench.start(1, Does::Idempotent, LONG);
    bench.written();
    bench.reconnect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert!(bench.events().is_empty());
    bench.reconnect();
    bench.welcome(false);
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
    bench.reply(1, Status::Refused(Reason::Cancelled));
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::SessionLost))]);
}

#[test]
fn on_goaway_unsent_calls_are_taken_back_and_an_idle_client_says_ack_and_bye() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    bench.reply(1, Status::Done);
    bench.start(2, Does::Reply, SHORT);
    bench.hears(&Header::new(Kind::GoAway), &[]);
    assert_eq!(kinds(&bench.written()), [Kind::Ack, Kind::Bye]);
    bench.pass(SHORT);
    assert!(matches!(bench.events()[1], (2, false, Outcome::NotExecuted(..))));
}

#[test]
fn close_says_bye_and_gives_every_call_its_verdict() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    bench.start(2, Does::Reply, LONG);
    bench.core.close(bench.now);
    let events = bench.events();
    assert_eq!(events[0], (1, false, unknown(UnknownCause::Closed)));
    assert!(matches!(events[1], (2, false, Outcome::NotExecuted(Reason::Closed, _))));
    assert_eq!(kinds(&bench.written()), [Kind::Bye]);
    assert!(bench.core.wants_close());
}

#[test]
fn a_client_that_waits_for_a_reply_asks_for_a_sign_of_life_and_gives_up_after_three() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    let mut pings = 0;
    for _ in 0..30 {
        bench.pass(Duration::from_secs(1));
        pings += bench.written().iter().filter(|frame| frame.header.kind == Kind::Ping).count();
        if bench.core.wants_close() {
            break;
        }
    }
    assert_eq!(pings, 3);
    assert!(bench.core.wants_close() && bench.events().is_empty(), "the call waits for the next connection");
}

#[test]
fn an_idle_client_says_nothing() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    bench.written();
    bench.reply(1, Status::Done);
    bench.pass(Duration::from_secs(1));
    assert_eq!(kinds(&bench.written()), [Kind::Ack]);
    for _ in 0..100 {
        bench.pass(Duration::from_secs(10));
        assert!(bench.written().is_empty());
    }
}

#[test]
fn a_cancel_that_waits_does_not_leave_once_its_reply_is_here() {
    let mut bench = Bench::new();
    bench.start(1, Does::Reply, LONG);
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
    bench.core.abandon(1, bench.now);
    bench.reply(1, Status::Done);
    assert_eq!(kinds(&bench.written()), [], "the server would reply once more, for no caller");
}
