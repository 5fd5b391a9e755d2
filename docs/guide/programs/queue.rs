//! A server of the queue and its client, for pages whose task begins when both are there.

use rpc_core::{RunningServer, Server};

use crate::jobs::{JobsClient, JobsServer, Queue};

/// An error of a test.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Returns a server of an empty queue, at any free port.
pub(crate) fn serve() -> Result<RunningServer, Failure> {
    Ok(Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?)
}

/// Returns such a server and a client of it.
pub(crate) fn connected() -> Result<(RunningServer, JobsClient), Failure> {
    let server = serve()?;
    let jobs = JobsClient::connect(server.local_addr())?;
    Ok((server, jobs))
}
