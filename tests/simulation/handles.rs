//! The stubs' own logic under faults: random users start, wait, look, resolve, forget and drop, by trait and by name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::call::{ByName, Unknown};
use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::stub::{
    Caller, Client, Contract, Dispatch, Dispatched, Handle, Method, Never, Pending, Refused,
};
use rpc_core::{CallError, Service};
use rpc_sim::{Faults, Handlers, Network};
use rpc_tests::campaign::fresh_seed;

static MARK: Method = Method::new("Marks.mark", "fn mark(tag: u64) -> u64");
static MARKS: Contract = Contract::new("Marks", &[MARK]);

/// Seeds that are the same in each test, and as many that are new.
const FIXED: u64 = 200;

/// Counts how often each tag ran, and gives its double.
#[derive(Clone, Default)]
struct Marks(Arc<Mutex<HashMap<u64, u32>>>);

impl Marks {
    fn runs(&self, tag: u64) -> u32 {
        self.0.lock().expect("no panic while locked").get(&tag).copied().unwrap_or(0)
    }
}

impl Service for Marks {
    fn contract(&self) -> &'static Contract {
        &MARKS
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let (tag,) = call.arguments::<(u64,)>()?;
        *self.0.lock().expect("no panic while locked").entry(tag).or_default() += 1;
        call.reply::<u64>(2 * tag)
    }
}

/// A stub as `#[rpc]` would write it, by hand.
struct MarksClient {
    call: Handle<MarksClient>,
}

impl Client for MarksClient {
    const CONTRACT: &'static Contract = &MARKS;
    fn from_caller(caller: Caller) -> Self {
        MarksClient { call: Handle::new(caller) }
    }
}

/// One user of the network, and what is open.
struct User {
    network: Network,
    marks: Marks,
    random: fastrand::Rng,
    started: Vec<(u64, Pending<u64>)>,
    unknown: Vec<(u64, Unknown)>,
    /// Calls of which nothing may be asked any more: they ran at most once.
    left: Vec<u64>,
    hits: HashMap<&'static str, u32>,
}

impl User {
    fn hit(&mut self, what: &'static str) {
        *self.hits.entry(what).or_default() += 1;
    }

