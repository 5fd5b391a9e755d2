//! Code around the calls of a service: what it may refuse, what it learns of each end, and how often it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use rpc_core::{
    Around, CallContext, CallError, CallLimit, ContractError, Later, Reason, Refused, Responder, Server,
    ServerHook, Service, Status, rpc,
};
use rpc_sim::{Faults, Network, in_process};

use crate::client::eventually;

#[rpc]
trait Work {
    fn add(&self, amount: u64) -> u64;
    fn fail(&self) -> Result<(), String>;
    fn panic(&self) -> u64;
    fn give_up(&self, cx: &CallContext) -> u64;
    fn secret(&self) -> u64;
    fn later(&self, at_once: bool) -> Later<u64>;
    #[rpc(slow)]
    fn meet(&self) -> u64;
}

/// Counts what has run, and keeps responders for the test.
struct Worker {
    sum: AtomicU64,
    later: Mutex<Vec<Responder<u64>>>,
    met: Barrier,
}

impl Default for Worker {
    fn default() -> Self {
        Worker { sum: AtomicU64::new(0), later: Mutex::default(), met: Barrier::new(2) }
    }
}

impl Work for Worker {
    fn add(&self, amount: u64) -> u64 {
        self.sum.fetch_add(amount, Ordering::Relaxed) + amount
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
        self.sum.fetch_add(1000, Ordering::Relaxed)
    }
    fn later(&self, at_once: bool) -> Later<u64> {
        if at_once {
            return Later::now(1);
        }
        let (responder, later) = Later::pair();
        self.later.lock().expect("no panic").push(responder);
        later
    }
    fn meet(&self) -> u64 {
        self.met.wait();
        self.met.wait();
        7
    }
}

/// Notes all that happens, and denies one method.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: String) {
        self.0.lock().expect("no panic").push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

impl ServerHook for Notes {
    type State = &'static str;

    fn before(&self, cx: &CallContext) -> Result<&'static str, Refused> {
        self.add(format!("before {}", cx.method().name));
        if cx.method().name == "Work.secret" {
            return Err(Refused::denied("not for \x1b[31myou"));
        }
        Ok(cx.method().name)
    }

    fn run<R>(&self, name: &&'static str, handler: impl FnOnce() -> R) -> R {
        self.add(format!("run {name}"));
        handler()
    }

    fn after(&self, cx: &CallContext, name: &'static str, status: Status) {
        assert_eq!(cx.method().name, name, "the state is that of the call");
        self.add(format!("after {name} {status:?}"));
    }
}

fn client() -> (Arc<Worker>, Notes, WorkClient) {
    let (worker, notes) = (Arc::new(Worker::default()), Notes::default());
    let client = in_process(Around::new(WorkServer::shared(Arc::clone(&worker)), notes.clone()));
    (worker, notes, client)
}

#[test]
fn a_hook_learns_the_end_of_each_call_once() {
    let (_, notes, work) = client();
    let seen = |status: &str| {
        let notes = notes.take();
        let name = notes[0].strip_prefix("before ").expect("it comes first").to_owned();
        assert_eq!(notes[1..], [format!("run {name}"), format!("after {name} {status}")]);
    };
    assert_eq!(work.add(2).expect("it adds"), 2);
    seen("Done");
    assert!(matches!(work.fail(), Err(CallError::Service(text)) if text == "no"));
    seen("Failed");
    assert!(matches!(work.panic(), Err(CallError::Panicked(why)) if why.message == "as planned"));
    seen("Panicked");
    assert!(matches!(work.give_up(), Err(CallError::GivenUp(why)) if why.message == "enough"));
    seen("GivenUp");
    assert_eq!(work.later(true).expect("at once"), 1);
    seen("Done");
}

#[test]
fn a_denied_call_does_not_run_and_no_client_tries_it_again() {
    let (worker, notes, work) = client();
    let error = work.secret().expect_err("it is denied");
    let CallError::NotExecuted(why) = &error else { panic!("{error:?}") };
    assert_eq!((why.reason, why.detail.as_str()), (Reason::Denied, "not for \x1b[31myou"));
    let text = error.to_string();
    assert!(text.contains("was not executed: it was denied: not for"), "{text}");
    assert!(!text.contains('\x1b') && !text.contains("call again"), "{text}");
    assert_eq!(notes.take(), ["before Work.secret"], "it was asked for once, and has no end");
    assert_eq!((worker.sum.load(Ordering::Relaxed), work.call.counters().busy_retries), (0, 0));
}

#[test]
fn a_reply_that_comes_later_ends_its_call_for_the_hook_when_it_is_there() {
    let (worker, notes, _) = client();
    let server = Around::new(WorkServer::shared(Arc::clone(&worker)), notes.clone());
    let server =
        Server::builder().service(server).bind("127.0.0.1:0").expect("bound").spawn().expect("started");
    let work = WorkClient::connect(server.local_addr()).expect("connected");
    let (first, second) = (work.start.later(false), work.start.later(false));
    // A call has its place before its method runs.
    let kept = || worker.later.lock().expect("no panic").len();
    eventually("both are held", || kept() == 2 && server.counters().held == 2);
    let begun = ["before Work.later", "run Work.later"];
    assert_eq!(notes.take(), [begun, begun].concat());
    let take = || worker.later.lock().expect("no panic").pop().expect("it is held");
    take().reply(5);
    assert_eq!(notes.take(), ["after Work.later Done"], "before the reply is sent");
    drop(take());
    assert_eq!(notes.take(), ["after Work.later GivenUp"]);
    assert_eq!(first.wait().is_ok(), second.wait().is_err(), "one has a reply, and one was dropped");
    work.call.close();
}

