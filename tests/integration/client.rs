//! The client over real sockets: threads that share it, started calls, races, futures, limits, endings.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use rpc_core::error::Reason;
use rpc_core::limits::STALE_CONNECTION;
use rpc_core::{CallContext, CallError, Connector, Race, ServeError, Server, ServerHandle, rpc};

use crate::raw_client::{PATIENCE, too_late_in_its_handler};
use crate::test_service::{own_host, test_limits};

/// A store that counts what it ran, and a gate.
#[rpc]
pub(crate) trait Store {
    fn append(&self, key: &str, value: &str) -> usize;
    #[rpc(idempotent)]
    fn read(&self, key: &str) -> Result<String, Missing>;
    fn wait_at_gate(&self, cx: &CallContext) -> bool;
    fn swallow(&self, bytes: &[u8]) -> usize;
    #[rpc(idempotent)]
    fn give(&self, size: usize) -> Vec<u8>;
    fn boom(&self);
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Missing(String);

#[derive(Default)]
struct Inner {
    values: Mutex<HashMap<String, String>>,
    gate: (Mutex<bool>, Condvar),
    at_gate: AtomicU64,
}

#[derive(Clone, Default)]
struct Shelf(Arc<Inner>);

impl Shelf {
    fn open_gate(&self) {
        *self.0.gate.0.lock().expect("not poisoned") = true;
        self.0.gate.1.notify_all();
    }

    fn wait_for_arrivals(&self, count: u64) {
        let until = Instant::now() + PATIENCE;
        while self.0.at_gate.load(Ordering::SeqCst) < count {
            assert!(Instant::now() < until, "no call has arrived at the gate");
            std::thread::yield_now();
        }
    }
}

impl Store for Shelf {
    fn append(&self, key: &str, value: &str) -> usize {
        let mut values = self.0.values.lock().expect("not poisoned");
        let text = values.entry(key.to_owned()).or_default();
        text.push_str(value);
        text.len()
    }
    fn read(&self, key: &str) -> Result<String, Missing> {
        let values = self.0.values.lock().expect("not poisoned");
        values.get(key).cloned().ok_or_else(|| Missing(key.to_owned()))
    }
    fn wait_at_gate(&self, cx: &CallContext) -> bool {
        self.0.at_gate.fetch_add(1, Ordering::SeqCst);
        let until = Instant::now() + PATIENCE;
        let mut open = self.0.gate.0.lock().expect("not poisoned");
        // Told by a CANCEL, that is: at its deadline it would return just as its caller gives up.
        let told = || cx.is_cancelled() && !cx.time_left().is_zero();
        while !*open && !told() && Instant::now() < until {
            open = self.0.gate.1.wait_timeout(open, Duration::from_millis(5)).expect("not poisoned").0;
        }
        cx.is_cancelled()
    }
    fn swallow(&self, bytes: &[u8]) -> usize {
        bytes.len()
    }
    fn give(&self, size: usize) -> Vec<u8> {
        vec![7; size]
    }
    fn boom(&self) {
        panic!("as asked");
    }
}

pub(crate) struct Running {
    shelf: Shelf,
    pub address: std::net::SocketAddr,
    pub(crate) handle: ServerHandle,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::at("127.0.0.1:0")
    }

    fn at(address: &str) -> Self {
        let shelf = Shelf::default();
        let builder = Server::builder().limits(test_limits()).service(StoreServer::new(shelf.clone()));
        let server = builder.bind(address).expect("a free port");
        let (address, handle) = (server.local_addr(), server.handle());
        let thread = Some(std::thread::spawn(move || server.run()));
        Running { shelf, address, handle, thread }
    }

    pub(crate) fn client(&self) -> StoreClient {
        Connector::new().deadline(PATIENCE).connect(self.address).expect("it listens")
    }

    fn stop(&mut self) {
        self.handle.drain();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("run does not panic").expect("it ends well");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shelf.open_gate();
        self.handle.drain();
    }
}

pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_result_is_flattened_and_the_service_s_own_error_is_a_variant() {
    let running = Running::start();
    let store = running.client();
    assert_eq!(store.append("a", "xyz").expect("runs"), 3);
    assert_eq!(store.read("a").expect("is there"), "xyz");
    match store.read("b") {
        Err(CallError::Service(Missing(key))) => assert_eq!(key, "b"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_threads_share_one_connection_and_each_gets_its_own_replies() {
    let running = Running::start();
    let store = running.client();
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let store = store.clone();
            scope.spawn(move || {
                let key = format!("key-{thread}");
                for length in 1..=200 {
                    assert_eq!(store.append(&key, "x").expect("runs"), length);
                }
            });
        }
    });
    assert_eq!(running.handle.counters().executions, 32 * 200);
    assert_eq!(store.call.counters().connections, 1);
}

#[test]
fn started_calls_beyond_the_slots_wait_their_turn_and_all_finish() {
    let running = Running::start();
    let store: StoreClient =
        Connector::new().slots(4).deadline(PATIENCE).connect(running.address).expect("it listens");
    let started: Vec<_> = (0..500).map(|_| store.start.append("k", "y")).collect();
    let mut lengths: Vec<usize> = started.into_iter().map(|call| call.wait().expect("runs")).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, (1..=500).collect::<Vec<_>>());
}

#[test]
fn a_started_call_finishes_although_no_thread_waits_for_it() {
    let running = Running::start();
    let store = running.client();
    let first = store.start.append("k", "a");
    let second = store.start.append("k", "b"); // behind a call in flight: left to the background thread
    eventually("both ran", || running.handle.counters().executions == 2);
    assert_eq!(first.wait().expect("ran") + second.wait().expect("ran"), 3);
}

#[test]
fn a_wait_that_times_out_keeps_the_call() {
    let running = Running::start();
    let store = running.client();
    let mut waiting = store.start.wait_at_gate();
    assert!(waiting.wait_for(Duration::from_millis(20)).is_none());
    assert!(waiting.poll_now().is_none());
    running.shelf.open_gate();
    assert!(!waiting.wait().expect("ran"));
}

#[test]
fn a_started_call_that_is_dropped_is_cancelled() {
    let running = Running::start();
    let store = running.client();
    let dropped = store.start.wait_at_gate();
    running.shelf.wait_for_arrivals(1);
    drop(dropped);
    eventually("the server heard of it", || running.handle.counters().cancels >= 1);
    eventually("the slot is clean again", || store.call.counters().orphaned_slots == 0);
}

#[test]
fn a_race_gives_replies_in_the_order_in_which_they_finish_and_cancels_the_rest() {
    let servers: Vec<Running> = (0..4).map(|_| Running::start()).collect();
    let clients: Vec<StoreClient> = servers.iter().map(Running::client).collect();
    let mut race: Race<usize, _> =
        clients.iter().enumerate().map(|(label, store)| (label, store.start.wait_at_gate())).collect();
    for (served, server) in servers.iter().enumerate().rev().take(3) {
        server.shelf.open_gate();
        let (label, reply) = race.next().expect("one finishes");
        assert_eq!(label, served);
        assert!(reply.is_ok());
    }
    assert_eq!(race.left(), 1);
    drop(race);
    eventually("the loser heard that it was cancelled", || servers[0].handle.counters().cancels >= 1);
}

#[test]
fn a_started_call_is_a_future() {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let running = Running::start();
    let store = running.client();
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(async {
        let (a, b) = (store.start.append("k", "1"), store.start.append("k", "2"));
        a.await.expect("ran") + b.await.expect("ran")
    });
    let sum = loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(sum) => break sum,
            Poll::Pending => std::thread::park_timeout(PATIENCE),
        }
    };
    assert_eq!(sum, 3);
}

