//! The queue of jobs with tarpc: `jobs-tarpc serve ADDR`, or `jobs-tarpc call ADDR`, which reads calls from its input.
//!
//! `ours.rs` is the same program with this project. A call is a line: `enqueue NAME MS`, `take`, or `work MS`.

#[path = "lines.rs"]
mod lines;
#[path = "state.rs"]
mod state;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, future};
use tarpc::client::Config;
use tarpc::context::{self, Context};
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

use lines::Call;
use state::{Job, QueueError, State};

/// A queue of jobs.
#[tarpc::service]
pub trait Jobs {
    /// Puts a job into the queue, and returns its number.
    async fn enqueue(job: Job) -> Result<u64, QueueError>;

    /// Takes the next job.
    async fn take() -> Job;

    /// Works for some milliseconds, and returns them.
    async fn work(millis: u64) -> u64;
}

#[derive(Clone)]
struct Server(Arc<State>);

impl Jobs for Server {
    async fn enqueue(self, _: Context, job: Job) -> Result<u64, QueueError> {
        self.0.enqueue(job)
    }

    async fn take(self, _: Context) -> Job {
        self.0.take()
    }

    async fn work(self, _: Context, millis: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        eprintln!("server: the work is done");
        millis
    }
}

async fn serve(address: String) -> Result<(), Box<dyn Error>> {
    let server = Server(Arc::new(State::default()));
    let listener = tcp::listen(address, Bincode::default).await?;
    listener
        .filter_map(|connection| future::ready(connection.ok()))
        .map(BaseChannel::with_defaults)
        .for_each_concurrent(None, |channel| {
            channel.execute(server.clone().serve()).for_each(|request| async {
                tokio::spawn(request);
            })
        })
        .await;
    Ok(())
}

/// Returns the context of a call that has two seconds.
fn within_two_seconds() -> Context {
    let mut context = context::current();
    context.deadline = Instant::now() + Duration::from_secs(2);
    context
}

/// Makes one call, and shows its reply.
async fn call(jobs: &JobsClient, call: Call) -> Result<String, Box<dyn Error>> {
    Ok(match call {
        Call::Enqueue(job) => match jobs.enqueue(within_two_seconds(), job).await? {
            Ok(number) => format!("number {number}"),
            Err(QueueError::Full(most)) => format!("full, with {most}"),
        },
        Call::Take => format!("{:?}", jobs.take(within_two_seconds()).await?),
        Call::Work(millis) => format!("worked {} ms", jobs.work(within_two_seconds(), millis).await?),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match lines::role()? {
        lines::Role::Serve(address) => serve(address).await?,
        lines::Role::Call(address) => {
            let transport = tcp::connect(address, Bincode::default).await?;
            let jobs = JobsClient::new(Config::default(), transport).spawn();
            for line in lines::calls() {
                let ((line, wanted), begun) = (line?, Instant::now());
                lines::show(&line, begun, call(&jobs, wanted).await);
            }
        }
    }
    Ok(())
}
