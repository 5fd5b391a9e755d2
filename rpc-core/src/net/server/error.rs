//! Floor 4: why a server does not start, or does not go on: by whose fault it is.

use std::io;

use thiserror::Error;

use crate::contract::ContractError;
use crate::limits::MAX_LOOPS;

/// Why a server could not be bound, or ended otherwise than by a drain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is not one, is taken, or is not allowed: whoever configured it can change it.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The services cannot stand on one server together.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The server was built without a service.
    #[error("a server needs at least one service: call `.service(..)` before `.bind(..)`")]
    NoService,
    /// More loops than a session id can name.
    #[error("{0} loops; the limit is {MAX_LOOPS}")]
    TooManyLoops(usize),
    /// The operating system refused something that every server needs.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server's own code panicked, which is a defect of this library. No call was answered wrongly because of it:
    /// the loop in question stopped at once.
    #[error("a loop of the server failed: {0}")]
    Failed(String),
}

impl ServeError {
    pub(super) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> ServeError {
        move |source| ServeError::System { doing, source }
    }
}
