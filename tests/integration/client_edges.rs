//! The client where threads, timers and sessions meet: whose wake-up is whose, and what closing leaves behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rpc_core::call::Unknown;
use rpc_core::error::Reason;
use rpc_core::limits::ClientLimits;
use rpc_core::{CallContext, CallError, Connector, Pending, Server, ServerHandle, rpc};

use crate::raw_client::{PATIENCE, too_late_in_its_handler};
use crate::test_service::{Gate, test_limits};

/// A method that is quick, and one that blocks until the test lets it go on.
#[rpc]
pub(crate) trait Blocking {
    fn echo(&self, text: &str) -> String;
    #[rpc(slow)]
    fn wait(&self, cx: &CallContext) -> String;
}

/// Longer than any test is waited for.
const NEVER: Duration = Duration::from_secs(3600);

/// The limits of a client none of whose timers is due in a test: a thread that is not woken by the event in question sleeps
/// until `PATIENCE` is over, which every test here sees without a clock.
fn quiet() -> ClientLimits {
    ClientLimits {
        connect: NEVER,
        resend_first: NEVER,
        resend_cap: NEVER,
        ack_delay: NEVER,
        ping_after: NEVER,
        ..ClientLimits::default()
    }
}

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[derive(Clone, Default)]
struct Handlers(Arc<Gate>);

impl Blocking for Handlers {
    fn echo(&self, text: &str) -> String {
        text.to_owned()
    }
    fn wait(&self, _: &CallContext) -> String {
        self.0.pass();
        "waited".to_owned()
    }
}

struct Running {
    gate: Arc<Gate>,
    address: std::net::SocketAddr,
    handle: ServerHandle,
}

impl Running {
    fn start() -> Self {
        let clerk = Handlers::default();
        let gate = Arc::clone(&clerk.0);
        let builder = Server::builder().limits(test_limits()).service(BlockingServer::new(clerk));
        let server = builder.bind("127.0.0.1:0").expect("a free port");
        let (address, handle) = (server.local_addr(), server.handle());
        std::thread::spawn(move || server.run());
        Running { gate, address, handle }
    }

    /// A client of one slot that leaves a stuck session after `all_orphaned`.
    fn narrow(&self, all_orphaned: Duration) -> BlockingClient {
        let limits = ClientLimits { slots: 1, all_orphaned, ..quiet() };
        self.connect(limits)
    }

    fn connect(&self, limits: ClientLimits) -> BlockingClient {
        // A deadline is a timer as well: later than any test waits.
        Connector::new().limits(limits).deadline(2 * PATIENCE).connect(self.address).expect("it listens")
    }

    /// Makes a call that has arrived at the gate and whose deadline has passed: its outcome is unknown.
    fn left_at_the_gate(&self, client: &BlockingClient) -> Unknown {
        too_late_in_its_handler(|within| client.call.with_deadline(within).wait(), || self.gate.arrivals())
    }

    /// The same, but the verdict was not taken.
    fn started_and_left_at_the_gate(&self, client: &BlockingClient) -> Pending<String> {
        for within in (0..8).map(|doublings| ms(50 << doublings)) {
            let started = client.call.with_deadline(within).start.wait();
            let until = Instant::now() + within + ms(1000); // on a slow machine it is too late to come at all
            while self.gate.arrivals() == 0 && Instant::now() < until {
                std::thread::sleep(ms(1));
            }
            if self.gate.arrivals() > 0 {
                eventually("its deadline is over", || client.call.counters().orphaned_slots == 1);
                return started;
            }
        }
        panic!("it never came to the gate")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.gate.open(); // the gate may be poisoned: a second panic would end all tests
        }
        self.handle.drain();
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(ms(1));
    }
}

/// The thread that is to be woken is asleep by now, most likely; if not, the test finds nothing and does not fail.
fn fall_asleep() {
    std::thread::sleep(ms(50));
}

