//! The page `first_service.md`: the errors of a call of the queue.

use rpc_core::{CallError, Server};

use crate::jobs::{Job, JobsClient, JobsServer, Queue, QueueError};

fn report(outcome: Result<u64, CallError<QueueError>>) -> String {
    match outcome {
        Ok(number) => format!("job {number}"),
        Err(CallError::Service(QueueError::Full)) => "the queue is full: try again later".to_owned(),
        Err(other) => format!("the call failed: {other}"),
    }
}

#[test]
fn the_error_of_the_service_is_one_arm_of_a_match() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;
    let jobs = JobsClient::connect(server.local_addr())?;
    let paint = Job { name: "paint".to_owned(), priority: 1 };
    for number in 1..=1000 {
        assert_eq!(report(jobs.enqueue(paint.clone())), format!("job {number}"));
    }
    assert_eq!(report(jobs.enqueue(paint)), "the queue is full: try again later");
    Ok(())
}

/// The first of two programs. It is compiled here, and run by `tests/outside/first_steps.sh`.
mod server {
    use rpc_core::serve;

    use crate::jobs::{JobsServer, Queue};

    #[allow(dead_code)] // it serves until the process ends
    fn main() -> Result<(), rpc_core::ServeError> {
        serve("127.0.0.1:7000", JobsServer::new(Queue::default()))
    }
}

/// The second one.
mod client {
    use std::error::Error;

    use crate::jobs::JobsClient;

    #[allow(dead_code)] // it needs the server
    fn main() -> Result<(), Box<dyn Error>> {
        let jobs = JobsClient::connect("127.0.0.1:7000")?;
        println!("{} jobs wait", jobs.waiting()?);
        Ok(())
    }
}
