//! Rules of the end of a server: the time that a drain has, and the calls that it abandons.

use std::sync::{Mutex, PoisonError, mpsc};

use super::*;
use crate::net::server::ServeError;
use crate::net::server::life::{self, ShutdownSignal};

static WAIT: Method = Method::new("Wait.wait", "fn wait()").slow();
static WAITS: Contract = Contract::new("Wait", std::slice::from_ref(&WAIT));

/// Says that a call has begun, and then waits until the test drops the other end.
struct Waits(mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>);

impl Service for Waits {
    fn contract(&self) -> &'static Contract {
        &WAITS
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let _ = self.0.send(()); // the test may have ended
        let _ = self.1.lock().unwrap_or_else(PoisonError::into_inner).recv();
        call.reply::<()>(())
    }
}

/// Ends a server at once, with or without a call that runs. Returns true if the server says that it abandoned a call.
fn is_forced(with_call: bool) -> bool {
    let ((begins, began), (lets_go, waits)) = (mpsc::channel(), mpsc::channel());
    let server = Server::builder().service(Waits(begins, Mutex::new(waits)));
    let server = server.bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    let thread = std::thread::spawn(move || server.run());
    let mut client = TcpStream::connect(address).expect("it listens");
    if with_call {
        let hello = Hello::new(1, 0, &[&WAITS]).encode();
        let call = Header { method: WAIT.id, millis: 60_000, ..Header::for_call(Kind::Call, 0, 1) };
        write(&mut client, &[(Header::new(Kind::Hello), &hello), (call, &[])]);
        began.recv_timeout(Duration::from_secs(60)).expect("the call begins");
    }
    handle.drain_within(Duration::ZERO);
    thread.join().expect("no panic").expect("drained");
    let forced = handle.loops().iter().any(|owner| life::was_forced(owner));
    drop(lets_go);
    forced
}

#[test]
fn v12_a_server_that_abandons_a_running_call_says_so_and_another_one_does_not() {
    assert!(is_forced(true), "a handler ran, and its result was dropped");
    assert!(!is_forced(false));
}

#[test]
fn v20_of_two_drains_the_one_that_ends_sooner_counts_whichever_began_first() {
    const LONG: Duration = Duration::from_secs(3600);
    for limits in [[LONG, Duration::ZERO], [Duration::ZERO, LONG]] {
        let signal = ShutdownSignal::default();
        assert_eq!(signal.time_left(), None, "no drain has begun");
        assert!(signal.drain(limits[0]), "the first one");
        assert!(!signal.drain(limits[1]), "the second one");
        assert_eq!(signal.time_left(), Some(Duration::ZERO), "{limits:?}");
    }
}

#[test]
fn the_error_that_ended_a_loop_stays_whichever_thread_ends_it_first() {
    for error_is_first in [true, false] {
        let server = Server::builder().service(Ping).bind("127.0.0.1:0").expect("a free port");
        let owner = &server.handle.loops()[0];
        let event_loop = owner.lock().parked_loop.take();
        let error = || Some(ServeError::Failed("a defect".to_owned()));
        if error_is_first {
            life::end(owner, None, error()); // the thread that panicked does not have the loop
            life::end(owner, event_loop, None); // its owner finds the queue closed
        } else {
            life::end(owner, event_loop, None);
            life::end(owner, None, error());
        }
        assert!(
            matches!(life::take_error(owner), Some(ServeError::Failed(_))),
            "error first: {error_is_first}"
        );
    }
}

#[test]
fn of_the_calls_that_run_without_the_loop_the_oldest_is_told() {
    use crate::ids::Time;
    let server = Server::builder().service(Ping).bind("127.0.0.1:0").expect("a free port");
    let owner = &server.handle.loops()[0];
    assert_eq!(life::oldest_slow(owner), None);
    let times = [Time(7), Time(9)];
    (1..).zip(times).for_each(|(epoch, since)| owner.lock().slow.add(epoch, since, None, false));
    assert_eq!(life::oldest_slow(owner), Some(times[0]));
}

/// Servers that are stopped: the fault showed in some of a hundred.
const STOPPED: usize = 200;

/// Takes a moment to be dropped, as a store does that closes its file.
struct SlowToClose(mpsc::Sender<()>);

impl Drop for SlowToClose {
    fn drop(&mut self) {
        std::thread::yield_now();
        let _ = self.0.send(()); // the test may have ended
    }
}

impl Service for SlowToClose {
    fn contract(&self) -> &'static Contract {
        &WAITS
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        call.reply::<()>(())
    }
}

#[test]
fn a_server_that_was_stopped_has_dropped_its_services() {
    for _ in 0..STOPPED {
        let (drops, dropped) = mpsc::channel();
        let server = Server::builder().service(SlowToClose(drops)).bind("127.0.0.1:0").expect("a free port");
        server.spawn().expect("it runs").stop().expect("it stops");
        dropped.try_recv().expect("the last thread has let the services go before `stop` returns");
    }
}
