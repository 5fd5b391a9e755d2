//! Runs a topic with a time limit, and reports where its threads are if it does not end.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::steps::Steps;

/// How long a twin that should get stuck is given: it takes a fraction of this to get there.
pub(crate) const SHOULD_STICK: Duration = Duration::from_secs(2);

/// How long a program that should end is given, so that a busy machine is not taken for a deadlock.
pub(crate) const SHOULD_END: Duration = Duration::from_secs(30);

/// A program's time is waited for in so many pieces.
const PIECES: u32 = 20;

/// How a program ended.
pub(crate) enum End {
    Well,
    /// It ended, and was wrong, or was told so.
    Wrong(String),
    /// It did not end.
    Stuck,
}

/// Runs `program` for at most `limit` on a thread of its own. One that is stuck stays so until this process ends, which is
/// soon.
pub(crate) fn run(
    steps: &Steps,
    limit: Duration,
    program: impl FnOnce(&Steps) -> Result<(), String> + Send + 'static,
) -> End {
    let (done, ended) = mpsc::channel();
    let of_program = steps.clone();
    let thread = thread::spawn(move || {
        let result = program(&of_program);
        let _ = done.send(result); // if it comes after the limit, nobody listens
    });
    // In small pieces: a machine that stands still for a while costs the program one of them, and not all its time.
    let mut pieces = (0..PIECES).map(|_| ended.recv_timeout(limit / PIECES));
    let end = pieces.find(|end| *end != Err(RecvTimeoutError::Timeout));
    match end.unwrap_or(Err(RecvTimeoutError::Timeout)) {
        Ok(Ok(())) => End::Well,
        Ok(Err(why)) => End::Wrong(why),
        Err(RecvTimeoutError::Timeout) => End::Stuck,
        Err(RecvTimeoutError::Disconnected) => End::Wrong(match thread.join() {
            Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned()),
            Ok(()) => "it said nothing".to_owned(),
        }),
    }
}
