//! Code around the calls of a client: what it may refuse, which verdict it learns, what it adds, and how often it runs.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use rpc_core::call::Never;
use rpc_core::{
    CallContext, CallError, ClientHook, OutgoingCall, Race, Reason, Refused, Server, UnknownCause, Verdict,
    rpc,
};
use rpc_sim::{Faults, Handlers, Network, in_process};

#[rpc]
trait Work {
    fn add(&self, amount: u64) -> u64;
    fn fail(&self) -> Result<(), String>;
    fn panic(&self) -> u64;
    fn give_up(&self, cx: &CallContext) -> u64;
    fn secret(&self) -> u64;
    /// Returns the value of the key `number`.
    fn number(&self, cx: &CallContext) -> Option<String>;
}

#[derive(Default)]
struct Worker(AtomicU64);

impl Work for Worker {
    fn add(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed) + amount
    }
    fn fail(&self) -> Result<(), String> {
        Err("no".to_owned())
    }
    fn panic(&self) -> u64 {
        panic!("as planned")
    }
    fn give_up(&self, cx: &CallContext) -> u64 {
        cx.give_up("enough")
    }
    fn secret(&self) -> u64 {
        self.add(1000)
    }
    fn number(&self, cx: &CallContext) -> Option<String> {
        self.add(1);
        cx.metadata().get("number").map(str::to_owned)
    }
}

/// Notes all that happens, and refuses one method.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>, Refuses);

/// If the notes refuse calls of `secret`.
#[derive(Clone, Copy, Default, PartialEq)]
enum Refuses {
    #[default]
    Secrets,
    Nothing,
}

impl Notes {
    fn add(&self, note: String) {
        self.0.lock().expect("no panic").push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }

    /// Asserts that one call of this method has begun and ended, and nothing else.
    fn assert_one(&self, method: &str, verdict: Verdict) {
        assert_eq!(self.take(), [format!("before {method}"), format!("after {method} {verdict:?}")]);
    }
}

impl ClientHook for Notes {
    type State = &'static str;

    fn before(&self, call: &mut OutgoingCall) -> Result<&'static str, Refused> {
        let name = call.method().name;
        self.add(format!("before {name}"));
        if name == "Work.secret" && self.1 == Refuses::Secrets {
            Err(Refused::denied("not for this client"))
        } else {
            Ok(name)
        }
    }

    fn after(&self, call: &OutgoingCall, name: &'static str, verdict: Verdict) {
        assert_eq!(call.method().name, name, "the state is that of the call");
        self.add(format!("after {name} {verdict:?}"));
    }
}

fn client() -> (Notes, WorkClient) {
    let (notes, work) = (Notes::default(), in_process::<WorkClient>(WorkServer::new(Worker::default())));
    let work = work.call.around(notes.clone());
    (notes, work)
}

#[test]
fn a_hook_of_a_client_learns_the_verdict_of_each_call_once() {
    let (notes, work) = client();
    assert_eq!(work.add(2).expect("it adds"), 2);
    notes.assert_one("Work.add", Verdict::Done);
    assert!(matches!(work.fail(), Err(CallError::Service(text)) if text == "no"));
    notes.assert_one("Work.fail", Verdict::Failed);
    assert!(matches!(work.panic(), Err(CallError::Panicked(_))));
    notes.assert_one("Work.panic", Verdict::Panicked);
    assert!(matches!(work.give_up(), Err(CallError::GivenUp(_))));
    notes.assert_one("Work.give_up", Verdict::GivenUp);
}

#[test]
fn a_started_call_has_the_hook_of_its_client_until_its_verdict_is_taken_or_it_is_dropped() {
    let (notes, work) = client();
    let (waited, dropped) = (work.start.add(1), work.start.add(1));
    assert_eq!(notes.take(), ["before Work.add"; 2]);
    assert_eq!(waited.wait().expect("it adds"), 1);
    assert_eq!(notes.take(), ["after Work.add Done"]);
    drop(dropped);
    assert_eq!(notes.take(), ["after Work.add Cancelled"]);
    let (mut future, mut context) = (pin!(work.start.fail()), Context::from_waker(Waker::noop()));
    while future.as_mut().poll(&mut context).is_pending() {} // each poll moves the simulated world
    notes.assert_one("Work.fail", Verdict::Failed);
    let mut race: Race<_, _> = (0..3).map(|label| (label, work.start.add(1))).collect();
    assert!(race.next().is_some_and(|(_, reply)| reply.is_ok()));
    drop(race);
    let ends = notes.take().split_off(3);
    assert_eq!(ends, ["after Work.add Done", "after Work.add Cancelled", "after Work.add Cancelled"]);
}