#[test]
fn a_call_that_waits_for_a_slot_has_its_verdict_by_its_deadline_although_another_thread_drives() {
    let running = Running::start();
    let client = running.narrow(NEVER);
    std::thread::scope(|scope| {
        let held = scope.spawn(|| client.call.with_deadline(NEVER).wait());
        running.gate.wait_for_arrivals(1); // the thread drives
        fall_asleep();
        let verdict = client.call.with_deadline(ms(50)).echo("x");
        assert!(
            matches!(&verdict, Err(CallError::NotExecuted(no)) if no.reason == Reason::NoFreeSlot),
            "{verdict:?}"
        );
        running.gate.open();
        let held = held.join().expect("no panic");
        assert!(held.is_ok(), "its driver slept until the gate's patience was over: {held:?}");
    });
}

#[test]
fn a_started_call_that_waits_for_a_slot_has_its_verdict_in_time_while_the_background_drives() {
    let running = Running::start();
    let client = running.narrow(NEVER);
    let held = client.call.with_deadline(NEVER).start.wait();
    running.gate.wait_for_arrivals(1);
    fall_asleep(); // the background thread has it now
    let verdict = client.call.with_deadline(ms(50)).echo("x");
    assert!(matches!(verdict, Err(CallError::NotExecuted(_))), "{verdict:?}");
    running.gate.open();
    let held = held.wait();
    assert!(held.is_ok(), "its driver slept until the gate's patience was over: {held:?}");
}

#[test]
fn closing_while_another_thread_drives_says_goodbye() {
    let running = Running::start();
    let client = running.connect(quiet());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.call.with_deadline(NEVER).wait());
        running.gate.wait_for_arrivals(1);
        fall_asleep();
        client.call.close();
        assert!(matches!(waiting.join().expect("no panic"), Err(CallError::Unknown(_))));
    });
    eventually("the session ended although the client is still held", || {
        running.handle.counters().sessions == 0
    });
}

#[test]
fn closing_ends_a_retired_session_too() {
    let running = Running::start();
    let client = running.narrow(ms(50));
    let unknown = running.left_at_the_gate(&client);
    assert_eq!(client.echo("a").expect("another session takes it"), "a");
    assert_eq!(running.handle.counters().sessions, 2);
    client.call.close();
    eventually("both sessions ended", || running.handle.counters().sessions == 0);
    drop(unknown);
}

#[test]
fn the_reply_to_a_dropped_call_of_a_retired_session_goes_to_no_other_call() {
    let running = Running::start();
    let client = running.narrow(ms(50));
    let dropped = running.started_and_left_at_the_gate(&client);
    assert_eq!(client.echo("a").expect("another session takes it"), "a");
    drop(dropped);
    let next: Pending<_> = client.start.echo("b"); // takes the ticket over
    eventually("it runs, as two have before it", || running.handle.counters().executions == 3);
    fall_asleep(); // its reply is here, most likely, and not taken
    running.gate.open();
    eventually("the old call has its reply", || client.call.counters().orphaned_slots == 0);
    assert_eq!(next.wait().expect("it ran"), "b");
}

/// A thread that asks, and says what it hears.
fn ask_what_became_of(unknown: Arc<Unknown>) -> mpsc::Receiver<Result<String, CallError>> {
    let (say, heard) = mpsc::channel();
    std::thread::spawn(move || say.send(unknown.resolve(NEVER)));
    heard
}

#[test]
fn several_threads_may_resolve_one_call_and_all_get_its_outcome() {
    let running = Running::start();
    let client = running.connect(quiet());
    let unknown = Arc::new(running.left_at_the_gate(&client));
    let asking: Vec<_> = (0..4).map(|_| ask_what_became_of(Arc::clone(&unknown))).collect();
    fall_asleep();
    running.gate.open();
    for heard in asking {
        let resolution = heard.recv_timeout(PATIENCE).expect("it is woken");
        assert!(resolution.is_ok(), "{resolution:?}");
    }
}

