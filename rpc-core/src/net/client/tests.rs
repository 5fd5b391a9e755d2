//! Tests of cases that no test outside the crate can cause: a fork, which needs unsafe code, and a driver that panics.

mod addresses;
mod answers;
mod counted;
mod futures;
mod idle;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use super::channel::TcpChannel;
use super::driver::Driver;
use super::state::Driving;
use super::*;
use crate::call::Channel;
use crate::contract::Method;
use crate::net::{Server, ServerHandle};
use crate::proto::{Outcome, Request, UnknownCause};
use crate::service::{Dispatch, Dispatched, Refused, Service};
use crate::wire::frame::body_checksum;

/// The longest wait: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

const PING: Method = Method::new("Fork.ping", "fn ping()");
static CONTRACT: Contract = Contract::new("Fork", &[PING]);

struct Pings;

impl Service for Pings {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let () = call.arguments()?;
        call.reply::<()>(())
    }
}

fn server() -> (SocketAddr, ServerHandle) {
    let server = Server::builder().service(Pings).bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    std::thread::spawn(move || server.run());
    (address, handle)
}

fn client(address: SocketAddr) -> TcpChannel {
    let mut connector = Connector::new();
    connector.contracts.push(&CONTRACT);
    let book = AddressBook::new(address.into(), vec![address.into()]).expect("an address");
    connector.open(book).expect("it listens")
}

/// Takes the driver of a client, as soon as the background worker does not have it.
fn take_driver(inner: &ClientInner, role: fn() -> Driving) -> Box<Driver> {
    loop {
        if let Some(driver) = inner.lock().take_driver(role()) {
            return driver;
        }
        std::thread::yield_now();
    }
}

fn request(within: Duration) -> Request {
    let (body, body_crc) = (Vec::new(), body_checksum(&[], true));
    Request {
        method: &PING,
        body,
        body_crc,
        metadata: 0,
        within,
        repeat: false,
        retry: false,
        fail_fast: false,
    }
}

fn ping(client: &dyn Channel) -> Outcome {
    client.call(request(PATIENCE)).0
}

/// Pings in another thread, so that a child which waits for its parent fails the test.
fn ping_in_time(client: ForkedChannel) -> (Outcome, ForkedChannel) {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let outcome = ping(&client);
        let _ = done.send((outcome, client));
    });
    finished.recv_timeout(2 * PATIENCE).expect("the child does not wait for the parent's thread")
}

#[test]
fn a_forked_child_opens_a_session_of_its_own_although_a_thread_of_its_parent_drove() {
    for role in [|| Driving::Caller, || Driving::Background] {
        let (address, handle) = server();
        let channel = client(address);
        let inner = Arc::clone(&channel.inner);
        let client = ForkedChannel::new(channel);
        assert!(matches!(ping(&client), Outcome::Done(_)));
        let parents = take_driver(&inner, role);
        client.pretend_fork();
        let (outcome, client) = ping_in_time(client);
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        let counters = handle.counters();
        assert_eq!((counters.opened, counters.sessions), (2, 2), "the parent's session is left alone");
        drop((client, parents));
        handle.drain();
    }
}

#[test]
fn a_forked_child_has_a_client_that_works_although_a_thread_of_its_parent_held_the_lock() {
    let (address, handle) = server();
    let channel = client(address);
    let inner = Arc::clone(&channel.inner);
    let client = ForkedChannel::new(channel);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    let held = inner.lock(); // never unlocked, as far as the child can see
    client.pretend_fork();
    let (outcome, client) = ping_in_time(client);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    drop(client);
    drop(held);
    handle.drain();
}

#[test]
fn a_call_of_the_parent_ends_in_the_child_and_goes_on_in_the_parent() {
    let (address, handle) = server();
    let channel = client(address);
    let inner = Arc::clone(&channel.inner);
    let parents = inner.lock().take_driver(Driving::Caller).expect("no thread drives"); // nothing is sent
    let client = ForkedChannel::new(channel);
    let ticket = client.start(request(PATIENCE)).expect("it waits");
    client.pretend_fork();
    assert!(matches!(ping(&client), Outcome::Done(_)));
    let forked = Some(Outcome::Unknown(UnknownCause::Forked));
    assert_eq!(client.poll(ticket, std::task::Waker::noop()), forked);
    assert_eq!(client.wait(ticket, None), forked);
    assert_eq!(client.resolve(ticket, PATIENCE), forked);
    client.abandon(ticket);
    client.forget(ticket);
    assert!(inner.lock().core.owes(), "the parent's call is where it was");
    assert_eq!(handle.counters().executions, 1, "the child has sent its own call alone");
    drop((client, parents));
    handle.drain();
}

#[test]
fn a_client_that_was_closed_before_the_fork_stays_closed_in_the_child() {
    let (address, handle) = server();
    let client = ForkedChannel::new(client(address));
    client.close();
    client.pretend_fork();
    assert!(matches!(ping(&client), Outcome::NotExecuted(crate::error::Reason::Closed, _)));
    handle.drain();
}

#[test]
fn a_forked_child_that_only_ends_says_nothing_on_its_parent_s_connection() {
    let (address, handle) = server();
    let client = ForkedChannel::new(client(address));
    assert!(matches!(ping(&client), Outcome::Done(_)));
    client.pretend_fork();
    drop(client); // closes the one socket that there is, since this is no fork; but it says no BYE
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(handle.counters().sessions, 1, "the parent's session is left alone");
    handle.drain();
}

#[test]
fn one_call_of_close_sends_bye_and_closes_the_socket() {
    let (address, handle) = server();
    let client = client(address);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    client.close();
    let state = client.inner.lock();
    let Driving::Idle(driver) = &state.driving else { panic!("no thread drives") };
    assert!(!driver.transport.is_connected() && !state.core.wants_close());
    drop(state);
    drop(client);
    while handle.counters().sessions > 0 {
        std::thread::yield_now(); // the BYE is on its way; without it the session lasts for its lease
    }
    handle.drain();
}

#[test]
fn a_driver_that_panics_leaves_the_client_to_the_others() {
    let (address, handle) = server();
    let client = client(address);
    let looks = std::cell::Cell::new(0);
    let panics_while_it_drives = |_: &ClientState| {
        looks.set(looks.get() + 1);
        assert!(looks.get() < 2, "as planned");
        false
    };
    let driven = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut state = client.inner.lock();
        let ticket = state.waiters.register();
        drop(client.inner.wait_until(
            state,
            ticket,
            None,
            &panics_while_it_drives,
            &mut PendingWakeups::default(),
        ));
    }));
    assert!(driven.is_err());
    assert!(matches!(ping(&client), Outcome::Done(_)), "the next caller drives, with a session of its own");
    assert_eq!(handle.counters().opened, 2);
    handle.drain();
}