#[test]
fn a_call_that_the_hook_of_its_client_refuses_is_not_sent_and_the_hook_outside_is_told() {
    let (inner, outer) = (Notes::default(), Notes(Arc::default(), Refuses::Nothing));
    let worker = Arc::new(Worker::default());
    let network = Network::new(1, Faults::none());
    network.serve(WorkServer::shared(Arc::clone(&worker)));
    let work: WorkClient = network.client();
    let refused = |call: &mut OutgoingCall| match call.method().name {
        "Work.secret" => Err(Refused::busy("the circuit is open")),
        _ => Ok(()),
    };
    let busy = work.call.around(refused).call.around(outer.clone());
    for is_started in [false, true] {
        let reply = if is_started { busy.start.secret().wait() } else { busy.secret() };
        let Err(CallError::NotExecuted(why)) = reply else { panic!("{reply:?}") };
        assert_eq!((why.reason, why.detail.as_str()), (Reason::Busy, "the circuit is open"));
        outer.assert_one("Work.secret", Verdict::NotExecuted(Reason::Busy));
    }
    let denied = work.call.around(inner.clone());
    let error = denied.secret().expect_err("it is denied").to_string();
    assert!(error.contains("was not executed: it was denied: not for this client"), "{error}");
    assert_eq!(inner.take(), ["before Work.secret"], "it refused the call, and has no end of it");
    assert_eq!(worker.0.load(Ordering::Relaxed), 0);
    assert_eq!((network.server_counters().executions, work.call.counters().busy_retries), (0, 0));
}

#[test]
fn calls_by_name_have_the_hook_of_their_client() {
    let notes = Notes::default();
    let network = Network::new(1, Faults::none());
    network.serve(WorkServer::new(Worker::default()));
    let work = network.by_name(&["Work"]).expect("a free name").around(notes.clone());
    network.run_for(Duration::from_secs(1)); // a session, and its table of methods
    assert_eq!(work.call::<u64, Never>("Work.add", &(2_u64,)).expect("it adds"), 2);
    notes.assert_one("Work.add", Verdict::Done);
    assert!(work.start::<u64, Never>("Work.none", &()).wait().is_err());
    notes.assert_one("a call by name", Verdict::NotExecuted(Reason::NoSuchMethod));
    let patient = work.with_deadline(Duration::from_secs(60));
    assert_eq!(patient.call::<u64, Never>("Work.add", &(2_u64,)).expect("it adds"), 4);
    notes.assert_one("Work.add", Verdict::Done);
}

#[test]
fn an_unknown_call_has_one_verdict_and_resolving_it_is_no_other_call() {
    let notes = Notes::default();
    let network = Network::new(1, Faults::none());
    network.serve(WorkServer::new(Worker::default()));
    let work = network.client::<WorkClient>().call.around(notes.clone());
    assert_eq!(work.add(1).expect("it adds"), 1);
    notes.assert_one("Work.add", Verdict::Done);
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(30), at_once: 4 });
    let unknown = work.call.with_deadline(Duration::from_millis(100)).add(1);
    assert!(matches!(unknown, Err(CallError::Unknown(_))), "{unknown:?}");
    notes.assert_one("Work.add", Verdict::Unknown(UnknownCause::Deadline));
    let resolved = unknown.or_else(|error| error.resolve::<u64>(Duration::from_secs(60)));
    assert_eq!(resolved.expect("it ran"), 2);
    assert_eq!(notes.take(), Vec::<String>::new());
}

/// Numbers the calls, as metadata.
#[derive(Default)]
struct Numbers(AtomicU64);

impl ClientHook for Numbers {
    type State = ();

    fn before(&self, call: &mut OutgoingCall) -> Result<(), Refused> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        call.set_metadata("number", &number.to_string()).map_err(|error| Refused::denied(error.to_string()))
    }
}

#[test]
fn metadata_of_a_hook_arrives_with_its_call_and_the_hook_runs_once_whatever_the_network_does() {
    let mut lost = 0;
    for seed in 0..20 {
        let network = Network::new(seed, Faults::bad());
        let (worker, numbers) = (Arc::new(Worker::default()), Arc::new(Numbers::default()));
        network.serve(WorkServer::shared(Arc::clone(&worker)));
        let plain: WorkClient = network.client();
        let work = plain.call.around(Arc::clone(&numbers));
        for number in 0..15_u64 {
            match work.number() {
                Ok(seen) => assert_eq!(seen, Some(number.to_string()), "seed {seed}"),
                Err(_) => lost += 1,
            }
        }
        assert_eq!(numbers.0.load(Ordering::Relaxed), 15, "seed {seed}");
        network.set_faults(Faults::none());
        assert_eq!(plain.number().ok().flatten(), None, "seed {seed}: the other client has no hook");
    }
    assert!(lost < 150, "{lost} of 300 calls have no reply");
}

