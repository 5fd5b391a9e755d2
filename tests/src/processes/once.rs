//! The service of `prove kill`: it writes down each run, and its reply tells which call it belongs to.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fork::{Fork, fork};
use rpc_core::{ClientLimits, Connector, Pending, Server, ServerLimits, rpc};

use rustix::process::{Pid, WaitOptions, waitpid};

use super::child::{LISTENS, end_with_parent};
use super::journal::Journal;
use super::verdict::Verdict;
use super::words::Words;

/// The word after `prove` that serves it.
pub(crate) const SERVER: &str = "once-server";
/// The word after `prove` that calls it.
pub(crate) const CLIENT: &str = "once-client";

/// The pause of a lane whose call was not executed: the server may be away.
const AFTER_REFUSAL: Duration = Duration::from_millis(1);
/// The time for which a caller asks again about a call that is unknown.
const RESOLVE: Duration = Duration::from_millis(100);
/// One call in so many takes longer than the first retransmission, so that duplicates meet a call that runs.
const LONG: u64 = 64;
/// The time that it takes.
const LONG_TIME: Duration = Duration::from_millis(60);
/// One call in so many forks the process, where forks are asked for.
const FORK: u64 = 700;
/// Calls of a forked child, on the client that it has from its parent.
const CALLS_OF_CHILD: u64 = 12;
/// The ids of one client process: its number in the higher bits, its calls in the lower ones.
pub(crate) const CALLS_OF_CLIENT: u64 = 1 << 32;

/// A call with an id of its own.
#[rpc]
pub(crate) trait Once {
    /// Writes the id down, and returns its stamp.
    fn run(&self, id: u64) -> u64;
}

/// Returns the reply to a call: a number that no other id has.
fn stamp(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

struct Written(Arc<Journal>);

impl Once for Written {
    fn run(&self, id: u64) -> u64 {
        // Some are killed before they have written it, some after.
        let long = id % LONG == LONG / 2;
        if long && id % 3 == 0 {
            std::thread::sleep(LONG_TIME);
        }
        self.0.append_id(id);
        if long && id % 3 != 0 {
            std::thread::sleep(LONG_TIME);
        }
        stamp(id)
    }
}

/// Serves until it is killed: `listen=ADDRESS runs=FILE filter=on|off lease=MILLISECONDS loops=N`.
pub(crate) fn serve(words: &Words) -> Result<(), String> {
    let runs = Journal::open(words.get::<PathBuf>("runs")?)?;
    serve_with(words, OnceServer::new(Written(Arc::new(runs))))
}

/// Serves any service with the words of [`serve`].
pub(crate) fn serve_with(words: &Words, service: impl rpc_core::Service) -> Result<(), String> {
    let address: SocketAddr = words.get("listen")?;
    let lease = Duration::from_millis(words.get("lease")?);
    let builder = Server::builder().service(service).loops(words.get("loops")?);
    let server = builder
        .limits(ServerLimits { lease, ..ServerLimits::default() })
        .at_most_once(words.get::<String>("filter")? != "off")
        .bind(address)
        .map_err(|error| error.to_string())?;
    println!("{LISTENS}{}", server.local_addr());
    server.run().map_err(|error| error.to_string())
}

/// Times that are short beside those of a real client, so that each of them is met many times in a run.
pub(crate) fn hasty() -> ClientLimits {
    ClientLimits {
        resend_first: Duration::from_millis(30),
        resend_cap: Duration::from_millis(200),
        ack_delay: Duration::from_millis(30),
        ping_after: Duration::from_millis(80),
        ping_limit: 2,
        backoff_first: Duration::from_millis(2),
        backoff_cap: Duration::from_millis(40),
        connect: Duration::from_millis(200),
        all_orphaned: Duration::from_millis(300),
        ..ClientLimits::default()
    }
}

/// Connects as often as it takes, until `stop`; `None` if it stops before.
pub(crate) fn connect<C: rpc_core::Client>(to: SocketAddr, stop: &AtomicBool) -> Option<C> {
    while !stop.load(Ordering::Relaxed) {
        let connector = Connector::new().limits(hasty()).connect_timeout(Duration::from_millis(500));
        if let Ok(client) = connector.connect(to) {
            return Some(client);
        }
    }
    None
}

/// Becomes true when standard input ends.
pub(crate) fn stop_at_end_of_input() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    std::thread::spawn(move || {
        wait_for_end_of_input();
        set.store(true, Ordering::Relaxed);
    });
    stop
}

