//! The simulator as a user meets it: ordinary stubs, blocking calls, races, futures, crashes and partitions.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rpc_core::call::Unknown;
use rpc_core::error::Reason;
use rpc_core::stub::{
    Caller, Client, Contract, Dispatch, Dispatched, Handle, Method, Never, Pending, Refused,
};
use rpc_core::{CallError, Race, Service};
use rpc_sim::{Faults, Handlers, Network, in_process};

static ADD: Method = Method::new("Counter.add", "fn add(amount: u64) -> u64");
static COUNTER: Contract = Contract::new("Counter", &[ADD]);

/// A stub as `#[rpc]` would write it, by hand.
struct CounterClient {
    call: Handle<CounterClient>,
    caller: Caller,
}

impl Client for CounterClient {
    const CONTRACT: &'static Contract = &COUNTER;
    fn from_caller(caller: Caller) -> Self {
        CounterClient { call: Handle::new(caller.clone()), caller }
    }
}

impl CounterClient {
    fn add(&self, amount: u64) -> Result<u64, CallError> {
        self.caller.call::<u64, Never>(&ADD, &(amount,))
    }
    fn start_add(&self, amount: u64) -> Pending<u64> {
        self.caller.start::<u64, Never>(&ADD, &(amount,))
    }
}

#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Service for Counter {
    fn contract(&self) -> &'static Contract {
        &COUNTER
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let (amount,) = call.arguments::<(u64,)>()?;
        call.reply::<u64>(self.0.fetch_add(amount, Ordering::Relaxed) + amount)
    }
}

fn network(seed: u64, faults: Faults) -> (Network, Counter, CounterClient) {
    let network = Network::new(seed, faults);
    let counter = Counter::default();
    network.serve(counter.clone());
    let client = network.client();
    (network, counter, client)
}

#[test]
fn a_service_is_tested_in_one_process_through_the_same_protocol_code() {
    let client: CounterClient = in_process(Counter::default());
    assert_eq!(client.add(2).expect("no faults"), 2);
    assert_eq!(client.add(3).expect("no faults"), 5);
    assert_eq!(client.call.counters().sessions, 1);
}

#[test]
fn on_a_bad_network_every_verdict_agrees_with_the_counter() {
    for seed in 0..40 {
        let (_network, counter, client) = network(seed, Faults::bad());
        let (mut sure, mut unsure) = (0, 0);
        for _ in 0..25 {
            match client.add(1) {
                Ok(_) => sure += 1,
                Err(error) => match error.ran() {
                    Some(ran) => sure += u64::from(ran),
                    None => unsure += 1,
                },
            }
        }
        let ran = counter.0.load(Ordering::Relaxed);
        assert!(
            (sure..=sure + unsure).contains(&ran),
            "seed {seed}: {sure} sure, {unsure} unsure, {ran} ran"
        );
    }
}

#[test]
fn the_same_seed_does_the_same_again() {
    let run = |seed| {
        let (network, _, client) = network(seed, Faults::bad());
        for _ in 0..20 {
            let _ = client.add(1);
        }
        network.trace_hash()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn a_call_that_waits_out_a_partition_takes_no_real_time_and_runs_once() {
    let (network, counter, client) = network(1, Faults::none());
    client.add(1).expect("no faults");
    network.partition(Duration::from_secs(20));
    let patient = client.call.with_deadline(Duration::from_secs(60));
    assert_eq!(patient.add(1).expect("after the partition"), 2);
    assert_eq!(counter.0.load(Ordering::Relaxed), 2);
    assert!(network.now().0 >= 20_000_000);
}

#[test]
fn an_unknown_call_can_be_resolved_when_the_network_is_back() {
    let (network, counter, client) = network(3, Faults::none());
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(4), at_once: 9 });
    let mut tries = (0..50).map(|_| client.call.with_deadline(Duration::from_millis(300)).add(1));
    let open: Option<Unknown> = tries.find_map(|outcome| match outcome {
        Err(CallError::Unknown(unknown)) => Some(unknown),
        _ => None,
    });
    let before = counter.0.load(Ordering::Relaxed);
    match open.expect("found").resolve::<u64>(Duration::from_secs(60)) {
        Ok(sum) => assert!(sum > 0),
        Err(CallError::NotExecuted(_)) => assert_eq!(counter.0.load(Ordering::Relaxed), before),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_that_still_waited_on_the_server_at_its_deadline_is_not_called_cancelled() {
    let (network, _, client) = network(3, Faults::none());
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(60), at_once: 1 });
    let _first = client.start_add(1); // has the only place
    let Err(CallError::Unknown(unknown)) = client.call.with_deadline(Duration::from_millis(50)).add(2) else {
        panic!("it was sent, and has no reply")
    };
    let Err(CallError::NotExecuted(why)) = unknown.resolve::<u64>(Duration::from_secs(60)) else {
        panic!("it has never begun")
    };
    assert_eq!(why.reason, Reason::Deadline, "the caller has cancelled nothing: {why}");
    assert!(why.to_string().contains("its deadline passed before it began"), "{why}");
}

