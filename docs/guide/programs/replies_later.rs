//! The programs of the page on replies that come later: a long poll, and a call to another service.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rpc_core::limits::ServerLimits;
use rpc_core::{CallError, Later, Responder, Server, rpc};
use rpc_sim::in_process;

/// A queue of jobs whose workers wait without a thread of the server.
#[rpc]
trait Jobs {
    /// Puts a job into the queue.
    fn put(&self, job: String);

    /// Takes the next job; waits until there is one.
    #[rpc(deadline = "60s")]
    fn take(&self) -> Later<String>;
}

/// The jobs that no worker has taken, or the workers that wait: one of the two lists is empty.
#[derive(Default)]
struct Lists {
    jobs: VecDeque<String>,
    workers: VecDeque<Responder<String>>,
}

/// The implementation of [`Jobs`].
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Lists>>);

impl Queue {
    /// Locks the lists; each change of them is one step.
    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the calls of all workers that wait, since the server drains.
    fn send_workers_home(&self) {
        let workers = std::mem::take(&mut self.lock().workers);
        workers.into_iter().for_each(|worker| worker.give_up("the server shuts down, take again"));
    }
}

impl Jobs for Queue {
    fn put(&self, job: String) {
        let mut lists = self.lock();
        lists.workers.retain(|worker| !worker.is_cancelled());
        match lists.workers.pop_front() {
            Some(worker) => worker.reply(job),
            None => lists.jobs.push_back(job),
        }
    }

    fn take(&self) -> Later<String> {
        let mut lists = self.lock();
        lists.workers.retain(|worker| !worker.is_cancelled());
        if let Some(job) = lists.jobs.pop_front() {
            return Later::now(job);
        }
        let (worker, later) = Later::pair();
        let queue = self.clone();
        worker.on_drain(move || queue.send_workers_home());
        lists.workers.push_back(worker);
        later // no thread waits
    }
}

/// A service that asks another one.
#[rpc]
trait Front {
    /// Takes a job, with what it was taken for.
    fn work(&self, name: &str) -> Later<Result<String, String>>;
}

/// The implementation of [`Front`]: it is a client of [`Jobs`].
struct Relay {
    jobs: JobsClient,
}

impl Front for Relay {
    fn work(&self, name: &str) -> Later<Result<String, String>> {
        let (responder, later) = Later::pair();
        let (call, name) = (self.jobs.start.take(), name.to_owned());
        thread::spawn(move || {
            // A thread for the example's sake: `call` is a future, so any runtime can wait for it instead.
            let outcome: Result<String, CallError> = call.wait();
            responder.reply(outcome.map(|job| format!("{name}: {job}")).map_err(|error| error.to_string()));
        });
        later
    }
}

#[test]
fn a_worker_waits_for_a_job_without_a_thread() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;
    let jobs = JobsClient::connect(server.local_addr())?;
    let (first, second) = (jobs.start.take(), jobs.start.take());
    jobs.put("sweep".to_owned())?;
    jobs.put("paint".to_owned())?;
    let mut taken = [first.wait()?, second.wait()?];
    taken.sort();
    assert_eq!(taken, ["paint", "sweep"]);
    jobs.call.close();
    Ok(())
}

#[test]
fn a_drain_does_not_wait_for_workers_without_a_job() -> Result<(), Box<dyn std::error::Error>> {
    let for_ever = ServerLimits { grace: Duration::from_secs(86_400), ..ServerLimits::default() };
    let builder = Server::builder().service(JobsServer::new(Queue::default())).limits(for_ever);
    let server = builder.bind("127.0.0.1:0")?.spawn()?;
    let jobs = JobsClient::connect(server.local_addr())?;
    let workers = [jobs.start.take(), jobs.start.take()];
    while server.counters().held < workers.len() {
        thread::yield_now();
    }
    server.stop()?; // would wait for the workers for a day
    for worker in workers {
        let Err(CallError::GivenUp(why)) = worker.wait() else { return Err("no job was there".into()) };
        assert_eq!(why.message, "the server shuts down, take again");
    }
    Ok(())
}

#[test]
fn polls_whose_time_is_over_leave_no_slot_taken() -> Result<(), Box<dyn std::error::Error>> {
    let jobs: JobsClient = in_process(JobsServer::new(Queue::default()));
    let hasty = jobs.call.with_deadline(Duration::from_millis(100));
    for _ in 0..70 {
        let outcome = hasty.take(); // a session has 64 slots
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
    }
    jobs.put("sweep".to_owned())?;
    assert_eq!(jobs.take()?, "sweep");
    Ok(())
}

#[test]
fn a_service_calls_another_one_and_holds_no_thread_of_its_server() -> Result<(), Box<dyn std::error::Error>> {
    let back = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;
    let relay = Relay { jobs: JobsClient::connect(back.local_addr())? };
    let front = Server::builder().service(FrontServer::new(relay)).bind("127.0.0.1:0")?.spawn()?;
    let (front, jobs) = (FrontClient::connect(front.local_addr())?, JobsClient::connect(back.local_addr())?);
    let working = front.start.work("Ada");
    jobs.put("sweep".to_owned())?;
    assert_eq!(working.wait()?, "Ada: sweep");
    Ok(())
}

#[test]
fn a_holder_is_told_that_its_caller_waits_no_longer() -> Result<(), Box<dyn std::error::Error>> {
    let (responder, later) = Later::<String>::pair();
    drop(later); // as if its method had panicked
    assert!(responder.is_cancelled());
    assert_eq!(responder.time_left(), None::<Duration>);
    responder.give_up("no caller waits");
    Ok(())
}
