//! The program of the page `first_service.md`: a server and a client of the queue, in one process.
#![allow(unreachable_pub)] // `jobs.rs` is a part of the library of this package too

mod jobs;

use std::error::Error;

use rpc_core::Server;

use jobs::{Job, JobsClient, JobsServer, Queue};

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;

    let jobs = JobsClient::connect(server.local_addr())?; // in another process, as a rule
    let number = jobs.enqueue(Job { name: "paint".to_owned(), priority: 1 })?;
    assert_eq!(jobs.take()?, Some((number, Job { name: "paint".to_owned(), priority: 1 })));
    assert_eq!(jobs.take()?, None);

    server.stop()?;
    Ok(())
}

#[test]
fn the_program_runs() -> Result<(), Box<dyn Error>> {
    main()
}
