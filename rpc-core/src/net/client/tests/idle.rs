//! A client that is idle: its socket rests with the background worker until a caller takes it back.

use std::time::Instant;

use super::*;

/// Returns true if the background worker has the socket of the client, which no thread drives.
fn rests(client: &TcpChannel) -> bool {
    matches!(&client.inner.lock().driving, Driving::Idle(driver) if driver.rests_with.is_some())
}

fn wait_until_it_rests(client: &TcpChannel) {
    let until = Instant::now() + PATIENCE;
    while !rests(client) {
        assert!(Instant::now() < until, "the worker does not look after it");
        std::thread::yield_now();
    }
}

#[test]
fn the_worker_is_asked_after_a_call_that_is_not_acknowledged_and_again_once_a_caller_took_the_socket_back() {
    let (address, handle) = server();
    let client = client(address);
    for _ in 0..2 {
        assert!(matches!(ping(&client), Outcome::Done(_)));
        assert!(client.inner.lock().attended, "the ACK is owed");
        wait_until_it_rests(&client);
    }
    let driver = take_driver(&client.inner, || Driving::Caller);
    let mut state = client.inner.lock();
    assert!(driver.rests_with.is_none() && !state.attended, "the worker hears no event of it any more");
    state.driving = Driving::Idle(driver);
    drop(state);
    assert!(matches!(ping(&client), Outcome::Done(_)));
    handle.drain();
}
