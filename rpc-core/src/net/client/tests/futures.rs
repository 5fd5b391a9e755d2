//! Rules of calls that are awaited: the background worker drives at once for as long as a future waits, and not longer.

use std::sync::{Arc, Barrier};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};

use super::*;

/// Answers when the test is at the barrier too.
struct Gate(Arc<Barrier>);

impl Service for Gate {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let () = call.arguments()?;
        self.0.wait();
        call.reply::<()>(())
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A driver that is given back with `urgent` set would be taken from callers that come back at once, again and again.
#[test]
fn a_driver_that_is_given_back_after_a_future_leaves_no_request_for_the_next_one() {
    let barrier = Arc::new(Barrier::new(2));
    let server =
        Server::builder().service(Gate(Arc::clone(&barrier))).bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    thread::spawn(move || server.run());
    let client = client(address);
    let ticket = client.start(request(PATIENCE)).expect("it starts");
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    assert!(client.poll(ticket, &waker).is_none(), "its handler waits");
    assert!(client.inner.lock().urgent, "a future is no thread and cannot drive");
    barrier.wait();
    let outcome = loop {
        if let Some(outcome) = client.poll(ticket, &waker) {
            break outcome;
        }
        thread::park_timeout(PATIENCE);
    };
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let state = client.inner.lock();
    assert!(
        matches!(state.driving, Driving::Idle(_)),
        "it was given back under the lock under which it answered"
    );
    assert_eq!((state.urgent, state.background_asked), (false, false));
    drop(state);
    handle.drain();
}
