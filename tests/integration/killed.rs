//! A server process that is killed during calls: every caller gets a verdict in time, and never a wrong 'not executed'.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use rpc_core::{CallError, Server, rpc};

use crate::raw_client::PATIENCE;

/// Runs for a while, or not.
#[rpc]
pub(crate) trait Worker {
    fn work(&self, milliseconds: u64) -> u64;
}

struct Hands;

impl Worker for Hands {
    fn work(&self, milliseconds: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(milliseconds)); // to be under way, not to be awaited
        milliseconds
    }
}

const SERVE: &str = "RPC_TEST_SERVE";

/// Not a test: the body of the server process, which this binary becomes when it is asked to.
#[test]
fn server_process() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let server =
        Server::builder().service(WorkerServer::new(Hands)).bind("127.0.0.1:0").expect("a free port");
    println!("\nlistening on {}", server.local_addr());
    server.run().expect("it is killed before");
}

/// A server in a process of its own; killed by its id when dropped.
struct Process(Child);

impl Process {
    fn start() -> (Self, SocketAddr) {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "killed::server_process", "--nocapture", "--test-threads=1"])
            .env(SERVE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut lines = lines.map(|line| line.expect("text"));
        let address = lines.find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        (Process(child), address.expect("it says where"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("it lives");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill(); // at worst it is gone already
        let _ = self.0.wait();
    }
}

#[test]
fn every_caller_of_a_killed_server_has_a_true_verdict_by_its_deadline() {
    const CALLERS: u64 = 16;
    // Long enough for all of them to leave on a slow machine: what has left must be unknown.
    let (deadline, deadline_after) = (Duration::from_secs(5), Duration::from_millis(500));
    let (mut process, address) = Process::start();
    let worker = WorkerClient::connect(address).expect("it listens");
    worker.work(0).expect("runs");
    let (begun, all_sent) = (Arc::new(AtomicU64::new(0)), Arc::new(Barrier::new(CALLERS as usize + 1)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let worker = worker.clone();
            let (begun, all_sent) = (Arc::clone(&begun), Arc::clone(&all_sent));
            std::thread::spawn(move || {
                let from = Instant::now();
                let long = worker.call.with_deadline(deadline).start.work(60_000); // under way when the server is killed
                begun.fetch_add(1, Ordering::SeqCst);
                all_sent.wait();
                let verdict = long.wait();
                let after = worker.call.with_deadline(deadline_after).work(caller); // begun after it was killed
                (verdict, after, from.elapsed())
            })
        })
        .collect();
    all_sent.wait();
    worker.call.with_deadline(PATIENCE).work(1).expect("behind the long calls, so they have been sent");
    process.kill();
    for caller in callers {
        let (verdict, after, took) = caller.join().expect("no panic");
        assert!(matches!(verdict, Err(CallError::Unknown(_))), "sent, so it cannot be known: {verdict:?}");
        match after {
            Err(CallError::NotExecuted(_) | CallError::Unknown(_)) => {}
            other => panic!("no server is there: {other:?}"),
        }
        assert!(took < PATIENCE, "a verdict by the deadline, not {took:?}"); // with much to spare for a slow machine
    }
    assert_eq!(begun.load(Ordering::SeqCst), CALLERS);
}
