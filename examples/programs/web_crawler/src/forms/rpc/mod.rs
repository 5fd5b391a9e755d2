//! Worker processes lease pages from a coordinator over RPC: the same crawl when the workers share no memory, and may die.
//!
//! When is it finished? When nothing waits and nothing is leased; `leases.rs` keeps both. A worker that dies says
//! nothing, so the coordinator cannot count on answers as the channel forms do: it counts on time. A lease that is not
//! renewed runs out, and its page goes to somebody else.
//!
//! What at-most-once adds: a `take` that is sent twice leases one page, not two, and a `report` one page once. What it
//! does not do is make a worker's *work* happen once: that is the lease's part, and the set's.

mod leases;
mod service;
mod worker;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::Server;
use rpc_core::limits::ServerLimits;

pub use worker::work;

use crate::failure::Failure;
use crate::site::Settings;
use crate::task::Task;
use leases::Leases;
use service::{Coordinator, FrontierServer};

/// How often the coordinator's process looks after its workers.
const LOOK: Duration = Duration::from_millis(20);
/// How long the server is patient at its end with sessions that never said goodbye: those of workers that died.
const GRACE: Duration = Duration::from_millis(200);
/// How long a worker has to go by itself when all is done.
const PARTING: Duration = Duration::from_secs(2);

/// What the worker processes are like.
#[derive(Clone, Debug)]
pub struct Processes {
    /// The program to start: this one, but for tests.
    pub program: std::path::PathBuf,
    /// How each of them fetches.
    pub settings: Settings,
    /// How long a worker is believed to be alive without a sign.
    pub lease: Duration,
    /// Kill a worker that holds a page when so many pages are recorded: to see what happens then.
    pub kill_after: Option<usize>,
}

pub(super) fn crawl(task: &Arc<Task>, processes: &Processes) -> Result<(), Failure> {
    let leases = Arc::new(Leases::new(Arc::clone(task), processes.lease));
    let coordinator = Coordinator { leases: Arc::clone(&leases), settings: processes.settings.clone() };
    let limits = ServerLimits { grace: GRACE, ..ServerLimits::default() };
    let server =
        Server::builder().limits(limits).service(FrontierServer::new(coordinator)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).map_err(Failure::own("offer pages to workers"))?;
    let outcome = Workers::start(processes, task.workers, server.local_addr()).and_then(|mut workers| {
        let outcome = workers.attend(task, &leases, processes.kill_after);
        workers.part();
        outcome
    });
    server.stop().map_err(Failure::own("serve the workers")).and(outcome)
}

/// The worker processes that live. Dropping it ends them.
struct Workers {
    alive: Vec<(u32, Child)>,
}

impl Workers {
    fn start(processes: &Processes, count: usize, coordinator: SocketAddr) -> Result<Self, Failure> {
        let mut workers = Workers { alive: Vec::new() };
        for number in 1..=count as u32 {
            let child = Command::new(&processes.program)
                .args(["--worker-of", &coordinator.to_string(), "--worker-number", &number.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .map_err(Failure::own("start a worker process"))?;
            workers.alive.push((number, child));
        }
        Ok(workers)
    }

    /// Until the crawl is finished, or there is nobody left to finish it.
    fn attend(&mut self, task: &Task, leases: &Leases, mut kill_after: Option<usize>) -> Result<(), Failure> {
        while !leases.wait_until_finished(LOOK) {
            self.bury(task, leases);
            if self.alive.is_empty() && task.watch.is_stopped() {
                return Ok(()); // the signal was for them as well
            }
            if self.alive.is_empty() {
                return Err(Failure::Own("all workers have died, and there are pages left".to_owned()));
            }
            if kill_after.is_some_and(|pages| task.recorded() >= pages) && self.kill_one(task, leases) {
                kill_after = None;
            }
        }
        if kill_after.is_some() && !task.watch.is_stopped() {
            task.watch.say("no worker was killed: the crawl was over before one could be");
        }
        Ok(())
    }

    fn bury(&mut self, task: &Task, leases: &Leases) {
        self.alive.retain_mut(|(number, child)| match child.try_wait() {
            Ok(Some(status)) if !leases.wait_until_finished(Duration::ZERO) => {
                task.watch.say(format_args!(
                    "worker {number} has died ({status}); its pages go to others when its lease is up"
                ));
                false
            }
            Ok(Some(_)) => false,
            _ => true,
        });
    }

    /// Kills a worker that holds a page; `false` when at this moment none does.
    fn kill_one(&mut self, task: &Task, leases: &Leases) -> bool {
        let Some((holder, url)) = leases.a_holder() else { return false };
        let Some((_, child)) = self.alive.iter_mut().find(|(number, _)| *number == holder) else {
            return false;
        };
        task.watch.say(format_args!("killing worker {holder}, which holds {url}"));
        child.kill().is_ok()
    }

    /// Lets them learn that all is done. Who does not (stopped, or stuck) is ended by `Drop`.
    fn part(&mut self) {
        let until = Instant::now() + PARTING;
        while Instant::now() < until && !self.alive.is_empty() {
            self.alive.retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for (_, child) in &mut self.alive {
            let _ = child.kill(); // it may be gone already
            let _ = child.wait();
        }
    }
}
