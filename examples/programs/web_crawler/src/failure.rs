//! Why a crawl gives no answer, as a sentence for people and an exit status for programs.

use std::fmt::Display;
use std::io::{self, Write};

use thiserror::Error;

/// The exit status of a crawl that found dead links: it worked, and the answer is 'no'.
pub const DEAD_LINKS_FOUND: u8 = 1;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Failure {
    /// What was asked for contradicts itself, or its start cannot be crawled by the rules.
    #[error("{0}")]
    Usage(String),
    /// The start gives no page.
    #[error("{0}")]
    Unreachable(String),
    /// The crawler could not do its own part: write, start threads or processes, listen.
    #[error("{0}")]
    Own(String),
    /// Who reads the output has seen enough, and has gone: `crawl .. | head`. There is nothing to say, and nothing failed.
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

    /// An error of the operating system while the crawler did `what`.
    pub fn own<E: Display>(what: impl Display) -> impl FnOnce(E) -> Failure {
        move |error| Failure::Own(format!("cannot {what}: {error}"))
    }
}

/// Says something to people, on standard error. If nobody can read it, that is no reason to fail: `eprintln!` would
/// panic.
pub fn tell(words: impl Display) {
    let _ = write!(io::stderr(), "{words}");
}
