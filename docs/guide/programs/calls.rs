//! The page `calls.md`: deadlines, cancelling, repeats, threads, started calls and races.

use std::thread;
use std::time::Duration;

use rpc_core::{CallError, Connector, Race};

use crate::jobs::{Job, JobsClient};
use crate::queue::{Failure, connected, serve};

#[test]
fn a_deadline_is_that_of_the_call_the_method_or_the_client() -> Result<(), Failure> {
    let server = serve()?;
    let jobs: JobsClient = Connector::new().deadline(Duration::from_secs(2)).connect(server.local_addr())?;

    jobs.waiting()?; // 2 s, the client's
    let hasty = jobs.call.with_deadline(Duration::from_millis(50));
    let outcome = hasty.wait(); // 50 ms, and not the 30 s of the method
    assert!(!outcome.unwrap_or(false), "no job came");
    Ok(())
}

#[test]
fn a_started_call_that_is_dropped_is_cancelled() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let waiting = jobs.start.wait();
    drop(waiting); // tells the server: `cx.is_cancelled()` is true from now on
    assert_eq!(jobs.waiting()?, 0);
    Ok(())
}

#[test]
fn a_call_without_repeats_fails_at_the_first_loss() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let once = jobs.call.with_retry(false); // no repeats of idempotent calls, and no second try at a busy server
    assert_eq!(once.waiting()?, 0);
    Ok(())
}

#[test]
fn threads_share_a_client_by_reference_or_by_clone() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    thread::scope(|scope| {
        for worker in 0..8 {
            let jobs = &jobs;
            scope.spawn(move || jobs.enqueue(Job { name: format!("of thread {worker}"), priority: 1 }));
        }
    });
    assert_eq!(jobs.waiting()?, 8);

    let clone = jobs.clone(); // the same connection and the same session
    let logger = thread::spawn(move || clone.waiting());
    assert_eq!(logger.join().expect("the thread does not panic")?, 8);
    Ok(())
}

#[test]
fn started_calls_travel_together() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let started: Vec<_> =
        (0..100).map(|n| jobs.start.enqueue(Job { name: format!("job {n}"), priority: 1 })).collect();
    for pending in started {
        pending.wait()?;
    }
    assert_eq!(jobs.waiting()?, 100);
    Ok(())
}

#[test]
fn a_wait_can_be_shorter_than_the_deadline() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let mut pending = jobs.start.wait();
    if pending.wait_for(Duration::from_millis(10)).is_none() {
        jobs.enqueue(Job { name: "paint".to_owned(), priority: 1 })?; // the call goes on
    }
    assert!(pending.wait()?, "there is a job now");
    Ok(())
}

#[test]
fn the_first_reply_of_several_servers_wins() -> Result<(), Failure> {
    let mut servers = Vec::new();
    let mut clients = Vec::new();
    for name in ["north", "south", "east"] {
        let server = serve()?;
        clients.push((name, JobsClient::connect(server.local_addr())?));
        servers.push(server);
    }
    clients[1].1.enqueue(Job { name: "paint".to_owned(), priority: 1 })?;

    let mut race: Race<_, _> = clients.iter().map(|(name, jobs)| (*name, jobs.start.wait())).collect();
    let winner = race.find_map(|(name, outcome)| matches!(outcome, Ok(true)).then_some(name));
    drop(race); // the other calls are cancelled
    assert_eq!(winner, Some("south"));
    Ok(())
}

#[test]
fn a_call_that_did_not_run_can_be_made_again() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let paint = Job { name: "paint".to_owned(), priority: 1 };
    let outcome = match jobs.enqueue(paint.clone()) {
        Err(CallError::NotExecuted(_)) => jobs.enqueue(paint), // the only error after which this is always safe
        outcome => outcome,
    };
    assert_eq!(outcome?, 1);
    Ok(())
}
