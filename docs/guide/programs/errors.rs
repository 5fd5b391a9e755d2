//! The page `errors.md`: what each error of a call means, and what to do with it.

use std::time::Duration;

use rpc_core::{CallError, ConnectError, Connector, Reason, Server, rpc};
use rpc_sim::{Faults, Handlers, Network};

use crate::jobs::{Job, JobsClient, JobsServer, Queue, QueueError};
use crate::queue::{Failure, serve};

fn paint() -> Job {
    Job { name: "paint".to_owned(), priority: 1 }
}

fn add(jobs: &JobsClient, name: &str) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(jobs.enqueue(Job { name: name.to_owned(), priority: 1 })?)
}

/// Returns what the page says about the outcome of a call.
#[allow(clippy::let_and_return, reason = "the page shows the first statement")]
fn advice(jobs: &JobsClient, paint: Job) -> &'static str {
    let next = match jobs.enqueue(paint) {
        Ok(_) => "done",
        Err(CallError::Service(QueueError::Full)) => "the service has answered: wait until a job is taken",
        Err(CallError::NotExecuted(error)) if error.reason.may_pass() => "call again later",
        Err(CallError::NotExecuted(_)) => "change the program, or the server: the text says which",
        Err(CallError::ReplyLost(_) | CallError::Panicked(_)) => "it ran: look at the queue",
        Err(CallError::GivenUp(_)) => "it began, and the service gave it up: look at the queue",
        Err(CallError::Unknown(_)) => "it may have run: ask, or look at the queue",
    };
    next
}

#[test]
fn an_error_is_passed_on_with_its_source() -> Result<(), Failure> {
    let server = serve()?;
    let jobs = JobsClient::connect(server.local_addr())?;
    assert_eq!(add(&jobs, "paint")?, 1);
    while jobs.enqueue(paint()).is_ok() {}
    assert_eq!(advice(&jobs, paint()), "the service has answered: wait until a job is taken");
    let error = add(&jobs, "wait").expect_err("it is full");
    assert_eq!(error.to_string(), "the queue is full");
    let source = error.source().and_then(|source| source.downcast_ref::<QueueError>());
    assert_eq!(source, Some(&QueueError::Full));
    Ok(())
}

#[test]
fn failing_fast_is_chosen_for_a_client_or_for_a_call() -> Result<(), Failure> {
    let server = serve()?;
    let address = server.local_addr();
    let jobs: JobsClient = Connector::new().fail_fast(true).connect(address)?; // all calls of this client
    let outcome = jobs.call.with_fail_fast(false).waiting(); // this call waits
    assert_eq!(outcome?, 0);
    Ok(())
}

/// A client, and its simulated server, which is gone from now on.
fn without_server() -> (Network, JobsClient) {
    let network = Network::new(7, Faults::none());
    network.serve(JobsServer::new(Queue::default()));
    let jobs: JobsClient = network.client();
    assert_eq!(jobs.waiting().ok(), Some(0));
    network.crash_server();
    network.run_for(Duration::from_secs(1)); // the client finds out
    (network, jobs)
}

#[test]
fn the_outage_is_in_the_error() -> Result<(), Failure> {
    let (_network, jobs) = without_server();
    let hasty = jobs.call.with_deadline(Duration::from_secs(1));

    let error = match hasty.waiting() {
        Err(CallError::NotExecuted(error)) => error,
        other => return Err(format!("no server is there: {other:?}").into()),
    };
    assert_eq!(error.reason, Reason::Unreachable);
    let outage = error.outage.as_ref().ok_or("there is no connection")?;
    println!("for {:?}, {} attempts: {}", outage.lasts, outage.attempts, outage.failure);
    assert!(outage.attempts > 1 && outage.lasts > Duration::from_millis(500), "{error}");
    assert_eq!(advice(&hasty, paint()), "call again later");
    Ok(())
}

fn enqueue(jobs: &JobsClient, job: &Job) -> Result<u64, CallError<QueueError>> {
    let mut reply = jobs.enqueue(job.clone());
    loop {
        reply = match reply {
            Err(CallError::Unknown(unknown)) if unknown.is_open() => unknown.resolve(Duration::from_secs(5)),
            known => return known,
        };
    }
}

#[test]
fn an_unknown_call_is_resolved_to_what_it_would_have_returned() -> Result<(), Failure> {
    let network = Network::new(3, Faults::none());
    network.serve(JobsServer::new(Queue::default()));
    network.handlers(Handlers { slow: 1.0, longest: Duration::from_secs(4), at_once: 9 });
    let jobs: JobsClient = network.client();
    let jobs = jobs.call.with_deadline(Duration::from_millis(200));

    let mut unknown = 0;
    for number in 1..=10 {
        let first = jobs.enqueue(paint());
        unknown += u64::from(matches!(&first, Err(CallError::Unknown(_))));
        assert_eq!(first.or_else(|error| error.resolve(Duration::from_secs(30)))?, 2 * number - 1);
        assert_eq!(enqueue(&jobs, &paint())?, 2 * number);
    }
    assert!(unknown > 0, "the handlers are slower than the deadline");
    let paint = paint();
    let number = jobs.enqueue(paint).or_else(|error| error.resolve(Duration::from_secs(30)))?;
    assert_eq!(number, 21);
    Ok(())
}

#[test]
fn a_call_that_fails_fast_does_not_wait_for_its_deadline() -> Result<(), Failure> {
    let (network, jobs) = without_server();
    let hasty = jobs.call.with_fail_fast(true).call.with_deadline(Duration::from_secs(3600));
    let begun = network.now();
    match hasty.waiting() {
        Err(CallError::NotExecuted(error)) => assert_eq!(error.reason, Reason::Unreachable, "{error}"),
        other => return Err(format!("no server is there: {other:?}").into()),
    }
    assert!(network.now().since(begun) < Duration::from_secs(1), "an attempt fails within milliseconds");
    network.restart_server();
    assert_eq!(jobs.waiting()?, 0, "a call that waits finds the next server");
    Ok(())
}

#[test]
fn a_restart_between_two_calls_is_noticed() -> Result<(), Failure> {
    let network = Network::new(7, Faults::none());
    network.serve(JobsServer::new(Queue::default()));
    let jobs: JobsClient = network.client();
    jobs.waiting()?;
    let first = jobs.call.incarnation();
    assert!(first.is_some());
    jobs.waiting()?;
    assert_eq!(jobs.call.incarnation(), first);
    network.restart_server();

    let before = jobs.call.incarnation();
    jobs.waiting()?;
    if jobs.call.incarnation() != before {
        println!("the queue has begun anew");
    }
    assert_ne!(jobs.call.incarnation(), first);
    Ok(())
}

#[rpc]
trait Clock {
    fn now(&self) -> u64;
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> u64 {
        12
    }
}

#[test]
fn a_server_without_the_service_is_told_apart() -> Result<(), Failure> {
    let server = Server::builder().service(ClockServer::new(Noon)).bind("127.0.0.1:0")?.spawn()?;
    match JobsClient::connect(server.local_addr()) {
        Err(ConnectError::NoSuchService { served, .. }) => println!("that one has {served:?}"),
        Err(error) => println!("{error}"),
        Ok(jobs) => println!("{} jobs wait", jobs.waiting()?),
    }
    let error = JobsClient::connect(server.local_addr()).expect_err("it has no jobs");
    let says = format!("{} has no service `Jobs`; it has `Clock`; check the address", server.local_addr());
    assert!(error.to_string().starts_with(&says), "{error}");
    Ok(())
}
