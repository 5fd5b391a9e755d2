//! The processes of a measurement: the processors that they run on, their CPU time, and their memory.

use std::fs;
use std::io;
use std::process::Command;

use rpc_examples::children::{Children, Worker};
use rpc_examples::status::{Failure, Status};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Starts a program on one processor, or on all.
///
/// A new process runs where the thread that starts it may run: so this thread goes there first, and no thread of the new
/// process is ever elsewhere.
pub(crate) fn start(
    children: &Children,
    name: &str,
    command: Command,
    processor: Option<usize>,
) -> Result<Worker, Failure> {
    let Some(processor) = processor else { return Ok(children.start_program(name, command)?) };
    let before = sched_getaffinity(None).map_err(io::Error::from)?;
    let mut only = CpuSet::new();
    only.set(processor);
    sched_setaffinity(None, &only).map_err(|error| {
        let text = format!("processor {processor} cannot be chosen: {error}; try --place none");
        Failure::new(Status::Usage, text)
    })?;
    let started = children.start_program(name, command);
    sched_setaffinity(None, &before).map_err(io::Error::from)?;
    Ok(started?)
}

/// Returns the first two processors that this process may use.
pub(crate) fn two_processors() -> Result<(usize, Option<usize>), Failure> {
    let all = sched_getaffinity(None).map_err(io::Error::from)?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|number| all.is_set(*number));
    let first = usable.next().ok_or_else(|| Failure::new(Status::Usage, "no processor may be used"))?;
    Ok((first, usable.next()))
}

/// Raises the number of open descriptors to what is allowed, and returns it. The processes inherit it.
pub(crate) fn raise_descriptors() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit); // without it, the number of connections is what the limit allows
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Returns the time on a processor of all live threads of a process; `None` where /proc does not tell.
pub(crate) fn cpu_nanoseconds(process: u32) -> Option<u64> {
    let mut sum = None;
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let Ok(text) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        let time: u64 = text.split_whitespace().next()?.parse().ok()?;
        sum = Some(sum.unwrap_or(0) + time);
    }
    sum
}

/// Returns the resident memory of a process in bytes; `None` where /proc does not tell.
pub(crate) fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
