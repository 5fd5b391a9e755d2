//! The queue of jobs with this project: `jobs-rpc serve ADDR`, or `jobs-rpc call ADDR`, which reads calls from its input.
//!
//! `tarpc.rs` is the same program with tarpc. A call is a line: `enqueue NAME MS`, `take`, or `work MS`.

#[path = "lines.rs"]
mod lines;
#[path = "state.rs"]
mod state;

use std::env;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::{CallContext, CallError, Connector, rpc, serve};

use lines::Call;
use state::{Job, QueueError, State};

/// A queue of jobs.
#[rpc]
pub trait Jobs {
    /// Puts a job into the queue, and returns its number.
    fn enqueue(&self, job: Job) -> Result<u64, QueueError>;

    /// Takes the next job.
    fn take(&self) -> Job;

    /// Works for some milliseconds, and returns them.
    #[rpc(slow)]
    fn work(&self, cx: &CallContext, millis: u64) -> u64;
}

impl Jobs for State {
    fn enqueue(&self, job: Job) -> Result<u64, QueueError> {
        State::enqueue(self, job)
    }

    fn take(&self) -> Job {
        State::take(self)
    }

    fn work(&self, cx: &CallContext, millis: u64) -> u64 {
        for _ in 0..millis / 10 {
            if cx.is_cancelled() {
                cx.give_up("no caller waits any longer");
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("server: the work is done");
        millis
    }
}

/// Makes one call, and shows its reply.
fn call(jobs: &JobsClient, call: Call) -> Result<String, Box<dyn Error>> {
    Ok(match call {
        Call::Enqueue(job) => match jobs.enqueue(job) {
            Ok(number) => format!("number {number}"),
            Err(CallError::Service(QueueError::Full(most))) => format!("full, with {most}"),
            Err(other) => return Err(other.into()),
        },
        Call::Take => format!("{:?}", jobs.take()?),
        Call::Work(millis) => format!("worked {} ms", jobs.work(millis)?),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    match lines::role()? {
        lines::Role::Serve(address) => serve(address, JobsServer::new(State::default()))?,
        lines::Role::Call(address) => {
            let fail_fast = env::var_os("FAIL_FAST").is_some();
            let settings = Connector::new().deadline(Duration::from_secs(2)).fail_fast(fail_fast);
            let jobs: JobsClient = settings.connect(address)?;
            for line in lines::calls() {
                let ((line, wanted), begun) = (line?, Instant::now());
                lines::show(&line, begun, call(&jobs, wanted));
            }
        }
    }
    Ok(())
}
