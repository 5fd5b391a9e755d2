//! Worker processes lease pages from a coordinator over RPC: the same crawl when the workers share no memory, and may die.
//!
//! When is it finished? When nothing waits and nothing is leased; `leases.rs` keeps both. A dead worker sends no message,
//! so the coordinator cannot count answers as the channel forms do: it uses time. A lease that is not renewed ends, and
//! its page goes to another worker.
//!
//! At most once means that a `take` that is sent twice leases one page, not two, and that a `report` is recorded once. It
//! does not mean that a worker's *work* happens once: that is the purpose of the lease and of the set.

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
use url::Url;

pub use worker::work;

use crate::failure::Failure;
use crate::site::Settings;
use crate::task::Task;
use leases::Leases;
use service::{Coordinator, FrontierServer};

/// Time between two checks of the worker processes.
const LOOK: Duration = Duration::from_millis(20);
/// Time that the server waits at its end for sessions without a BYE: those of dead workers.
const GRACE: Duration = Duration::from_millis(200);
/// Time that a worker has for its own end when all is done.
const PARTING: Duration = Duration::from_secs(2);

/// The settings of the worker processes.
#[derive(Clone, Debug)]
pub struct Processes {
    /// The program to start: this one, except in tests.
    pub program: std::path::PathBuf,
    /// The settings for fetching.
    pub settings: Settings,
    /// Time after which a worker that does not renew its lease counts as dead.
    pub lease: Duration,
    /// Kill a worker that has a page when this many pages are recorded, to see the effect.
    pub kill_after: Option<usize>,
}

pub(super) fn crawl(task: &Arc<Task>, processes: &Processes) -> Result<(), Failure> {
    let leases = Arc::new(Leases::new(Arc::clone(task), processes.lease, processes.kill_after));
    let coordinator = Coordinator { leases: Arc::clone(&leases), settings: processes.settings.clone() };
    let limits = ServerLimits { grace: GRACE, ..ServerLimits::default() };
    let server =
        Server::builder().limits(limits).service(FrontierServer::new(coordinator)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).map_err(Failure::own("offer pages to workers"))?;
    let outcome = Workers::start(processes, task.workers, server.local_addr()).and_then(|mut workers| {
        let outcome = workers.attend(task, &leases, processes.kill_after.is_some());
        workers.part();
        outcome
    });
    server.stop().map_err(Failure::own("serve the workers")).and(outcome)
}

/// The worker processes that run. Dropping it ends them.
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

    /// Waits until the crawl is finished, or no worker is left to finish it.
    fn attend(&mut self, task: &Task, leases: &Leases, mut kills: bool) -> Result<(), Failure> {
        while !leases.wait_until_finished(LOOK) {
            self.bury(task, leases);
            if self.alive.is_empty() && task.watch.is_stopped() {
                return Ok(()); // the workers got the signal as well
            }
            if self.alive.is_empty() {
                return Err(Failure::Own("all workers have died, and there are pages left".to_owned()));
            }
            if let Some((holder, url)) = leases.take_victim() {
                self.kill(holder, &url, task);
                kills = false;
            }
        }
        if kills && !task.watch.is_stopped() {
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

    /// Kills the worker that holds `url`.
    fn kill(&mut self, holder: u32, url: &Url, task: &Task) {
        if let Some((_, child)) = self.alive.iter_mut().find(|(number, _)| *number == holder) {
            task.watch.say(format_args!("killing worker {holder}, which holds {url}"));
            let _ = child.kill(); // it may have ended by itself
        }
    }

    /// Lets the workers learn that all is done. `Drop` ends a worker that does not end itself (stopped, or stuck).
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
            let _ = child.kill(); // it may have ended already
            let _ = child.wait();
        }
    }
}
