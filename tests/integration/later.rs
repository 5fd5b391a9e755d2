//! Replies that come later, over sockets: held calls, how they end, what their holders are told, and their bounds.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rpc_core::limits::ServerLimits;
use rpc_core::{CallError, Client, Connector, Later, Reason, Responder, RunningServer, Server, rpc};

use crate::client::eventually;
use crate::raw_client::PATIENCE;

/// The callers of the test with many of them.
const CALLERS: usize = 10_000;

#[rpc]
trait Line {
    /// Waits for its turn, and returns it.
    fn stand(&self, name: u64) -> Later<u64>;

    /// The same, with an error of its own.
    fn ask(&self) -> Later<Result<Vec<u8>, String>>;

    /// Is done at once.
    fn ping(&self) -> Later<()>;
}

/// The responder of a call of `ask`.
type Asked = Responder<Result<Vec<u8>, String>>;

/// Gives all responders to the test.
struct Counter {
    stands: Mutex<Sender<(u64, Responder<u64>)>>,
    asks: Mutex<Sender<Asked>>,
}

impl Line for Counter {
    fn stand(&self, name: u64) -> Later<u64> {
        let (responder, later) = Later::pair();
        self.stands.lock().expect("no panic").send((name, responder)).expect("the test listens");
        later
    }

    fn ask(&self) -> Later<Result<Vec<u8>, String>> {
        let (responder, later) = Later::pair();
        self.asks.lock().expect("no panic").send(responder).expect("the test listens");
        later
    }

    fn ping(&self) -> Later<()> {
        Later::now(())
    }
}

struct Bench {
    server: RunningServer,
    stands: Receiver<(u64, Responder<u64>)>,
    asks: Receiver<Asked>,
}

impl Bench {
    fn new(limits: ServerLimits) -> Self {
        let ((stand, stands), (ask, asks)) = (channel(), channel());
        let service = Counter { stands: Mutex::new(stand), asks: Mutex::new(ask) };
        let server = Server::builder().service(LineServer::new(service)).limits(limits);
        let server = server.bind("127.0.0.1:0").expect("bound").spawn().expect("started");
        Bench { server, stands, asks }
    }

    fn client(&self, slots: u16, deadline: Duration) -> LineClient {
        let connector = Connector::new().slots(slots).deadline(deadline);
        connector.connect(self.server.local_addr()).expect("connected")
    }

    fn stands(&self) -> (u64, Responder<u64>) {
        self.stands.recv_timeout(PATIENCE).expect("a call has begun")
    }
}

#[test]
fn ten_thousand_calls_wait_on_four_threads_and_other_calls_go_on() {
    let bench = Bench::new(ServerLimits { threads: 4, ..ServerLimits::default() });
    let clients: Vec<_> = (0..10).map(|_| bench.client(1000, PATIENCE)).collect();
    let numbered = (0..CALLERS as u64).map(|name| clients[name as usize % 10].start.stand(name));
    let pending: Vec<_> = numbered.collect();
    // A client that no thread drives is driven by the background worker.
    let held: Vec<_> = (0..CALLERS).map(|_| bench.stands()).collect();
    eventually("all are held", || bench.server.counters().held == CALLERS);
    bench.client(1, PATIENCE).ping().expect("no thread is held");
    eventually("no call has a thread", || bench.server.oldest_running().is_zero());
    let middle = held.len() / 2;
    let mut held = held.into_iter();
    let others: Vec<_> = held.by_ref().take(middle).collect();
    thread::spawn(move || others.into_iter().for_each(|(name, responder)| responder.reply(name + 1)));
    held.for_each(|(name, responder)| responder.reply(name + 1));
    for (name, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.wait().expect("it has its reply"), name as u64 + 1);
    }
    let counters = bench.server.counters();
    assert_eq!((counters.held, counters.executions), (0, CALLERS as u64 + 1));
    clients.iter().for_each(|client| client.call.close());
}

#[test]
fn the_holder_of_a_call_is_told_once_that_its_server_drains_and_ends_the_call() {
    let limits = ServerLimits { grace: Duration::from_secs(86_400), ..ServerLimits::default() };
    let bench = Bench::new(limits);
    let line = bench.client(4, PATIENCE);
    let (pending, ended) = (line.start.stand(1), line.start.stand(2));
    let ((_, waits), (_, replies)) = (bench.stands(), bench.stands());
    let (say, heard) = channel();
    let sayers = [say.clone(), say.clone(), say];
    let [first, second, of_ended] = sayers.map(|say| move |text| _ = say.send(text));
    waits.on_drain(move || first("replaced"));
    waits.on_drain(move || second("drains"));
    replies.on_drain(move || of_ended("its call has ended"));
    replies.reply(9);
    assert_eq!(ended.wait().expect("a reply"), 9);
    assert!(!waits.is_draining());
    bench.server.drain();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok("drains"));
    assert!(waits.is_draining());
    let waker = std::task::Waker::noop();
    assert!(waits.poll_draining(&mut std::task::Context::from_waker(waker)).is_ready());
    let at_once = std::thread::current().id();
    let (say, now) = channel();
    waits.on_drain(move || say.send(std::thread::current().id()).expect("the test listens"));
    assert_eq!(now.try_recv(), Ok(at_once), "it drains already");
    waits.reply(5);
    assert_eq!(pending.wait().expect("it was held, and its reply came in the drain"), 5);
    assert!(heard.try_recv().is_err());
    bench.server.wait().expect("the drain waits for nothing more");
}

