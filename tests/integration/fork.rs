//! Processes that fork while their client has calls: each call runs once, and the child has a client of its own that works.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fork::Fork;
use rpc_core::{CallError, Connector, Pending, Race, RunningServer, Server, UnknownCause, rpc};

use crate::raw_client::PATIENCE;

/// Writes down what runs.
#[rpc]
pub(crate) trait Notes {
    #[rpc(slow)]
    fn note(&self, id: u64, milliseconds: u64);
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u64>>>);

impl Notes for Written {
    fn note(&self, id: u64, milliseconds: u64) {
        self.0.lock().expect("not poisoned").push(id);
        std::thread::sleep(Duration::from_millis(milliseconds)); // to be under way, not to be awaited
    }
}

fn server() -> (Written, RunningServer) {
    let written = Written::default();
    let server = Server::builder().service(NotesServer::new(written.clone())).bind("127.0.0.1:0");
    (written, server.expect("a free port").spawn().expect("a thread"))
}

/// Names the server and the program of a process of its own, since a test process has threads of other tests.
const FORKS: &str = "RPC_TEST_FORKS";

/// Not a test: the body of the process that forks, which this binary becomes when it is asked to.
#[test]
fn forking_process() {
    let Ok(asked) = std::env::var(FORKS) else { return };
    let (program, address) = asked.split_once('@').expect("a program and an address");
    match program {
        "queued" => fork_with_calls_queued(address),
        _ => fork_beside_callers(address),
    }
}

fn run(program: &str, server: &RunningServer) {
    let status = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "fork::forking_process", "--nocapture", "--test-threads=1"])
        .env(FORKS, format!("{program}@{}", server.local_addr()))
        .status();
    assert!(status.expect("it starts").success(), "{program}");
}

/// Runs `body` in a forked child, which ends with it. Returns the number of the child.
fn fork_child(body: impl FnOnce() -> bool) -> i32 {
    match fork::fork().expect("a process") {
        Fork::Parent(child) => child,
        Fork::Child => std::process::exit(if body() { 0 } else { 1 }),
    }
}

/// Waits until a child has ended. Returns true if all was as it should be.
fn ended_well(child: i32) -> bool {
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
    let pid = Pid::from_raw(child).expect("the number of a process");
    let began = Instant::now();
    loop {
        if let Some((_, status)) = waitpid(Some(pid), WaitOptions::NOHANG).expect("a child of ours") {
            return status.exit_status() == Some(0);
        }
        if began.elapsed() > PATIENCE {
            let _ = kill_process(pid, Signal::KILL);
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_of_parent(reply: Result<(), CallError>) -> bool {
    matches!(reply, Err(CallError::Unknown(unknown)) if unknown.cause == UnknownCause::Forked)
}

/// One call runs, and three wait for its slot: one is waited for, one is in a race, one is a future that was polled.
fn fork_with_calls_queued(address: &str) {
    let notes: NotesClient =
        Connector::new().slots(1).deadline(PATIENCE).connect(address).expect("it listens");
    let first = notes.start.note(1, 200);
    let second = notes.start.note(2, 0);
    let mut race: Race<_, (), _> = Race::from_iter([(3, notes.start.note(3, 0))]);
    let mut polled = notes.start.note(4, 0);
    assert!(polled.poll_now().is_none(), "it waits for the slot");
    // The values are copies in the child, as the memory is: taken here, so that both processes own theirs.
    let mut of_child = Some((second, polled));
    let child = fork_child(|| {
        let (second, polled) = of_child.take().expect("not taken");
        let own = notes.note(5, 0).is_ok();
        let raced = race.next().is_some_and(|(_, reply)| is_of_parent(reply));
        own && raced && is_of_parent(second.wait()) && is_of_parent(polled.wait())
    });
    let (second, polled) = of_child.take().expect("not taken");
    for call in [first, second, polled] {
        Pending::wait(call).expect("the parent's calls go on");
    }
    assert!(race.next().is_some_and(|(_, reply)| reply.is_ok()));
    assert!(ended_well(child), "the child called, and was told of its parent's calls");
}

#[test]
fn no_call_of_the_parent_runs_in_its_child_too() {
    for round in 0..5 {
        let (written, server) = server();
        run("queued", &server);
        let mut ran = written.0.lock().expect("not poisoned").clone();
        ran.sort_unstable();
        assert_eq!(ran, [1, 2, 3, 4, 5], "round {round}");
        server.drain_within(Duration::ZERO); // its clients have ended without a word
    }
}

/// Threads call all the time, so that one of them holds the lock of the client at some of the forks.
fn fork_beside_callers(address: &str) {
    let notes: NotesClient = Connector::new().deadline(PATIENCE).connect(address).expect("it listens");
    for thread in 1..5_u64 {
        let notes = notes.clone();
        std::thread::spawn(move || {
            for id in thread << 32.. {
                let _ = notes.note(id, 0); // until the process ends
            }
        });
    }
    for child in 0..40 {
        std::thread::sleep(Duration::from_millis(2)); // so that the forks meet different moments
        let forked = fork_child(|| notes.note(child, 0).is_ok());
        assert!(ended_well(forked), "child {child} did not answer");
    }
}

#[test]
fn a_child_that_was_forked_beside_callers_has_a_client_that_works() {
    let (written, server) = server();
    run("beside", &server);
    let mut ran = written.0.lock().expect("not poisoned").clone();
    ran.sort_unstable();
    let all = ran.len();
    ran.dedup();
    assert_eq!(ran.len(), all, "no call has run twice");
    assert_eq!(ran.iter().filter(|id| **id < 40).count(), 40, "each child's call has run");
    server.drain_within(Duration::ZERO); // its clients have ended without a word
}
