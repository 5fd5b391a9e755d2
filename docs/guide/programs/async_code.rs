//! The page `async_code.md`: calls from async code, with a runtime and without.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::{CallError, Pending};
use tokio::task::spawn_blocking;

use crate::jobs::{Job, JobsClient};
use crate::queue::{Failure, connected};

#[tokio::test]
async fn a_started_call_is_a_future() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let number = jobs.start.enqueue(Job { name: "paint".to_owned(), priority: 1 }).await?;
    assert_eq!(jobs.start.take().await?.map(|(taken, _)| taken), Some(number));
    Ok(())
}

#[tokio::test]
async fn several_calls_wait_together() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let (first, second, waiting) = tokio::join!(
        jobs.start.enqueue(Job { name: "paint".to_owned(), priority: 1 }),
        jobs.start.enqueue(Job { name: "sweep".to_owned(), priority: 1 }),
        jobs.start.wait(),
    );
    assert_ne!(first?, second?);
    assert!(waiting?);
    Ok(())
}

#[tokio::test]
async fn a_timeout_drops_the_call_and_so_cancels_it() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let outcome = tokio::time::timeout(Duration::from_millis(50), jobs.start.wait()).await;
    assert!(outcome.is_err(), "no job came");
    Ok(())
}

#[tokio::test]
async fn the_first_of_two_events_wins() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let mut waiting = jobs.start.wait();
    let came = tokio::select! {
        outcome = &mut waiting => outcome?,
        () = tokio::time::sleep(Duration::from_millis(20)) => false,
    };
    assert!(!came);
    jobs.start.enqueue(Job { name: "paint".to_owned(), priority: 1 }).await?;
    assert!(waiting.await?, "the call was not dropped, and went on");
    Ok(())
}

#[tokio::test]
async fn tasks_share_a_client() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let jobs = Arc::new(jobs);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let jobs = Arc::clone(&jobs);
        tasks.spawn(async move { jobs.start.enqueue(Job { name: format!("job {n}"), priority: 1 }).await });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome??;
    }
    assert_eq!(jobs.start.waiting().await?, 100);
    Ok(())
}

#[tokio::test]
async fn connecting_blocks_and_so_runs_on_a_thread_for_that() -> Result<(), Failure> {
    let (server, _jobs) = connected()?;

    let address = server.local_addr();
    let jobs = tokio::task::spawn_blocking(move || JobsClient::connect(address)).await??;
    assert_eq!(jobs.start.waiting().await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_unknown_call_is_resolved_on_a_thread_for_that() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;
    let paint = Job { name: "paint".to_owned(), priority: 1 };

    let sure = match jobs.start.enqueue(paint).await {
        Err(unknown @ CallError::Unknown(_)) => {
            spawn_blocking(move || unknown.resolve(Duration::from_secs(30))).await?
        }
        known => known,
    };
    assert_eq!(sure?, 1);
    Ok(())
}

#[tokio::test]
async fn a_blocking_call_stops_the_other_tasks_of_its_thread() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;
    let other = tokio::spawn(async {});

    tokio::task::yield_now().await; // the other task has its turn
    assert!(other.is_finished());
    let other = tokio::spawn(async {});
    jobs.waiting()?; // blocks
    assert!(!other.is_finished(), "it has had no turn");
    other.await?;
    Ok(())
}

#[test]
fn no_runtime_is_needed() -> Result<(), Failure> {
    let (_server, jobs) = connected()?;

    let pending: Pending<u64> = jobs.start.waiting();
    assert_eq!(pollster::block_on(pending)?, 0);
    Ok(())
}
