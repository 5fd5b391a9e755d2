//! The client where threads, timers and sessions meet: whose wake-up is whose, and what closing leaves behind.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rpc_core::call::Resolution;
use rpc_core::error::Reason;
use rpc_core::limits::ClientLimits;
use rpc_core::wire::frame::{self, Header, Kind};
use rpc_core::wire::message::{Agreement, Table};
use rpc_core::{CallContext, CallError, Connector, Pending, Server, ServerHandle, call, rpc};

use crate::raw_client::PATIENCE;
use crate::raw_server::{Conversation, listen};
use crate::test_service::{Gate, test_limits};

/// Something quick, and something that waits for the test.
#[rpc]
pub trait Desk {
    fn echo(&self, text: &str) -> String;
    #[rpc(slow)]
    fn wait(&self, cx: &CallContext) -> String;
}

/// Most of these tests wait this long at the very least if what they look for is broken.
const SOON: Duration = Duration::from_millis(700);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[derive(Clone, Default)]
struct Clerk(Arc<Gate>);

impl Desk for Clerk {
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
        let clerk = Clerk::default();
        let gate = Arc::clone(&clerk.0);
        let builder = Server::builder().limits(test_limits()).service(DeskServer::new(clerk));
        let server = builder.bind("127.0.0.1:0").expect("a free port");
        let (address, handle) = (server.local_addr(), server.handle());
        std::thread::spawn(move || server.run());
        Running { gate, address, handle }
    }

    /// A client of one slot that leaves a stuck session after `all_dirty`.
    fn narrow(&self, all_dirty: Duration) -> DeskClient {
        let limits = ClientLimits { slots: 1, all_dirty, ..ClientLimits::default() };
        Connector::new().limits(limits).connect(self.address).expect("it listens")
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

#[test]
fn a_call_that_waits_for_a_slot_has_its_verdict_by_its_deadline_although_another_thread_drives() {
    let running = Running::start();
    let desk = running.narrow(PATIENCE);
    std::thread::scope(|scope| {
        scope.spawn(|| desk.call.within(PATIENCE).wait());
        running.gate.wait_for_arrivals(1); // the thread drives, and its next timer is a second away
        std::thread::sleep(ms(50));
        let began = Instant::now();
        let verdict = desk.call.within(ms(50)).echo("x");
        assert!(began.elapsed() < SOON, "its driver slept for {:?}", began.elapsed());
        assert!(
            matches!(&verdict, Err(CallError::NotExecuted(no)) if no.reason == Reason::NoFreeSlot),
            "{verdict:?}"
        );
        running.gate.open();
    });
}

#[test]
fn a_started_call_that_waits_for_a_slot_has_its_verdict_in_time_while_the_background_drives() {
    let running = Running::start();
    let desk = running.narrow(PATIENCE);
    let _held = desk.call.within(PATIENCE).start.wait();
    running.gate.wait_for_arrivals(1);
    std::thread::sleep(ms(50)); // the background thread has it now
    let began = Instant::now();
    let verdict = desk.call.within(ms(50)).echo("x");
    assert!(began.elapsed() < SOON, "its driver slept for {:?}", began.elapsed());
    assert!(matches!(verdict, Err(CallError::NotExecuted(_))), "{verdict:?}");
}

#[test]
fn closing_while_another_thread_drives_says_goodbye() {
    let running = Running::start();
    let desk: DeskClient = Connector::new().connect(running.address).expect("it listens");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| desk.call.within(PATIENCE).wait());
        running.gate.wait_for_arrivals(1);
        std::thread::sleep(ms(20));
        desk.call.close();
        assert!(matches!(waiting.join().expect("no panic"), Err(CallError::Unknown(_))));
    });
    eventually("the session ended although the client is still held", || {
        running.handle.counters().sessions == 0
    });
}

#[test]
fn closing_ends_a_retired_session_too() {
    let running = Running::start();
    let desk = running.narrow(ms(50));
    let unknown = desk.call.within(ms(30)).wait().expect_err("the gate is shut");
    std::thread::sleep(ms(100));
    assert_eq!(desk.echo("a").expect("another session takes it"), "a");
    assert_eq!(running.handle.counters().sessions, 2);
    desk.call.close();
    let began = Instant::now();
    eventually("both sessions ended", || running.handle.counters().sessions == 0);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    drop(unknown);
}

#[test]
fn the_answer_to_a_dropped_call_of_a_retired_session_is_nobody_else_s() {
    let running = Running::start();
    let desk = running.narrow(ms(50));
    let dropped = desk.call.within(ms(30)).start.wait();
    running.gate.wait_for_arrivals(1);
    std::thread::sleep(ms(100)); // its deadline has passed, nobody took the verdict, and every slot is dirty
    assert_eq!(desk.echo("a").expect("another session takes it"), "a");
    drop(dropped);
    let next: Pending<_> = desk.start.echo("b"); // takes the ticket over
    std::thread::sleep(ms(50)); // its answer is here, and not taken
    running.gate.open();
    eventually("the old call is answered", || desk.call.stats().dirty_slots == 0);
    assert_eq!(next.wait().expect("it ran"), "b");
}

