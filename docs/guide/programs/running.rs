//! The page `running.md`: limits and counters.

use std::time::Duration;

use rpc_core::{ClientLimits, Connector, Server, ServerLimits};

use crate::jobs::{JobsClient, JobsServer, Queue};
use crate::queue::connected;

#[test]
fn limits_are_fields_of_which_one_names_those_that_differ() -> Result<(), Box<dyn std::error::Error>> {
    let limits = ServerLimits { connections: 500, max_frame: 16 << 20, ..ServerLimits::default() };
    let server = Server::builder()
        .service(JobsServer::new(Queue::default()))
        .limits(limits)
        .bind("127.0.0.1:0")?
        .spawn()?;

    let limits = ClientLimits { max_frame: 16 << 20, ..ClientLimits::default() };
    let jobs: JobsClient = Connector::new().limits(limits).connect(server.local_addr())?;
    assert_eq!(jobs.waiting()?, 0);
    Ok(())
}

#[test]
fn a_setting_outside_its_bounds_is_an_error_when_it_is_given() {
    let limits = ServerLimits { slots: 0, ..ServerLimits::default() };
    let refused =
        Server::builder().service(JobsServer::new(Queue::default())).limits(limits).bind("127.0.0.1:0");
    assert!(refused.is_err_and(|error| error.to_string().contains("slots")));
}

#[test]
fn counters_can_be_read_from_any_thread() -> Result<(), Box<dyn std::error::Error>> {
    let (server, jobs) = connected()?;
    jobs.take()?;

    let handle = server.handle(); // give a clone of it to the thread that reports
    let counters = handle.counters();
    println!("{} calls, {} ran, {} duplicates", counters.calls, counters.executions, counters.duplicates());
    if handle.oldest_running() > Duration::from_secs(60) {
        println!("a handler does not return");
    }
    assert_eq!(counters.executions, 1);
    Ok(())
}