#[test]
fn after_a_deadline_the_verdict_is_unknown_until_it_is_resolved() {
    let running = Running::start();
    let store = running.client();
    let arrivals = || running.shelf.0.at_gate.load(Ordering::SeqCst);
    let unknown = too_late_in_its_handler(|within| store.call.with_deadline(within).wait_at_gate(), arrivals);
    running.shelf.open_gate();
    assert!(unknown.resolve::<bool>(PATIENCE).is_ok(), "it ran, and this is its reply");
    assert_eq!(unknown.ran(PATIENCE), Some(true));
    match unknown.resolve::<u64>(PATIENCE) {
        Err(CallError::ReplyLost(lost)) => assert!(lost.detail.contains("`u64`"), "{lost}"),
        other => panic!("the method returns another type: {other:?}"),
    }
    eventually("the slot is clean again", || store.call.counters().orphaned_slots == 0);
    assert_eq!(running.handle.counters().executions, 1);
}

#[test]
fn a_value_that_is_too_large_is_refused_with_both_sizes_and_the_connection_lives() {
    let running = Running::start();
    let store = running.client();
    let limit = 4 << 20;
    match store.swallow(&vec![0; limit + 1]) {
        Err(CallError::NotExecuted(no)) => {
            assert_eq!(no.reason, Reason::TooLarge);
            assert!(
                no.detail.contains(&limit.to_string()) && no.detail.contains(&(limit + 9).to_string()),
                "{no}"
            );
        }
        other => panic!("{other:?}"),
    }
    match store.give(limit) {
        Err(CallError::ReplyLost(lost)) => assert!(lost.detail.contains(&limit.to_string()), "{lost}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.call.counters().repeated, 0, "V17: a reply over the limit is over it the next time too");
    assert_eq!(store.give(1 << 20).expect("fits").len(), 1 << 20);
    assert_eq!(store.call.counters().connections, 1);
}

#[test]
fn a_panic_is_told_to_its_caller_and_the_server_lives() {
    let running = Running::start();
    let store = running.client();
    match store.boom() {
        Err(CallError::Panicked(panicked)) => assert_eq!(panicked.message, "as asked"),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.append("k", "v").expect("runs"), 1);
}

#[test]
fn a_server_that_comes_back_at_its_address_is_found_again() {
    let mut first = Running::at(&format!("{}:0", own_host(2)));
    let store = first.client();
    store.append("k", "v").expect("runs");
    let address = first.address.to_string();
    first.stop();
    let second = Running::at(&address);
    std::thread::sleep(2 * STALE_CONNECTION); // sooner, the client would not look whether the server has gone
    assert_eq!(store.append("k", "v").expect("nothing was in flight, so nothing is unknown"), 1);
    assert_eq!(second.handle.counters().executions, 1);
    assert_eq!(store.call.counters().sessions, 2);
}

#[test]
fn a_client_that_goes_ends_its_session() {
    let running = Running::start();
    let store = running.client();
    store.append("k", "v").expect("runs");
    assert_eq!(running.handle.counters().sessions, 1);
    drop(store);
    eventually("the session ended", || running.handle.counters().sessions == 0);
    let started = running.client();
    let pending = started.start.append("k", "v");
    drop(started);
    assert_eq!(pending.wait().expect("a started call keeps its session"), 2);
    eventually("the session ended", || running.handle.counters().sessions == 0);
}

#[test]
fn a_missing_server_is_an_error_at_once_with_a_plain_text() {
    let listener = std::net::TcpListener::bind((own_host(3), 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let error = StoreClient::connect(address).expect_err("no server listens").to_string();
    assert!(
        error.contains(&address.to_string()) && error.contains("is the server running there?"),
        "{error}"
    );
    let error = StoreClient::connect("no such host at all:1").expect_err("no such name").to_string();
    assert!(error.contains("cannot find the address"), "{error}");
}

#[test]
fn a_closed_client_refuses_and_says_what_is_unknown() {
    let running = Running::start();
    let store = running.client();
    let waiting = store.start.wait_at_gate();
    running.shelf.wait_for_arrivals(1);
    store.call.close();
    assert!(matches!(waiting.wait(), Err(CallError::Unknown(_))));
    match store.append("k", "v") {
        Err(CallError::NotExecuted(no)) => assert_eq!(no.reason, Reason::Closed),
        other => panic!("{other:?}"),
    }
}