#[test]
fn the_driver_of_one_session_learns_of_the_reply_that_arrives_over_the_other() {
    let running = Running::start();
    let client = running.narrow(ms(50));
    let unknown = running.left_at_the_gate(&client);
    assert_eq!(client.echo("a").expect("another session takes it"), "a");
    let asking = ask_what_became_of(Arc::new(unknown)); // drives the new session meanwhile
    fall_asleep();
    running.gate.open();
    let resolution = asking.recv_timeout(PATIENCE).expect("it is woken");
    assert!(resolution.is_ok(), "{resolution:?}");
}

/// A waker that owns a started call, as a task does, and may panic when it is woken.
struct Task {
    owned: Mutex<Option<Pending<String>>>,
    woken: AtomicBool,
    panics: bool,
}

impl Task {
    fn new(owned: Option<Pending<String>>, panics: bool) -> Arc<Self> {
        Arc::new(Task { owned: Mutex::new(owned), woken: AtomicBool::new(false), panics })
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        assert!(!self.panics, "as asked");
    }
}

fn poll(pending: &mut Pending<String>, waker: &Waker) -> bool {
    let mut context = Context::from_waker(waker);
    matches!(std::future::Future::poll(std::pin::Pin::new(pending), &mut context), Poll::Ready(_))
}

#[test]
fn a_waker_that_owns_another_call_is_dropped_where_that_call_can_be_cancelled() {
    let running = Running::start();
    let client: BlockingClient = Connector::new().connect(running.address).expect("it listens");
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pending = client.start.wait();
        let first = Waker::from(Task::new(Some(client.start.wait()), false));
        assert!(!poll(&mut pending, &first));
        drop(first); // the client has the last one
        let second = Waker::from(Task::new(Some(client.start.wait()), false));
        assert!(!poll(&mut pending, &second)); // drops the first, and its call with it
        drop(second);
        drop(pending); // drops the second
        let _ = done.send(());
    });
    finished.recv_timeout(PATIENCE).expect("no waker waits for itself");
}

#[test]
fn a_waker_that_panics_ends_no_other_call() {
    let running = Running::start();
    let client: BlockingClient = Connector::new().connect(running.address).expect("it listens");
    let mut pending = client.start.wait();
    let task = Task::new(None, true);
    assert!(!poll(&mut pending, &Waker::from(Arc::clone(&task))));
    running.gate.wait_for_arrivals(1);
    running.gate.open();
    eventually("it was woken", || task.woken.load(Ordering::SeqCst));
    let next = Task::new(None, false);
    let mut second = client.start.echo("a");
    if !poll(&mut second, &Waker::from(Arc::clone(&next))) {
        eventually("the background thread lives", || next.woken.load(Ordering::SeqCst));
    }
    assert_eq!(client.echo("b").expect("a thread drives"), "b");
    drop(task.owned.lock());
}

#[test]
fn a_deadline_of_nothing_and_one_without_end_are_both_kept() {
    let running = Running::start();
    let client: BlockingClient = Connector::new().connect(running.address).expect("it listens");
    let verdict = client.call.with_deadline(Duration::ZERO).echo("x");
    assert!(
        matches!(&verdict, Err(CallError::NotExecuted(no)) if no.reason == Reason::Deadline),
        "{verdict:?}"
    );
    let verdict = client.call.with_deadline(Duration::ZERO).start.echo("x").wait();
    assert!(matches!(verdict, Err(CallError::NotExecuted(_))), "{verdict:?}");
    assert_eq!(client.call.with_deadline(Duration::MAX).echo("x").expect("it ran"), "x");
    assert_eq!(client.call.with_deadline(Duration::MAX).start.echo("y").wait().expect("it ran"), "y");
}

#[test]
fn large_values_go_both_ways_at_once_over_more_slots_than_the_sockets_hold() {
    let running = Running::start();
    let client: BlockingClient = Connector::new().slots(1024).connect(running.address).expect("it listens");
    let text = "x".repeat(1 << 20);
    let started: Vec<_> = (0..48).map(|_| client.call.with_deadline(PATIENCE).start.echo(&text)).collect();
    for pending in started {
        assert_eq!(pending.wait().expect("it ran").len(), text.len());
    }
}
