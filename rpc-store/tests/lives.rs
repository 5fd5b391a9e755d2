//! V13 in virtual time: the server dies between any two steps, and each call runs exactly once.

use std::time::Duration;

use rpc_core::CallError;
use rpc_sim::Faults;
use rpc_store::{MemoryBackend, Store};

use crate::ledger::{LedgerClient, Texts};

/// Runs, each with a network and deaths of its own.
const SEEDS: u64 = 60;
/// Calls of a run.
const CALLS: u32 = 40;

/// Makes appends while the server dies again and again. Returns how many got their reply, how many were told otherwise, and the
/// text in the store.
fn run(seed: u64, keeps: bool) -> (u32, u32, String) {
    let mut random = fastrand::Rng::with_seed(seed);
    let backend = MemoryBackend::default();
    let of_store = backend.clone();
    let faults = Faults::none().drop(0.03).cut(0.03).stall(0.03).late(Duration::from_secs(2));
    let network = Texts::network(seed, faults, move || {
        let store = Store::with_backend(of_store.clone()).expect("a store");
        if !keeps {
            store.forget_sessions().expect("no server uses it");
        }
        store
    });
    let ledger: LedgerClient = network.client();
    let ledger = ledger.call.with_deadline(Duration::from_secs(600));
    let (mut told, mut unknown) = (0, 0);
    for number in 0..CALLS {
        let mut call = ledger.start.append("a", &format!("<{number}>"));
        let dies_in = random.u32(0..40);
        let mut steps = 0;
        let ended = loop {
            if steps == dies_in {
                network.restart_server();
            }
            steps += 1;
            match call.poll_now() {
                Some(ended) => break ended,
                None => network.run_for(Duration::from_millis(random.u64(0..20))),
            }
        };
        match ended {
            Ok(text) => {
                assert!(text.ends_with(&format!("<{number}>")), "seed {seed}: {text}");
                told += 1;
            }
            Err(CallError::Unknown(_)) => unknown += 1,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    let text = backend.data(b"a").map(|bytes| String::from_utf8(bytes).expect("a text")).unwrap_or_default();
    (told, unknown, text)
}

#[test]
fn v13_each_call_runs_exactly_once_whenever_the_server_dies() {
    for seed in 0..SEEDS {
        let (told, unknown, text) = run(seed, true);
        let exactly: String = (0..CALLS).map(|number| format!("<{number}>")).collect();
        assert_eq!((told, unknown), (CALLS, 0), "seed {seed}");
        assert_eq!(text, exactly, "seed {seed}");
    }
}

#[test]
fn without_its_sessions_a_server_that_dies_leaves_calls_unknown() {
    let unknown: u32 = (0..SEEDS / 4).map(|seed| run(seed, false).1).sum();
    assert!(unknown > 0, "the runs above would prove nothing");
}
