//! Calls that no thread holds: a reply from another thread against a cancel, a handler that has not returned, and a shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpc_core::CallError;

use super::Scenario;
use super::probe::{Ledger, eventually, millis, pair, run, until, within};
use crate::world;

pub(super) const SCENARIOS: [Scenario; 1] = [Scenario {
    name: "held calls",
    about: "calls that no thread holds are answered by another thread, cancelled meanwhile, and left when the server ends",
    run: held_calls,
}];

/// The call that is answered, the one that is cancelled while it is, and the one that is left.
const CALLS: [u64; 3] = [1, 2, 3];

fn held_calls() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let [first, second, third] = CALLS.map(|call| client.start.hold(call));
    let answering = {
        let ledger = ledger.clone();
        // It may answer before the handler has returned: it takes a responder as soon as there is one.
        run(move || {
            until("the first call is held", millis(40), || {
                ledger.answer_held(&CALLS[..2]).contains(&CALLS[0])
            });
            ledger.answer_held(&CALLS[..2]); // the second, unless it was cancelled before it began
        })
    };
    let cancelling = run(move || drop(second));
    ledger.answered(CALLS[0], &within("a reply from another thread", millis(40), || first.wait()));
    answering.join().expect("it does not panic");
    cancelling.join().expect("it does not panic");
    until("a call is held", millis(40), || ledger.held() > 0);
    let told = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&told);
    let is_held = ledger.watch_held(CALLS[2], move || tell.store(true, Ordering::Relaxed));
    server.drain_within(millis(60));
    let verdict = third.wait();
    ledger.check(CALLS[2], &verdict);
    let given_up = matches!(verdict, Err(CallError::GivenUp(_)));
    // While the second is held, the server may let the third wait: until it knows how long a reply of this method is.
    assert!(given_up || !is_held || !world::is_calm(), "V12: a call that is left has a verdict: {verdict:?}");
    if is_held {
        eventually("its holder is told", millis(20), || told.load(Ordering::Relaxed));
    }
    client.call.close();
    server.wait().expect("the server drains");
    eventually("the threads of the server end", millis(1), || {
        world::live("rpc-loop") == 0 && world::live("rpc-notices") == 0
    });
}
