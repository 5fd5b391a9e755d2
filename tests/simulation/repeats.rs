//! V17: a call that its client repeats by itself costs budget and time, and one that cannot succeed is not repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::ids::Time;
use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::proto::client::{ClientConfig, ClientCore, Event};
use rpc_core::proto::{Outcome, UnknownCause};
use rpc_core::stub::{Contract, Dispatch, Dispatched, Method, Never, Refused};
use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{REPLY_NOT_KEPT, Status};
use rpc_core::{CallError, Service};
use rpc_sim::{Faults, Network};
use rpc_tests::ledger::{Does, served};

use crate::bench::welcome;

static ALL: Method = Method::new("Dump.all", "fn all(size: u64) -> Vec<u8>").idempotent();
static DUMP: Contract = Contract::new("Dump", &[ALL]);

/// Counts how often its method runs.
#[derive(Clone, Default)]
struct Dump(Arc<AtomicU64>);

impl Service for Dump {
    fn contract(&self) -> &'static Contract {
        &DUMP
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let (size,) = call.arguments::<(u64,)>()?;
        self.0.fetch_add(1, Ordering::Relaxed);
        call.reply::<Vec<u8>>(vec![7; size as usize])
    }
}

/// Calls once for 6,000 bytes; gives the error's text, and how often the method ran.
fn call_for_too_much(server: usize, client: usize) -> (String, u64) {
    let limits = ServerLimits { max_frame: server, ..ServerLimits::default() };
    let network = Network::with_limits(1, Faults::none(), limits);
    let dump = Dump::default();
    network.serve(dump.clone());
    let caller = network.caller(&[&DUMP], ClientLimits { max_frame: client, ..ClientLimits::default() });
    match caller.call::<Vec<u8>, Never>(&ALL, &(6_000_u64,)) {
        Err(CallError::ReplyLost(lost)) => (lost.to_string(), dump.0.load(Ordering::Relaxed)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn v17_an_idempotent_call_whose_reply_is_over_a_limit_runs_once() {
    for (server, client) in [(5_000, 1 << 20), (1 << 20, 5_000)] {
        let (text, runs) = call_for_too_much(server, client);
        assert_eq!(runs, 1, "{text}");
        assert!(text.contains("6008") && text.contains("5000"), "{text}");
        assert!(text.contains("was executed at least once but its reply is lost"), "{text}");
    }
}

/// A client whose server is the test: it loses the reply of each attempt.
struct Repeater {
    core: ClientCore,
    now: Time,
    attempts: Vec<Time>,
}

impl Repeater {
    fn new(limits: ClientLimits) -> Self {
        let config = ClientConfig { limits, contracts: vec![served()], features: 0, seed: 1 };
        let mut repeater =
            Repeater { core: ClientCore::new(config), now: Time(1_000_000), attempts: Vec::new() };
        repeater.connect();
        repeater
    }

    fn connect(&mut self) {
        assert!(self.core.poll_connect(self.now));
        self.core.handle_connected(self.now);
        self.hear(&Header::new(Kind::Welcome), &welcome(false).encode());
    }

    fn hear(&mut self, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, true);
        self.core.handle_input(Bytes::from(bytes), self.now);
    }

    /// The number of the call that the client sends now, if it sends one.
    fn sent(&mut self) -> Option<u64> {
        let mut out = Vec::new();
        self.core.poll_transmit(&mut out, self.now);
        self.core.handle_flushed(self.now);
        let mut decoder = FrameDecoder::default();
        decoder.agree(1 << 20, false, true);
        decoder.push(Bytes::from(out));
        let mut seq = None;
        while let Some(frame) = decoder.next_frame().expect("the client writes frames") {
            seq = if frame.header.kind == Kind::Call { Some(frame.header.seq) } else { seq };
        }
        seq
    }

    /// Starts an idempotent call, and replies to each attempt with `lose` until there is a verdict.
    fn call(&mut self, tag: u64, within: Duration, mut lose: impl FnMut(&mut Self, u64)) -> Outcome {
        let request = Does::Idempotent.request(tag, 0, 0, within);
        self.core.start(tag, request, self.now).expect("started");
        loop {
            if let Some(Event::Finished(_, outcome)) = self.core.poll_event() {
                return outcome;
            }
            if let Some(seq) = self.sent() {
                self.attempts.push(self.now);
                lose(self, seq);
            } else {
                self.now = self.core.poll_timeout().expect("a call is open").max(self.now.plus(MOMENT));
                self.core.handle_timeout(self.now);
            }
        }
    }
}

/// Longer than any rounding of a timer.
const MOMENT: Duration = Duration::from_micros(1);

/// The reply was not kept: the reply to a duplicate.
fn not_kept(client: &mut Repeater, seq: u64) {
    let header =
        Header { code: Status::ReplyLost.code(), millis: 1, ..Header::for_call(Kind::Reply, 0, seq) };
    client.hear(&header, REPLY_NOT_KEPT.as_bytes());
}

/// The server forgets the session.
fn forgets(client: &mut Repeater, _: u64) {
    client.core.handle_disconnected("cut", client.now);
    client.now = client.now.plus(Duration::from_secs(3));
    assert!(client.core.poll_connect(client.now));
    client.core.handle_connected(client.now);
    client.hear(&Header::new(Kind::SessionLost), &[0; 16]);
    client.core.handle_disconnected("closed by this side", client.now);
    client.now = client.now.plus(Duration::from_secs(3));
    if client.core.owes() {
        client.connect();
    }
}

#[test]
fn v17_each_repeat_waits_twice_as_long_as_the_one_before_up_to_the_longest_pause() {
    let limits = ClientLimits::default();
    let mut client = Repeater::new(limits.clone());
    let outcome = client.call(1, Duration::from_secs(30), not_kept);
    let mut least = limits.backoff_first;
    for pair in client.attempts.windows(2) {
        let pause = pair[1].since(pair[0]);
        assert!(least <= pause && pause <= least * 2 + Duration::from_millis(1), "{least:?} {pause:?}");
        least = (least * 2).min(limits.backoff_cap);
    }
    let runs = client.attempts.len();
    assert!((10..25).contains(&runs), "{runs} attempts");
    match outcome {
        Outcome::ReplyLost(text) => {
            assert!(text.starts_with(&format!("it ran at least {runs} times")), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.core.counters().repeated, runs as u64 - 1);
}

#[test]
fn v17_when_the_retry_budget_is_used_up_the_loss_is_the_verdict() {
    let limits = ClientLimits {
        retry_budget: 3.0,
        backoff_first: MOMENT,
        backoff_cap: MOMENT,
        ..ClientLimits::default()
    };
    let mut client = Repeater::new(limits);
    let outcome = client.call(1, Duration::from_secs(1), not_kept);
    assert!(matches!(outcome, Outcome::ReplyLost(_)), "{outcome:?}");
    assert_eq!(client.attempts.len(), 4);
}

#[test]
fn v17_a_call_that_costs_its_server_the_session_each_time_is_repeated_within_the_budget_only() {
    let limits = ClientLimits { retry_budget: 1.0 / 1024.0, ..ClientLimits::default() };
    let mut client = Repeater::new(limits);
    let outcome = client.call(1, Duration::from_secs(600), forgets);
    assert_eq!(outcome, Outcome::Unknown(UnknownCause::SessionLost));
    assert_eq!(client.attempts.len(), 1, "a part of a retry in hand is none");
    let mut client = Repeater::new(ClientLimits::default());
    client.call(1, Duration::from_secs(60), forgets);
    let runs = client.attempts.len();
    assert!((5..12).contains(&runs), "{runs} attempts, 6 s apart");
}