#[test]
fn after_a_restart_a_call_that_was_sent_is_unknown_for_ever_and_a_new_one_runs() {
    let (network, _, client) = network(4, Faults::none());
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(60), at_once: 9 });
    let mut pending = client.start_add(1);
    assert!(pending.wait_for(Duration::from_millis(10)).is_none());
    network.restart_server();
    network.handlers(Handlers::default());
    match pending.wait() {
        Err(CallError::Unknown(unknown)) => {
            let again = unknown.resolve::<u64>(Duration::from_secs(1));
            assert!(matches!(&again, Err(CallError::Unknown(again)) if !again.is_open()), "{again:?}");
        }
        other => panic!("{other:?}"),
    }
    client.add(1).expect("a new session");
    assert_eq!(network.server_counters().lost, 1);
}

#[test]
fn a_crashed_server_leaves_unsent_calls_not_executed() {
    let (network, counter, client) = network(5, Faults::none());
    client.add(1).expect("no faults");
    network.crash_server();
    network.run_for(Duration::from_secs(5));
    let error = client.call.with_deadline(Duration::from_secs(1)).add(1).expect_err("no server");
    assert_eq!(error.ran(), Some(false), "{error}");
    assert_eq!(counter.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_race_gives_replies_in_the_order_in_which_they_finish() {
    let (network, _, client) = network(6, Faults::none());
    network.handlers(Handlers { slow: 0.8, longest: Duration::from_secs(2), at_once: 99 });
    let race: Race<_, _> = (0..12).map(|label| (label, client.start_add(1))).collect();
    let mut times = Vec::new();
    let labels: Vec<u32> = race
        .map(|(label, reply)| {
            times.push(network.now());
            reply.expect("no faults");
            label
        })
        .collect();
    assert!(times.is_sorted());
    assert!(!labels.is_sorted(), "handlers of random length do not finish in order: {labels:?}");
    let mut all = labels.clone();
    all.sort_unstable();
    assert_eq!(all, (0..12).collect::<Vec<_>>());
}

#[test]
fn a_pending_call_is_a_future_that_any_executor_can_finish() {
    let (_network, _, client) = network(7, Faults::bad());
    let mut future = pin!(client.start_add(1));
    let mut polls = 0;
    let reply = loop {
        polls += 1;
        if let Poll::Ready(reply) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            break reply;
        }
    };
    assert!(polls > 1 && reply.is_ok(), "{reply:?} after {polls}");
}

#[test]
fn a_dropped_call_is_cancelled_and_its_slot_is_free_again() {
    let (network, _, client) = network(8, Faults::none());
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(2), at_once: 1 });
    let calls: Vec<_> = (0..8).map(|_| client.start_add(1)).collect();
    network.run_for(Duration::from_millis(20));
    drop(calls);
    network.run_for(Duration::from_secs(5));
    assert_eq!(client.call.counters().orphaned_slots, 0);
    assert!(network.server_counters().cancels_queued > 0);
}

/// A service that calls another one on the same network.
struct Relay(Mutex<Option<CounterClient>>);

static RELAY_ADD: Method = Method::new("Relay.add", "fn add(amount: u64) -> u64");
static RELAY: Contract = Contract::new("Relay", &[RELAY_ADD]);

impl Service for Relay {
    fn contract(&self) -> &'static Contract {
        &RELAY
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let (amount,) = call.arguments::<(u64,)>()?;
        let client = self.0.lock().expect("not poisoned").take().expect("set");
        let sum = client.add(amount).expect("no faults");
        call.reply::<u64>(sum)
    }
}

