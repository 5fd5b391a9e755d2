//! A line that tells how far a part has come: on a terminal only, and never in the output that a script reads.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// At most this often is the line written anew.
const INTERVAL: Duration = Duration::from_millis(200);

/// The progress of one part, on standard error.
#[derive(Debug)]
pub struct Progress {
    part: &'static str,
    shown: bool,
    began: Instant,
    last: Option<Instant>,
}

impl Progress {
    /// The progress of a part. Nothing is shown unless standard error is a terminal.
    pub fn new(part: &'static str) -> Self {
        Progress { part, shown: std::io::stderr().is_terminal(), began: Instant::now(), last: None }
    }

    /// The time since the part began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Shows a new state, unless the last one was shown a moment ago.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if !self.shown || self.last.is_some_and(|last| last.elapsed() < INTERVAL) {
            return;
        }
        self.last = Some(Instant::now());
        let _ = write!(std::io::stderr(), "\r\x1b[K{}: {}", self.part, text()); // progress may be lost
    }

    /// Removes the line.
    pub fn clear(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K"); // as above
        }
    }
}