#[test]
fn the_outermost_hook_runs_first_and_a_refusal_ends_the_others() {
    let (outer, inner) = (Notes::default(), Notes::default());
    let denies = |_: &CallContext| -> Result<(), Refused> { Err(Refused::busy("later")) };
    let service = Around::new(WorkServer::new(Worker::default()), inner.clone());
    let service = Around::new(Around::new(service, denies), outer.clone());
    let work: WorkClient = in_process(service);
    let work = work.call.with_retry(false);
    assert!(matches!(work.add(1), Err(CallError::NotExecuted(why)) if why.reason == Reason::Busy));
    assert_eq!(outer.take(), ["before Work.add", "run Work.add", "after Work.add Refused(Busy)"]);
    assert!(inner.take().is_empty());
}

/// Panics where it is told to.
struct Breaks {
    before: bool,
}

impl ServerHook for Breaks {
    type State = ();

    fn before(&self, _: &CallContext) -> Result<(), Refused> {
        assert!(!self.before, "as planned");
        Ok(())
    }

    fn after(&self, _: &CallContext, (): (), _: Status) {
        panic!("as planned");
    }
}

#[test]
fn a_hook_that_panics_denies_the_call_before_and_changes_nothing_after() {
    let work: WorkClient =
        in_process(Around::new(WorkServer::new(Worker::default()), Breaks { before: true }));
    assert!(matches!(work.add(1), Err(CallError::NotExecuted(why)) if why.reason == Reason::Denied));
    let work: WorkClient =
        in_process(Around::new(WorkServer::new(Worker::default()), Breaks { before: false }));
    assert_eq!(work.add(2).expect("it has run"), 2);
    assert!(matches!(work.panic(), Err(CallError::Panicked(why)) if why.message == "as planned"));
}

#[test]
fn a_hook_runs_once_for_each_call_that_runs_whatever_the_network_does() {
    for seed in 0..30 {
        let network = Network::new(seed, Faults::bad());
        let (worker, notes) = (Arc::new(Worker::default()), Notes::default());
        network.serve(Around::new(WorkServer::shared(Arc::clone(&worker)), notes.clone()));
        let work: WorkClient = network.client();
        for _ in 0..10 {
            let _ = work.add(1);
            let verdict = work.secret().expect_err("never");
            assert_ne!(verdict.ran(), Some(true), "seed {seed}: {verdict}");
        }
        let ends = notes.take().iter().filter(|note| *note == "after Work.add Done").count() as u64;
        assert_eq!(worker.sum.load(Ordering::Relaxed), ends, "seed {seed}: V1, and no secret has run");
    }
}

#[test]
fn a_call_beyond_a_limit_is_busy_and_its_place_is_free_when_it_has_ended() {
    let worker = Arc::new(Worker::default());
    let service = WorkServer::shared(Arc::clone(&worker));
    let limit = CallLimit::of(&service, 3).method("meet", 1).expect("it is a method");
    let server = Server::builder().service(Around::new(service, limit));
    let server = server.bind("127.0.0.1:0").expect("bound").spawn().expect("started");
    let work = WorkClient::connect(server.local_addr()).expect("connected");
    let hasty = work.call.with_retry(false);
    let meets = work.start.meet();
    worker.met.wait();
    let busy = hasty.meet().expect_err("one runs");
    assert!(busy.to_string().contains("Work.meet may run 1 at a time"), "{busy}");
    let held = [work.start.later(false), work.start.later(false)];
    eventually("both are held", || server.counters().held == 2);
    let busy = hasty.add(1).expect_err("three run");
    assert!(busy.to_string().contains("Work may run 3 at a time"), "{busy}");
    let later = work.start.add(1); // it is tried again until there is room
    worker.later.lock().expect("no panic").drain(..).for_each(|responder| responder.reply(1));
    assert_eq!(later.wait().expect("there is room"), 1);
    worker.met.wait();
    assert_eq!(meets.wait().expect("it has met"), 7);
    held.into_iter().for_each(|held| assert_eq!(held.wait().expect("a reply"), 1));
    let again = thread::spawn({
        let worker = Arc::clone(&worker);
        move || {
            worker.met.wait();
            worker.met.wait();
        }
    });
    assert_eq!(work.meet().expect("its place is free again"), 7);
    again.join().expect("no panic");
    work.call.close();
}

#[test]
fn a_limit_of_a_method_that_does_not_exist_is_an_error() {
    let service = WorkServer::new(Worker::default());
    let error = CallLimit::of(&service, 1).method("met", 1).expect_err("no such method");
    assert_eq!(error, ContractError::NoSuchMethod(service.contract().service, "met".to_owned()));
    let says = "a limit is set for the method `met`, which service `Work` does not have; write the name as in the trait";
    assert_eq!(error.to_string(), says);
}