    fn ms(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.random.u64(0..most))
    }

    /// A call has ended: what its caller is told is what happened.
    fn ended(&mut self, tag: u64, outcome: Result<u64, CallError>) {
        let runs = self.marks.runs(tag);
        match outcome {
            Ok(value) => {
                self.hit("value");
                assert_eq!((value, runs), (2 * tag, 1), "V6: call {tag}");
            }
            Err(CallError::Unknown(unknown)) => {
                self.hit("unknown");
                self.unknown.push((tag, unknown));
            }
            Err(error) => {
                self.hit(if error.ran() == Some(true) { "ran" } else { "not executed" });
                assert_eq!(error.ran().map(u32::from), Some(runs), "V6, V7: call {tag}: {error}");
                self.left.push(tag);
            }
        }
    }

    /// Asks what became of an unknown call; a reply is the same each time.
    fn resolve(&mut self, at: usize) {
        let limit = self.ms(8_000);
        let (tag, unknown) = &self.unknown[at];
        let (tag, runs) = (*tag, || self.marks.runs(*tag));
        let what = match unknown.resolve::<u64>(limit) {
            Ok(reply) => {
                assert_eq!((reply, runs()), (2 * tag, 1), "V6: call {tag}");
                let again = unknown.resolve::<u64>(Duration::ZERO);
                assert!(again.is_ok(), "call {tag} became {again:?}");
                "resolved to its reply"
            }
            Err(CallError::NotExecuted(_)) => {
                assert_eq!(runs(), 0, "V7: call {tag}");
                "resolved to not executed"
            }
            Err(CallError::ReplyLost(_)) => {
                assert_eq!(runs(), 1, "V6: call {tag}");
                "resolved to a lost reply"
            }
            Err(CallError::Unknown(again)) if again.is_open() => "still open",
            Err(CallError::Unknown(_)) => "never",
            other => panic!("call {tag} became {other:?}"),
        };
        self.hit(what);
    }

    fn step(&mut self, client: &MarksClient, by_name: &ByName, tag: u64) {
        let within = self.ms(4_000) + Duration::from_millis(1);
        let caller = client.call.with_deadline(within).call.caller().clone();
        match self.random.u8(0..14) {
            0..4 => self.started.push((tag, caller.start::<u64, Never>(&MARK, &(tag,)))),
            4..6 => {
                let outcome = caller.call::<u64, Never>(&MARK, &(tag,));
                self.ended(tag, outcome);
            }
            6 => {
                let outcome = by_name.with_deadline(within).call::<u64, _>("Marks.mark", &(tag,));
                self.hit("by name");
                self.ended(tag, outcome);
            }
            7 | 8 if !self.started.is_empty() => {
                let at = self.random.usize(0..self.started.len());
                let limit = self.ms(500);
                let (tag, pending) = &mut self.started[at];
                let (tag, outcome) = (
                    *tag,
                    if limit.subsec_millis() % 2 == 0 { pending.poll_now() } else { pending.wait_for(limit) },
                );
                if let Some(outcome) = outcome {
                    drop(self.started.remove(at)); // its reply was taken
                    self.ended(tag, outcome);
                }
            }
            9 if !self.started.is_empty() => {
                let (tag, pending) = self.started.swap_remove(0);
                drop(pending);
                self.hit("dropped");
                self.left.push(tag);
            }
            10 | 11 if !self.unknown.is_empty() => {
                let at = self.random.usize(0..self.unknown.len());
                self.resolve(at);
            }
            12 if !self.unknown.is_empty() => {
                let (tag, unknown) = self.unknown.swap_remove(0);
                drop(unknown);
                self.hit("forgotten");
                self.left.push(tag);
            }
            _ => {
                let pause = self.ms(900);
                self.network.run_for(pause);
            }
        }
    }

    /// Waits for all that is open, on a network that works.
    fn finish(&mut self, client: &MarksClient) {
        self.network.set_faults(Faults::none());
        for (tag, pending) in std::mem::take(&mut self.started) {
            let outcome = pending.wait();
            self.ended(tag, outcome);
        }
        self.network.run_for(Duration::from_secs(120));
        for at in 0..self.unknown.len() {
            self.resolve(at);
        }
        for (tag, unknown) in &self.unknown {
            let again = unknown.resolve::<u64>(Duration::ZERO);
            let open = matches!(&again, Err(CallError::Unknown(again)) if again.is_open());
            assert!(!open, "V15: call {tag} is open long after the faults");
        }
        for tag in &self.left {
            assert!(self.marks.runs(*tag) <= 1, "V1: call {tag}");
        }
        self.unknown.clear();
        let counters = client.call.counters();
        assert_eq!(counters.orphaned_slots, 0, "V15: {counters:?}");
        let patient = client.call.with_deadline(Duration::from_secs(100)).call.caller().clone();
        let last = patient.call::<u64, Never>(&MARK, &(u64::MAX / 4,));
        assert!(last.is_ok(), "V16: {last:?}");
    }
}

fn run(seed: u64) -> HashMap<&'static str, u32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let faults =
        [Faults::bad(), Faults::none().drop(0.2), Faults::none().cut(0.05).half_open(0.3), Faults::none()];
    let network = Network::with_limits(
        seed,
        faults[random.usize(0..4)].clone(),
        ServerLimits { slots: 4, ..Default::default() },
    );
    let marks = Marks::default();
    network.serve(marks.clone());
    network.handlers(Handlers { slow: 0.5, longest: Duration::from_secs(5), at_once: random.usize(1..5) });
    let limits =
        ClientLimits { all_orphaned: Duration::from_millis(random.u64(200..3_000)), ..Default::default() };
    let client = MarksClient::from_caller(network.caller(&[&MARKS], limits));
    let by_name = network.by_name(&["Marks"]).expect("few names");
    network.run_for(Duration::from_secs(3)); // it learns the names
    let mut user = User {
        network,
        marks,
        random,
        started: Vec::new(),
        unknown: Vec::new(),
        left: Vec::new(),
        hits: HashMap::new(),
    };
    for tag in 1..=60 {
        user.step(&client, &by_name, tag);
    }
    user.finish(&client);
    user.hits
}

#[test]
fn v6_v7_v15_v16_hold_for_handles_that_are_waited_for_looked_at_resolved_forgotten_and_dropped() {
    let mut hits: HashMap<&str, u32> = HashMap::new();
    let moving = fresh_seed();
    for seed in (0..FIXED).chain(moving..moving + FIXED) {
        println!("seed {seed}"); // shown if this one fails
        for (what, count) in run(seed) {
            *hits.entry(what).or_default() += count;
        }
    }
    for what in [
        "value",
        "unknown",
        "not executed",
        "by name",
        "dropped",
        "forgotten",
        "resolved to its reply",
        "resolved to not executed",
        "still open",
    ] {
        assert!(hits.contains_key(what), "{what} was never hit: {hits:?}");
    }
}
