//! Rules of nonces on the client: one for each session that it opens, the same in each HELLO for that session (W9).

use super::*;
use crate::proto::client::seeded_nonce;
use crate::proto::tests::ms;
use crate::wire::message::Hello;

/// A client whose sessions have nonces, from its seed.
fn with_nonces(seed: u64) -> Bench {
    let mut bench = Bench::seeded(quiet(1), seed);
    let config = bench.core.config.clone();
    bench.core = ClientCore::with_nonces(config, seeded_nonce);
    bench
}

/// Connects, and returns the HELLO.
fn hello_of(bench: &mut Bench) -> Hello {
    bench.wait_until_it_connects();
    bench.core.handle_connected(bench.now);
    Hello::decode(&bench.written()[0].body).expect("a HELLO")
}

#[test]
fn w9_a_client_keeps_its_nonce_until_the_session_stands_and_draws_another_for_the_next() {
    let mut bench = with_nonces(1);
    let first = hello_of(&mut bench);
    let nonce = first.nonce.expect("it has one");
    let again = bench.pass(ms(250));
    assert_eq!(Hello::decode(&again[0].1.body).expect("a HELLO"), first, "the same HELLO again");
    bench.cut();
    assert_eq!(hello_of(&mut bench).nonce, Some(nonce), "WELCOME may have been lost");
    bench.hears(&Header { millis: 10, ..Header::new(Kind::Busy) }, b"");
    bench.cut();
    let other = hello_of(&mut bench).nonce;
    assert!(other.is_some() && other != Some(nonce), "another loop may have room");
    bench.welcome(false);
    bench.send(1, LONG);
    bench.cut();
    let resume = hello_of(&mut bench);
    assert!(resume.nonce.is_none() && resume.resume.is_some());
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    bench.start(2, LONG);
    bench.cut();
    let next = hello_of(&mut bench).nonce;
    assert!(next.is_some() && next != Some(nonce));
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    bench.cut();
    let third = hello_of(&mut bench).nonce;
    assert!(third.is_some() && third != next, "the session of that nonce has ended");
}

#[test]
fn w9_sessions_of_two_clients_and_of_a_forked_child_have_nonces_of_their_own() {
    let nonces = [1, 2].map(|seed| hello_of(&mut with_nonces(seed)).nonce);
    assert!(nonces[0].is_some() && nonces[0] != nonces[1]);
    let mut child = with_nonces(1);
    hello_of(&mut child);
    child.core.abandon_session(child.now);
    assert!(![None, nonces[0]].contains(&hello_of(&mut child).nonce));
}