#[test]
fn several_threads_may_ask_what_became_of_a_call_and_all_hear_it() {
    let running = Running::start();
    let desk: DeskClient = Connector::new().connect(running.address).expect("it listens");
    let Err(CallError::Unknown(unknown)) = desk.call.within(ms(30)).wait() else {
        panic!("the gate is shut")
    };
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(|| unknown.resolve(PATIENCE))).collect();
        std::thread::sleep(ms(50));
        let began = Instant::now();
        running.gate.open();
        for thread in asking {
            let resolution = thread.join().expect("no panic");
            assert!(matches!(resolution, Resolution::Executed(_)), "{resolution:?}");
        }
        assert!(began.elapsed() < SOON, "one of them slept for {:?}", began.elapsed());
    });
}

#[test]
fn who_drives_one_session_hears_the_answer_that_comes_over_the_other() {
    let running = Running::start();
    let desk = running.narrow(ms(50));
    let Err(CallError::Unknown(unknown)) = desk.call.within(ms(30)).wait() else {
        panic!("the gate is shut")
    };
    std::thread::sleep(ms(100));
    assert_eq!(desk.echo("a").expect("another session takes it"), "a");
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| unknown.resolve(PATIENCE)); // drives the new session meanwhile
        std::thread::sleep(ms(1500)); // past the timers of the call before
        let began = Instant::now();
        running.gate.open();
        let resolution = asking.join().expect("no panic");
        assert!(matches!(resolution, Resolution::Executed(_)), "{resolution:?}");
        assert!(began.elapsed() < SOON, "it slept for {:?}", began.elapsed());
    });
}

/// A waker that owns a started call, as a task does, and may panic when it is woken.
struct Task {
    owned: Mutex<Option<Pending<call::Plain<String>>>>,
    woken: AtomicBool,
    panics: bool,
}

impl Task {
    fn new(owned: Option<Pending<call::Plain<String>>>, panics: bool) -> Arc<Self> {
        Arc::new(Task { owned: Mutex::new(owned), woken: AtomicBool::new(false), panics })
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        assert!(!self.panics, "as asked");
    }
}

fn poll(pending: &mut Pending<call::Plain<String>>, waker: &Waker) -> bool {
    let mut context = Context::from_waker(waker);
    matches!(std::future::Future::poll(std::pin::Pin::new(pending), &mut context), Poll::Ready(_))
}

#[test]
fn a_waker_that_owns_another_call_is_dropped_where_that_call_can_be_cancelled() {
    let running = Running::start();
    let desk: DeskClient = Connector::new().connect(running.address).expect("it listens");
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut pending = desk.start.wait();
        let first = Waker::from(Task::new(Some(desk.start.wait()), false));
        assert!(!poll(&mut pending, &first));
        drop(first); // the client has the last one
        let second = Waker::from(Task::new(Some(desk.start.wait()), false));
        assert!(!poll(&mut pending, &second)); // drops the first, and its call with it
        drop(second);
        drop(pending); // drops the second
        let _ = done.send(());
    });
    finished.recv_timeout(PATIENCE).expect("nobody waits for himself");
}

#[test]
fn a_waker_that_panics_takes_nobody_with_it() {
    let running = Running::start();
    let desk: DeskClient = Connector::new().connect(running.address).expect("it listens");
    let mut pending = desk.start.wait();
    let task = Task::new(None, true);
    assert!(!poll(&mut pending, &Waker::from(Arc::clone(&task))));
    running.gate.wait_for_arrivals(1);
    running.gate.open();
    eventually("it was woken", || task.woken.load(Ordering::SeqCst));
    let next = Task::new(None, false);
    let mut second = desk.start.echo("a");
    if !poll(&mut second, &Waker::from(Arc::clone(&next))) {
        eventually("the background thread lives", || next.woken.load(Ordering::SeqCst));
    }
    assert_eq!(desk.echo("b").expect("somebody drives"), "b");
    drop(task.owned.lock());
}