/// Waits until standard input ends.
pub(crate) fn wait_for_end_of_input() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new()); // an error is an end too
}

/// The state that the lanes of one client process share.
struct Lanes {
    journal: Journal,
    stop: Arc<AtomicBool>,
    next: AtomicU64,
    depth: usize,
    forks: bool,
}

/// Calls until standard input ends: `to=ADDRESS journal=FILE client=N sessions=N lanes=N depth=N deadline=MILLISECONDS
/// forks=true|false`.
pub(crate) fn call(words: &Words) -> Result<(), String> {
    let (to, deadline): (SocketAddr, u64) = (words.get("to")?, words.get("deadline")?);
    let (sessions, lanes): (u64, u64) = (words.get("sessions")?, words.get("lanes")?);
    let shared = Lanes {
        journal: Journal::open(words.get::<PathBuf>("journal")?)?,
        stop: stop_at_end_of_input(),
        next: AtomicU64::new(words.get::<u64>("client")? * CALLS_OF_CLIENT),
        depth: words.get("depth")?,
        forks: words.get("forks")?,
    };
    std::thread::scope(|scope| {
        for _ in 0..sessions {
            let Some(client) = connect::<OnceClient>(to, &shared.stop) else { break };
            for lane in 0..lanes {
                // Each lane has another deadline: a third of the given one at least.
                let deadline = Duration::from_millis(deadline * (lane % 3 + 1) / 3);
                let (client, shared) = (client.call.with_deadline(deadline), &shared);
                scope.spawn(move || run_lane(&client, shared));
            }
        }
    });
    Ok(())
}

fn run_lane(client: &OnceClient, shared: &Lanes) {
    let mut flying: VecDeque<(u64, Pending<u64>)> = VecDeque::new();
    let mut child = None;
    loop {
        let stopped = shared.stop.load(Ordering::Relaxed);
        while !stopped && flying.len() < shared.depth {
            let id = shared.next.fetch_add(1, Ordering::Relaxed);
            shared.journal.append(format!("b {id}\n").as_bytes());
            flying.push_back((id, client.start.run(id)));
            if shared.forks && id % FORK == 0 {
                child = child.filter(is_running).or_else(|| fork_child(client, shared));
            }
        }
        let Some((id, oldest)) = flying.pop_front() else { return };
        let verdict = Verdict::of(&oldest.wait(), |value| *value == stamp(id), RESOLVE);
        shared.journal.append(format!("e {id} {}\n", verdict.code()).as_bytes());
        if verdict == Verdict::NotExecuted {
            std::thread::sleep(AFTER_REFUSAL);
        }
    }
}

/// Forks while calls of this lane and of others are under way. The child calls on its parent's client, and ends.
fn fork_child(client: &OnceClient, shared: &Lanes) -> Option<Pid> {
    let first = shared.next.fetch_add(CALLS_OF_CHILD, Ordering::Relaxed);
    shared.journal.append(format!("f {first}\n").as_bytes());
    match fork() {
        Ok(Fork::Parent(child)) => Pid::from_raw(child),
        Ok(Fork::Child) => {
            let ended = end_with_parent().map(|()| call_as_child(client, shared, first));
            std::process::exit(i32::from(ended.is_err()));
        }
        Err(_) => None, // too many processes: the ids are not used
    }
}

fn call_as_child(client: &OnceClient, shared: &Lanes, first: u64) {
    for id in first..first + CALLS_OF_CHILD {
        shared.journal.append(format!("b {id}\n").as_bytes());
        let verdict = Verdict::of(&client.run(id), |value| *value == stamp(id), RESOLVE);
        shared.journal.append(format!("e {id} {}\n", verdict.code()).as_bytes());
    }
}

/// Returns false if a child has ended, which is then waited for.
fn is_running(child: &Pid) -> bool {
    waitpid(Some(*child), WaitOptions::NOHANG).is_ok_and(|ended| ended.is_none())
}
