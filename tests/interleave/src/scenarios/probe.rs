//! The service of the scenarios, a server for it, and a ledger of what ran.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::{CallError, Later, Responder, rpc};

use crate::net::sync::thread;
use crate::net::{Connector, RunningServer, Server};
use crate::world;

/// Each method answers with a number that belongs to its call alone.
#[rpc]
pub(crate) trait Probe {
    /// Answers at once.
    fn quick(&self, call: u64) -> u64;
    /// Takes some steps, during which other threads run, and no time.
    fn steps(&self, call: u64) -> u64;
    /// Sleeps; not known to be slow.
    fn nap(&self, call: u64, millis: u64) -> u64;
    /// Sleeps; declared to be slow.
    #[rpc(slow)]
    fn slow(&self, call: u64, millis: u64) -> u64;
    /// Is held until the scenario ends it.
    fn hold(&self, call: u64) -> Later<u64>;
}

/// The answer to a call.
pub(crate) fn answer(call: u64) -> u64 {
    call * 1_000 + 7
}

/// The end of a call, as its caller sees it.
pub(crate) type Verdict = Result<u64, CallError<rpc_core::call::Never>>;

/// A call that is held, and what ends it.
type Held = (u64, Responder<u64>);

/// Counts the runs of each call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    runs: Arc<Mutex<HashMap<u64, u32>>>,
    /// Handlers that run now, and the most that ever ran at once.
    busy: Arc<Mutex<(usize, usize)>>,
    /// The calls that are held.
    held: Arc<Mutex<Vec<Held>>>,
}

impl Ledger {
    /// Runs a call: `work` is all that its handler does beside answering.
    fn run(&self, call: u64, work: impl FnOnce()) -> u64 {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.0 += 1;
        busy.1 = busy.1.max(busy.0);
        drop(busy);
        work();
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.entry(call).or_default();
        *runs += 1;
        assert!(*runs == 1, "V1: call {call} ran {runs} times");
        answer(call)
    }

    /// Returns the number of times that a call ran.
    pub(crate) fn runs(&self, call: u64) -> u32 {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(&call).copied().unwrap_or_default()
    }

    /// Returns the number of calls that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Answers those of the calls that are held, and returns them.
    pub(crate) fn answer_held(&self, calls: &[u64]) -> Vec<u64> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (ready, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *held).into_iter().partition(|(call, _)| calls.contains(call));
        *held = rest;
        drop(held); // a responder wakes the loop
        let answers = ready.into_iter().map(|(call, responder)| {
            responder.reply(answer(call));
            call
        });
        answers.collect()
    }

    /// Has a function called when the caller of a held call waits no longer. Returns false if the call is not held.
    pub(crate) fn watch_held(&self, call: u64, told: impl FnOnce() + Send + 'static) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let found = held.iter().find(|(held, _)| *held == call);
        found.map(|(_, responder)| responder.on_cancel(told)).is_some()
    }

    /// Returns the most handlers that ran at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Checks a verdict: an answer belongs to its call (V6) and 'not executed' is true (V7).
    pub(crate) fn check(&self, call: u64, verdict: &Verdict) {
        world::note(|| format!("call {call} ended as {verdict:?}"));
        match verdict {
            Ok(value) => {
                assert_eq!(*value, answer(call), "V6: call {call} has the answer of another");
                assert_eq!(self.runs(call), 1, "V7: call {call} has an answer and did not run");
            }
            Err(CallError::NotExecuted(why)) => {
                assert_eq!(self.runs(call), 0, "V7: call {call} ran, and its caller was told {why}");
            }
            Err(_) => {}
        }
    }

    /// Checks what became of an unknown call that ran; in a calm execution it must be known.
    pub(crate) fn resolved(&self, call: u64, resolution: &Verdict) {
        world::note(|| format!("call {call} is resolved as {resolution:?}"));
        match resolution {
            Ok(reply) => {
                assert_eq!(*reply, answer(call), "V6: call {call} is resolved as another");
            }
            Err(CallError::NotExecuted(why)) => {
                assert_eq!(self.runs(call), 0, "V7: call {call} ran, and is resolved as {why}");
            }
            open => assert!(!world::is_calm(), "V15: call {call} is not resolved: {open:?}"),
        }
    }

    /// As [`Ledger::check`], for a call whose answer comes unless the machine forgets a thread for long.
    pub(crate) fn answered(&self, call: u64, verdict: &Verdict) {
        self.check(call, verdict);
        if world::is_calm() {
            assert!(verdict.is_ok(), "V11: nothing was in the way, and call {call} ended as {verdict:?}");
        }
    }
}

impl Probe for Ledger {
    fn quick(&self, call: u64) -> u64 {
        self.run(call, || {})
    }