#[test]
fn a_server_that_talks_without_end_does_not_keep_a_caller_past_its_deadline() {
    let (listener, address) = listen();
    let over = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&over);
    let server = std::thread::spawn(move || {
        let (mut client, hello) = Conversation::accept(&listener);
        client.welcome(&hello, 4, Agreement::Same);
        let _ = client.expect(Kind::Call);
        let mut flood = Vec::new();
        while flood.len() < 1 << 20 {
            frame::append(&mut flood, &Header::new(Kind::Welcome), &[0; 4000], true); // copies are ignored
        }
        while !stop.load(Ordering::SeqCst) && client.stream.write_all(&flood).is_ok() {}
    });
    let desk: DeskClient = Connector::new().connect(address).expect("it listens");
    let began = Instant::now();
    let verdict = desk.call.within(ms(200)).echo("x");
    let took = began.elapsed();
    over.store(true, Ordering::SeqCst);
    assert!(matches!(verdict, Err(CallError::Unknown(_))), "{verdict:?}");
    assert!(took < ms(200) + SOON, "{took:?}");
    drop(verdict);
    drop(desk);
    server.join().expect("no panic");
}

#[test]
fn a_server_that_greets_and_hangs_up_is_not_called_again_without_pause() {
    let (listener, address) = listen();
    let (count, counted) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        loop {
            let (mut client, hello) = Conversation::accept(&listener);
            client.welcome(&hello, 4, Agreement::Same);
            if client.frame().is_none_or(|frame| frame.header.kind == Kind::Bye) || count.send(()).is_err() {
                return;
            }
        }
    });
    let desk: DeskClient = Connector::new().connect(address).expect("it listens");
    let verdict = desk.call.within(ms(1000)).echo("x");
    assert!(matches!(verdict, Err(CallError::Unknown(_))), "{verdict:?}");
    let attempts = counted.try_iter().count();
    assert!((2..30).contains(&attempts), "{attempts} attempts in a second");
}

#[test]
fn a_connection_that_is_lost_before_the_methods_came_is_made_again_and_they_are_asked_for() {
    let (listener, address) = listen();
    let server = std::thread::spawn(move || {
        let (mut client, hello) = Conversation::accept(&listener);
        client.welcome(&hello, 4, Agreement::Differs);
        let _ = client.expect(Kind::Methods);
        drop(client);
        let (mut client, hello) = Conversation::accept(&listener);
        assert!(hello.resume.is_some());
        client.welcome(&hello, 4, Agreement::Differs);
        let asked = client.expect(Kind::Methods);
        let table = Table { service: "Desk".to_owned(), methods: Vec::new() };
        client.say(&Header::new(Kind::Table), &table.encode());
        drop(asked);
        while client.frame().is_some() {}
    });
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let desk: Result<DeskClient, _> = Connector::new().patience(ms(3000)).connect(address);
        let verdict = desk.map(|desk| desk.echo("x").map_err(|error| error.to_string()));
        let _ = done.send(verdict);
    });
    let verdict = finished.recv_timeout(PATIENCE).expect("connecting ends").expect("it connects");
    assert!(verdict.is_err_and(|text| text.contains("no method of that name")));
    server.join().expect("no panic");
}

#[test]
fn connecting_ends_although_a_server_greets_and_then_says_no_more() {
    let (listener, address) = listen();
    let server = std::thread::spawn(move || {
        let (mut client, hello) = Conversation::accept(&listener);
        client.welcome(&hello, 4, Agreement::Differs);
        while client.frame().is_some() {}
    });
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let limits = ClientLimits { connect: ms(100), ..ClientLimits::default() };
        let client: Result<DeskClient, _> = Connector::new().limits(limits).connect(address);
        let _ = done.send(client.map(drop).map_err(|error| error.to_string()));
    });
    let verdict = finished.recv_timeout(PATIENCE).expect("connecting ends");
    assert!(verdict.is_err_and(|text| text.contains("which methods")));
    server.join().expect("no panic");
}

#[test]
fn a_deadline_of_nothing_and_one_without_end_are_both_kept() {
    let running = Running::start();
    let desk: DeskClient = Connector::new().connect(running.address).expect("it listens");
    let verdict = desk.call.within(Duration::ZERO).echo("x");
    assert!(
        matches!(&verdict, Err(CallError::NotExecuted(no)) if no.reason == Reason::Deadline),
        "{verdict:?}"
    );
    let verdict = desk.call.within(Duration::ZERO).start.echo("x").wait();
    assert!(matches!(verdict, Err(CallError::NotExecuted(_))), "{verdict:?}");
    assert_eq!(desk.call.within(Duration::MAX).echo("x").expect("it ran"), "x");
    assert_eq!(desk.call.within(Duration::MAX).start.echo("y").wait().expect("it ran"), "y");
}

#[test]
fn large_values_go_both_ways_at_once_over_more_slots_than_the_sockets_hold() {
    let running = Running::start();
    let desk: DeskClient = Connector::new().slots(1024).connect(running.address).expect("it listens");
    let text = "x".repeat(1 << 20);
    let started: Vec<_> = (0..48).map(|_| desk.call.within(PATIENCE).start.echo(&text)).collect();
    let began = Instant::now();
    for pending in started {
        assert_eq!(pending.wait().expect("it ran").len(), text.len());
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}
