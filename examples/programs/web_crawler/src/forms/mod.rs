//! The five forms. Each finds the same pages. They differ in the threads that fetch, in the owner of the set, and in the end.

mod channel;
mod mutex;
mod pool;
pub mod rpc;
mod serial;

use std::sync::Arc;

use clap::ValueEnum;

use crate::failure::Failure;
use crate::task::Task;

/// The forms of a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One page after the other
    Serial,
    /// A thread per page, a shared set behind a mutex, a wait group
    Mutex,
    /// A thread per page, a coordinator that owns the set, one channel
    Channel,
    /// Fixed workers that take pages from a channel
    Pool,
    /// Worker processes that lease pages from a coordinator over RPC
    Rpc,
}

impl Form {
    /// All of them, in the order of the lesson.
    pub const ALL: [Form; 5] = [Form::Serial, Form::Mutex, Form::Channel, Form::Pool, Form::Rpc];

    /// Crawls until nothing is left, or the limit is reached. The pages are with the task.
    ///
    /// # Errors
    /// Returns an error if the crawler has no threads, processes or port to work with.
    pub fn crawl(self, task: &Arc<Task>, processes: &rpc::Processes) -> Result<(), Failure> {
        match self {
            Form::Serial => serial::crawl(task),
            Form::Mutex => mutex::crawl(task),
            Form::Channel => channel::crawl(task),
            Form::Pool => return pool::crawl(task),
            Form::Rpc => return rpc::crawl(task, processes),
        }
        Ok(())
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Form::Serial => "serial",
            Form::Mutex => "mutex",
            Form::Channel => "channel",
            Form::Pool => "pool",
            Form::Rpc => "rpc",
        })
    }
}
