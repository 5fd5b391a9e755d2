//! The page `services.md`: several services of one server, one implementation of several, and the context of a call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::{CallContext, Connector, Server, rpc};

use crate::jobs::{Job, Jobs, JobsClient, JobsServer, Queue};

/// An error of a test.
type Failure = Box<dyn std::error::Error>;

/// Methods for operators.
#[rpc]
trait Admin {
    /// Removes all jobs, and returns their number.
    fn clear(&self) -> u64;
}

impl Admin for Queue {
    fn clear(&self) -> u64 {
        std::iter::from_fn(|| self.take()).count() as u64
    }
}

#[test]
fn two_services_of_one_server_share_state_and_a_connection() -> Result<(), Failure> {
    let queue = Arc::new(Queue::default());
    let server = Server::builder()
        .service(JobsServer::shared(Arc::clone(&queue)))
        .service(AdminServer::shared(Arc::clone(&queue)))
        .bind("127.0.0.1:0")?
        .spawn()?;

    let jobs: JobsClient = Connector::new().also::<AdminClient>().connect(server.local_addr())?;
    let admin: AdminClient = Connector::share(&jobs.call); // the session of `jobs`
    jobs.enqueue(Job { name: "paint".to_owned(), priority: 1 })?;
    assert_eq!(admin.clear()?, 1);
    assert_eq!(queue.waiting(), 0, "the program of the server uses the same queue");
    Ok(())
}

/// Counts the calls of each caller.
#[rpc]
trait Ledger {
    /// Adds to the balance, and returns it.
    fn add(&self, cx: &CallContext, amount: u64) -> u64;
}

/// The balance, and a log of all changes.
#[derive(Default)]
struct Book {
    balance: AtomicU64,
    log: Mutex<Vec<String>>,
}

impl Ledger for Book {
    fn add(&self, cx: &CallContext, amount: u64) -> u64 {
        let caller = cx.peer().map_or("in this process".to_owned(), |peer| peer.to_string());
        let entry = format!("{amount} from {caller}, call {}, {:?} left", cx.call(), cx.time_left());
        self.log.lock().expect("no handler panics").push(entry);
        self.balance.fetch_add(amount, Ordering::Relaxed) + amount
    }
}

#[test]
fn a_method_that_asks_for_it_gets_the_context_of_its_call() -> Result<(), Failure> {
    let book = Arc::new(Book::default());
    let server =
        Server::builder().service(LedgerServer::shared(Arc::clone(&book))).bind("127.0.0.1:0")?.spawn()?;
    let ledger = LedgerClient::connect(server.local_addr())?;
    assert_eq!(ledger.add(5)?, 5, "the caller does not pass the context");
    let log = book.log.lock().expect("no handler panics");
    assert!(log.iter().all(|entry| entry.starts_with("5 from 127.0.0.1:")), "{log:?}");
    Ok(())
}

/// Forwards jobs to another server.
struct Forwarder {
    /// The client of the other server; all handlers share it.
    behind: JobsClient,
}

impl Jobs for Forwarder {
    fn enqueue(&self, job: Job) -> Result<u64, crate::jobs::QueueError> {
        let longer = self.behind.call.with_deadline(Duration::from_secs(2));
        longer.enqueue(job).map_err(|_| crate::jobs::QueueError::Full)
    }

    fn take(&self) -> Option<(u64, Job)> {
        self.behind.take().ok().flatten()
    }

    fn waiting(&self) -> u64 {
        self.behind.waiting().unwrap_or(0)
    }

    fn wait(&self, cx: &CallContext) -> bool {
        let remaining = self.behind.call.with_deadline(cx.time_left());
        remaining.wait().unwrap_or(false)
    }
}

#[test]
fn a_service_calls_another_with_the_time_that_its_caller_has_left() -> Result<(), Failure> {
    let behind = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;
    let forwarder = Forwarder { behind: JobsClient::connect(behind.local_addr())? };
    let front = Server::builder().service(JobsServer::new(forwarder)).bind("127.0.0.1:0")?.spawn()?;

    let jobs = JobsClient::connect(front.local_addr())?;
    jobs.enqueue(Job { name: "paint".to_owned(), priority: 1 })?;
    assert!(jobs.wait()?);
    Ok(())
}
