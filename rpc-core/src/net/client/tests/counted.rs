//! Rules of what a client counts: its turns, which the background worker reads, and the orphaned slots of both sessions.

use super::answers::{core, greet};
use super::*;
use crate::net::client::special_cases::{leave_if_blocked, recover_from_worker};
use crate::net::client::transport::Transport;

/// The background worker takes the driver from a client whose turns stand still.
#[test]
fn each_way_in_which_a_caller_drives_counts_as_a_turn() {
    let (address, handle) = server();
    let client = client(address);
    let turns = |client: &TcpChannel| client.inner.lock().turns;
    let before = turns(&client);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    let waited = turns(&client);
    assert!(waited > before, "a caller that waits drives");
    let ticket = client.start(request(PATIENCE)).expect("it starts");
    assert!(turns(&client) > waited, "a call that is started is sent at once");
    assert!(matches!(client.wait(ticket, Some(PATIENCE)), Some(Outcome::Done(_))));
    handle.drain();
}

#[test]
fn v15_the_orphaned_slots_of_a_session_that_drains_are_counted_too() {
    let (address, handle) = server();
    let client = client(address);
    let (mut draining, mut now) = (core(1), Time::default());
    greet(&mut draining, now);
    let deadline = Duration::from_millis(10);
    draining.start(0, request(deadline), now).expect("it starts");
    draining.poll_transmit(&mut Vec::new(), now);
    draining.handle_flushed(now);
    for pause in [deadline, Duration::from_secs(10)] {
        now = now.plus(pause);
        draining.handle_timeout(now);
    }
    assert_eq!(client.counters().orphaned_slots, 0);
    let mut state = client.inner.lock();
    state.core = draining;
    assert!(leave_if_blocked(&mut state, &mut Transport::default(), now, || core(2)).is_some());
    drop(state);
    assert_eq!(client.counters().orphaned_slots, 1);
    handle.drain();
}

#[test]
fn a_worker_that_fails_takes_no_session_from_a_client_that_it_does_not_drive() {
    let (address, handle) = server();
    let client = client(address);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    let driver = take_driver(&client.inner, || Driving::Caller);
    let mut state = client.inner.lock();
    (state.background_asked, state.attended) = (true, true);
    drop(state);
    recover_from_worker(&client.inner);
    let mut state = client.inner.lock();
    assert!(matches!(state.driving, Driving::Caller), "the caller goes on");
    assert!(!state.background_asked && !state.attended, "another worker is asked");
    state.driving = Driving::Idle(driver);
    drop(state);
    recover_from_worker(&client.inner);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    assert_eq!(client.counters().sessions, 1);
    drop(take_driver(&client.inner, || Driving::Background));
    recover_from_worker(&client.inner);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    assert_eq!(client.counters().sessions, 2, "what the worker held is lost");
    handle.drain();
}