#[test]
fn metadata_of_a_hook_joins_that_of_the_client_and_stays_within_its_bounds() {
    let (_, work) = client();
    let mut own = rpc_core::Metadata::new();
    own.set("number", "7").expect("it fits");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let work = work.call.with_metadata(own).call.around(move |call: &mut OutgoingCall| {
        call.set_metadata("a", "b").map_err(|error| Refused::denied(error.to_string()))?;
        let too_long = call.set_metadata("c", &"x".repeat(2000)).expect_err("over the limit").to_string();
        let all = call.metadata().iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        notes.lock().expect("no panic").push((all, too_long, call.deadline(), call.peer().to_string()));
        Ok(())
    });
    assert_eq!(
        work.call.with_deadline(Duration::from_secs(9)).number().expect("it runs").as_deref(),
        Some("7")
    );
    let seen = seen.lock().expect("no panic");
    let (all, too_long, deadline, peer) = &seen[0];
    assert_eq!(all[..], ["a=b", "number=7"]);
    assert!(too_long.contains("the limit is 1024"), "{too_long}");
    assert_eq!((*deadline, peer.as_str()), (Duration::from_secs(9), "the simulated server"));
}

/// Panics before or after a call.
struct Breaks {
    before: bool,
}

impl ClientHook for Breaks {
    type State = ();

    fn before(&self, _: &mut OutgoingCall) -> Result<(), Refused> {
        if self.before { panic!("as planned") } else { Ok(()) }
    }

    fn after(&self, _: &OutgoingCall, _: (), _: Verdict) {
        panic!("as planned")
    }
}

#[test]
fn a_hook_of_a_client_that_panics_denies_the_call_before_it_and_changes_nothing_after_it() {
    let (notes, work) = client();
    let denied = work.call.around(Breaks { before: true });
    let reply = denied.add(1);
    assert!(matches!(&reply, Err(CallError::NotExecuted(why)) if why.reason == Reason::Denied), "{reply:?}");
    let late = work.call.around(Breaks { before: false });
    notes.take();
    assert_eq!(late.add(1).expect("it adds"), 1);
    notes.assert_one("Work.add", Verdict::Done);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _started = late.start.add(1);
        panic!("as planned");
    }));
    assert!(unwound.is_err(), "and the process goes on: a destructor that panics would have ended it");
    notes.assert_one("Work.add", Verdict::Cancelled);
}

#[test]
fn the_time_of_a_call_is_that_of_the_clock_of_its_channel() {
    let network = Network::new(3, Faults::none());
    network.serve(WorkServer::new(Worker::default()));
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_millis(90), at_once: 4 });
    let took = Arc::new(Mutex::new(Vec::new()));
    struct Times(Arc<Mutex<Vec<Duration>>>);
    impl ClientHook for Times {
        type State = ();
        fn before(&self, _: &mut OutgoingCall) -> Result<(), Refused> {
            Ok(())
        }
        fn after(&self, call: &OutgoingCall, _: (), _: Verdict) {
            self.0.lock().expect("no panic").push(call.elapsed());
        }
    }
    let work = network.client::<WorkClient>().call.around(Times(Arc::clone(&took)));
    let mut expected = Vec::new();
    for _ in 0..3 {
        let began = network.now();
        work.add(1).expect("it adds");
        expected.push(network.now().since(began));
    }
    assert_eq!(*took.lock().expect("no panic"), expected);
    assert!(expected.iter().any(|took| *took > Duration::from_millis(10)), "{expected:?}");
}

#[test]
fn over_a_socket_a_call_that_waits_and_a_started_one_have_the_hook_of_their_client() {
    let server = Server::builder().service(WorkServer::new(Worker::default()));
    let server = server.bind("127.0.0.1:0").expect("a free port").spawn().expect("a thread");
    let notes = Notes::default();
    let plain = WorkClient::connect(server.local_addr()).expect("it listens");
    let work = plain.call.around(notes.clone());
    assert_eq!(work.add(1).expect("it adds"), 1);
    notes.assert_one("Work.add", Verdict::Done);
    assert_eq!(work.start.add(1).wait().expect("it adds"), 2);
    notes.assert_one("Work.add", Verdict::Done);
    assert_eq!(plain.add(1).expect("it adds"), 3);
    plain.call.close();
    assert!(work.add(1).is_err());
    notes.assert_one("Work.add", Verdict::NotExecuted(Reason::Closed));
}