#[test]
fn a_held_call_ends_by_a_reply_an_error_giving_up_or_by_a_dropped_responder() {
    let bench = Bench::new(ServerLimits::default());
    let line = bench.client(4, PATIENCE);
    let ask = |line: &LineClient| line.start.ask();
    let (value, error, given_up, dropped) = (ask(&line), ask(&line), ask(&line), ask(&line));
    let mut asks: Vec<_> = (0..4).map(|_| bench.asks.recv_timeout(PATIENCE).expect("it begins")).collect();
    // The slots of the calls are served in the order in which they were started, over one connection.
    drop(asks.pop());
    asks.pop().expect("three").give_up("not today");
    asks.pop().expect("two").reply(Err("no".to_owned()));
    asks.pop().expect("one").reply(Ok(vec![7]));
    assert_eq!(value.wait().expect("a value"), [7]);
    assert!(matches!(error.wait(), Err(CallError::Service(text)) if text == "no"));
    assert!(matches!(given_up.wait(), Err(CallError::GivenUp(why)) if why.message == "not today"));
    let Err(CallError::GivenUp(why)) = dropped.wait() else { panic!("it was dropped") };
    assert!(why.message.contains("dropped the call"), "{why}");
    assert_eq!(bench.server.counters().given_up, 2);
    line.call.close();
}

#[test]
fn cancel_and_deadline_reach_the_holder_and_the_slot_is_free_when_it_ends_the_call() {
    let bench = Bench::new(ServerLimits::default());
    let line = bench.client(1, Duration::from_millis(200));
    let pending = line.start.stand(1);
    let (_, responder) = bench.stands();
    let (tell, told) = channel();
    responder.on_cancel(move || tell.send(thread::current().name().map(str::to_owned)).expect("it waits"));
    drop(pending); // cancels
    let thread = told.recv_timeout(PATIENCE).expect("the holder is told");
    assert_eq!(thread.as_deref(), Some("rpc-notices"), "user code runs on no thread of a loop");
    assert!(responder.is_cancelled());
    drop(responder);
    let late = line.start.stand(2);
    let (name, responder) = bench.stands();
    assert!(name == 2 && responder.time_left().is_none_or(|left| left <= Duration::from_millis(250)));
    let (tell, told) = channel();
    responder.on_cancel(move || tell.send(()).expect("it waits"));
    assert!(matches!(late.wait(), Err(CallError::Unknown(_))), "its deadline");
    told.recv_timeout(PATIENCE).expect("the holder is told");
    let at_once = Arc::new(Mutex::new(false));
    let set = Arc::clone(&at_once);
    responder.on_cancel(move || *set.lock().expect("no panic") = true);
    assert!(*at_once.lock().expect("no panic"), "it is so already");
    responder.reply(2);
    let patient = line.call.with_deadline(PATIENCE);
    patient.ping().expect("the one slot is free");
    line.call.close();
}

#[test]
fn v10_a_call_without_a_place_to_be_held_is_refused_as_busy_before_it_begins() {
    let bench = Bench::new(ServerLimits { held: 4, ..ServerLimits::default() });
    let line = bench.client(8, PATIENCE).call.with_retry(false); // one session has half of the places
    let (_first, _second) = (line.start.stand(1), line.start.stand(2));
    let (_, first) = bench.stands();
    let (_, _second_responder) = bench.stands();
    let Err(CallError::NotExecuted(refused)) = line.stand(3) else { panic!("there is no place") };
    assert_eq!(refused.reason, Reason::Busy);
    first.reply(1);
    eventually("its place is free", || bench.server.counters().held == 1);
    line.ping().expect("a place is free");
    line.call.close();
}

#[test]
fn a_call_that_is_held_when_a_drain_is_over_is_given_up_and_its_holder_is_told() {
    let bench = Bench::new(ServerLimits::default());
    let line = bench.client(1, PATIENCE);
    let pending = line.start.stand(1);
    let (_, responder) = bench.stands();
    eventually("it is held", || bench.server.counters().held == 1);
    bench.server.drain_within(Duration::from_millis(100));
    let Err(CallError::GivenUp(why)) = pending.wait() else { panic!("the drain is over") };
    assert_eq!(why.message, "the server is shutting down");
    bench.server.wait().expect("it has ended");
    assert!(responder.is_cancelled());
    responder.reply(1); // nothing hears it any more
    line.call.close();
}

#[test]
fn a_method_that_replies_later_has_the_contract_of_one_that_replies_at_once() {
    let signatures: Vec<_> = LineClient::CONTRACT.methods.iter().map(|method| method.signature).collect();
    assert_eq!(
        signatures,
        ["fn stand(name: u64) -> u64", "fn ask() -> Result<Vec<u8>, String>", "fn ping()"]
    );
}
