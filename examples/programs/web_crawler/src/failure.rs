//! The failures of a crawl: a sentence for people and an exit status for programs.

use std::fmt::Display;
use std::io::{self, Write};

use thiserror::Error;

/// The exit status of a crawl that found dead links: it worked, and the result is negative.
pub const DEAD_LINKS_FOUND: u8 = 1;

/// The reason why a crawl has no result.
#[derive(Debug, Error)]
pub enum Failure {
    /// The options contradict each other, or the rules exclude the start.
    #[error("{0}")]
    Usage(String),
    /// The start is no page.
    #[error("{0}")]
    Unreachable(String),
    /// The crawler could not write, start threads or processes, or listen.
    #[error("{0}")]
    Own(String),
    /// The reader of the output has closed the pipe, as in `crawl ..
    /// head`. No message is needed, and nothing failed.
    #[error("the reader has gone")]
    ReaderGone,
}

impl Failure {
    /// The exit status: 2, 3 or 5, as in all examples; 0 where nothing failed.
    pub fn status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Unreachable(_) => 3,
            Failure::Own(_) => 5,
            Failure::ReaderGone => 0,
        }
    }

    /// The output cannot be written.
    pub fn output(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::own("write the pages")(error),
        }
    }

    /// Returns an error of the operating system during `what`.
    pub fn own<E: Display>(what: impl Display) -> impl FnOnce(E) -> Failure {
        move |error| Failure::Own(format!("cannot {what}: {error}"))
    }
}

/// Writes a message to standard error. A closed standard error is no reason to fail: `eprintln!` would
/// panic.
pub fn tell(words: impl Display) {
    let _ = write!(io::stderr(), "{words}");
}