    fn steps(&self, call: u64) -> u64 {
        self.run(call, || (0..6).for_each(|_| world::switch()))
    }

    fn nap(&self, call: u64, time: u64) -> u64 {
        self.run(call, || thread::sleep(millis(time)))
    }

    fn slow(&self, call: u64, time: u64) -> u64 {
        self.run(call, || thread::sleep(millis(time)))
    }

    fn hold(&self, call: u64) -> Later<u64> {
        let (responder, later) = Later::pair();
        self.run(call, || {});
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push((call, responder));
        world::switch(); // it may be answered before it returns
        later
    }
}

/// A server with limits of its own.
pub(crate) fn serve(ledger: &Ledger, limits: ServerLimits, loops: usize) -> RunningServer {
    let server = Server::builder().service(ProbeServer::new(ledger.clone())).limits(limits).loops(loops);
    let server = server.bind("127.0.0.1:0").expect("a simulated port is free");
    server.spawn().expect("a thread can be started")
}

/// A client with limits of its own.
pub(crate) fn connect(server: &RunningServer, limits: ClientLimits) -> ProbeClient {
    world::with(|world| world.early = false); // else the server might not answer in time
    let connector = Connector::new().limits(limits);
    let client = connector.connect(server.local_addr()).expect("the server listens");
    world::with(|world| world.early = true);
    client
}

/// A client and its server, both with the default limits.
pub(crate) fn pair(ledger: &Ledger) -> (RunningServer, ProbeClient) {
    let server = serve(ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits::default());
    (server, client)
}

/// Starts a thread of the program.
pub(crate) fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().name("caller".to_owned()).spawn(work).expect("the scenario's threads start")
}

/// Ends a scenario: the server has nothing left, stops, and all its threads end.
pub(crate) fn stop(server: RunningServer) {
    eventually("the handlers end", millis(20), || server.oldest_running().is_zero());
    let handle = server.handle();
    server.stop().expect("the server drains");
    let counters = handle.counters();
    let rest = (counters.running, counters.queued, counters.connections);
    assert!(rest == (0, 0, 0) || !world::is_calm(), "V12: {counters:?}"); // else a drain may end by force
    eventually("the threads of a server that has ended end", millis(1), || world::live("rpc-loop") == 0);
}

/// More looks than time-outs can come early: after so many, no thread is forgotten any more.
const LOOKS: u32 = 64;

/// Waits until `done`, which must come: within `limit` in a calm execution, and in others once no thread is forgotten.
pub(crate) fn eventually(what: &str, limit: Duration, done: impl Fn() -> bool) {
    if world::is_calm() {
        until(what, limit, done);
        return;
    }
    for _ in 0..LOOKS {
        if done() {
            return;
        }
        thread::sleep(limit.max(millis(500)));
    }
    panic!("{what}: never");
}

/// Ends a scenario in which sessions are left without a word: the drain ends them.
pub(crate) fn stop_by_force(server: RunningServer) {
    server.drain_within(millis(100));
    server.wait().expect("the server drains");
    eventually("the threads of a server that has ended end", millis(1), || world::live("rpc-loop") == 0);
}

/// Nothing was late: in a calm execution, time passes only when no thread can go on.
pub(crate) fn nothing_waited_longer_than(limit: Duration) {
    if world::is_calm() {
        let passed = world::elapsed();
        assert!(
            passed <= limit,
            "a wake-up was lost: {passed:?} passed, and nothing takes longer than {limit:?}"
        );
    }
}

/// Runs `wait`; in a calm execution it must not take longer than `limit`.
pub(crate) fn within<T>(what: &str, limit: Duration, wait: impl FnOnce() -> T) -> T {
    let before = world::now();
    let done = wait();
    let took = Duration::from_micros(world::now() - before);
    assert!(!world::is_calm() || took <= limit, "V11: {what} took {took:?}, and {limit:?} is enough");
    done
}

/// Longest time that a machine that forgets threads is waited for.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// Waits until `done`; in a calm execution it must not take longer than `limit`, and in others it may not come at all.
pub(crate) fn until(what: &str, limit: Duration, done: impl Fn() -> bool) {
    let begun = world::now();
    let limit = if world::is_calm() { limit } else { limit.max(FORGOTTEN) };
    let mut pause = millis(1);
    while !done() {
        let left = limit.saturating_sub(Duration::from_micros(world::now() - begun));
        if left.is_zero() {
            assert!(!world::is_calm(), "{what}: not after {limit:?}");
            return; // the machine was slow; the rule is for one that is not
        }
        thread::sleep(pause.min(left));
        pause *= 2;
    }
}

/// So many milliseconds.
pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
