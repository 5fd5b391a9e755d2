//! Runs a topic with a time limit, and reports where its threads are if it does not end.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::steps::Steps;

/// Time limit for a broken version that should get stuck: it needs a fraction of this.
pub(crate) const SHOULD_STICK: Duration = Duration::from_secs(2);

/// Time limit for a program that should end: long, so that a busy machine does not look like a deadlock.
pub(crate) const SHOULD_END: Duration = Duration::from_secs(30);

/// Number of pieces in which a time limit is waited for.
const PIECES: u32 = 20;

/// The end of a program.
pub(crate) enum End {
    Well,
    /// It ended with a wrong result or an error.
    Wrong(String),
    /// It did not end.
    Stuck,
}

/// Runs `program` on its own thread for at most `limit`. A thread that is stuck stays until this process ends, which is
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
        let _ = done.send(result); // after the limit, the receiver is gone
    });
    // In small pieces: if the machine stands still for a while, the program loses one piece, and not all its time.
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