#[test]
fn a_handler_may_call_another_service_on_the_same_network() {
    let network = Network::new(9, Faults::none());
    let relay = Arc::new(Relay(Mutex::new(None)));
    struct Shared(Arc<Relay>);
    impl Service for Shared {
        fn contract(&self) -> &'static Contract {
            &RELAY
        }
        fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
            self.0.dispatch(call)
        }
    }
    network.serve(Counter::default()).serve(Shared(Arc::clone(&relay)));
    *relay.0.lock().expect("not poisoned") = Some(network.client());
    let caller = network.caller(&[&RELAY], rpc_core::limits::ClientLimits::default());
    assert_eq!(caller.call::<u64, Never>(&RELAY_ADD, &(4u64,)).expect("no faults"), 4);
}

static FILL: Method = Method::new("Filler.fill", "fn fill(size: u64) -> Vec<u8>").max_cached_reply(1 << 20);
static FILLER: Contract = Contract::new("Filler", &[FILL]);

struct Filler;

impl Service for Filler {
    fn contract(&self) -> &'static Contract {
        &FILLER
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let (size,) = call.arguments::<(u64,)>()?;
        call.reply::<Vec<u8>>(vec![7; size as usize])
    }
}

#[test]
fn a_reply_over_the_clients_limit_is_lost_with_both_sizes_and_the_connection_lives() {
    let network = Network::new(10, Faults::none());
    network.serve(Filler);
    let limits = rpc_core::limits::ClientLimits { max_frame: 5000, ..Default::default() };
    let caller = network.caller(&[&FILLER], limits);
    match caller.call::<Vec<u8>, Never>(&FILL, &(6000u64,)) {
        Err(CallError::ReplyLost(lost)) => {
            assert!(lost.detail.contains("6008") && lost.detail.contains("5000"), "{lost}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(caller.call::<Vec<u8>, Never>(&FILL, &(5u64,)).expect("it fits"), [7; 5]);
    assert_eq!(Handle::<CounterClient>::new(caller).counters().connections, 1);
}

/// Virtual time in which the callers of a server that has gone are told.
const TOLD: u64 = 10_000_000;

fn is_draining(outcome: Result<u64, CallError>) -> bool {
    matches!(outcome, Err(CallError::NotExecuted(refusal)) if refusal.reason == Reason::Draining)
}

#[test]
fn v16_callers_of_a_server_that_drained_and_has_gone_are_told_at_once_and_the_next_server_is_found() {
    let (network, counter, client) = network(6, Faults::none());
    let patient = client.call.with_deadline(Duration::from_secs(3_600));
    assert_eq!(patient.add(1).expect("no faults"), 1);
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(3_600), at_once: 9 });
    let sent = patient.start_add(1);
    network.run_for(Duration::from_millis(50));
    network.drain_server();
    network.run_for(Duration::from_millis(50));
    let waits = patient.start_add(1);
    network.crash_server(); // as a drain that was forced leaves its handlers
    let began = network.now();
    match sent.wait() {
        Err(CallError::Unknown(unknown)) => {
            assert_eq!(unknown.ran(Duration::from_secs(1)), None, "the server took the answer with it");
        }
        other => panic!("{other:?}"),
    }
    assert!(is_draining(waits.wait()));
    for _ in 0..3 {
        assert!(is_draining(patient.add(1)));
    }
    assert!(network.now().0 - began.0 < TOLD, "no deadline is as short");
    network.handlers(Handlers::default());
    network.restart_server();
    let ran = counter.0.load(Ordering::Relaxed);
    assert_eq!(patient.add(1).expect("the next server"), ran + 1, "what was not executed does not run later");
}

#[test]
fn callers_of_a_server_that_died_without_a_word_wait_for_the_next_one() {
    let (network, counter, client) = network(7, Faults::none());
    let patient = client.call.with_deadline(Duration::from_secs(3_600));
    assert_eq!(patient.add(1).expect("no faults"), 1);
    network.crash_server();
    network.run_for(Duration::from_secs(5)); // until it knows: what goes into the dead connection is unknown
    let waits = patient.start_add(1);
    network.run_for(Duration::from_secs(600));
    network.restart_server();
    assert_eq!(waits.wait().expect("it waited for ten minutes"), 2);
    assert_eq!(counter.0.load(Ordering::Relaxed), 2);
}
