//! Layer 4: the errors of a server that does not start, or that stops.

use std::io;

use thiserror::Error;

use crate::contract::ContractError;
use crate::limits::{MAX_LISTENERS, MAX_LOOPS, SettingError};
use crate::service::DurableError;
use crate::text::Escaped;

/// The error of a server that could not be bound, or that ended by another cause than a drain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is invalid, in use, or not allowed. The configuration must change.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// There is no listener, or there are too many.
    #[error("a server has 1 to {MAX_LISTENERS} listeners")]
    Listeners,
    /// The services cannot share one server.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The server was built without a service.
    #[error("a server needs at least one service: call `.service(..)` before `.bind(..)`")]
    NoService,
    /// A setting is outside its bounds, or contradicts another one.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// There are more loops than a session id can name.
    #[error("{0} loops; the limit is {MAX_LOOPS}")]
    TooManyLoops(usize),
    /// The operating system refused a resource that every server needs.
    #[error("cannot {doing}: {source}")]
    System {
        /// The operation that failed.
        doing: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The store of the server cannot be used, or could not be written. In the second case no reply has left since the last
    /// commit; let the program end, and look at the disk before it is started again.
    #[error("the store of the server failed: {0}")]
    Durable(#[from] DurableError),
    /// A server with a store has this method, which replies later and may not be repeated: its call cannot be a transaction.
    #[error(
        "{0} returns a `Later`, which cannot be a transaction: mark it `#[rpc(idempotent)]`, or serve it without a store"
    )]
    DurableLater(&'static str),
    /// A server with a store needs its duplicate filter.
    #[error("a server with a store needs its duplicate filter: leave `at_most_once` on")]
    DurableWithoutFilter,
    /// A handler of the server waits for the end of the server, and so for itself. The drain goes on without it.
    #[error("a handler cannot wait for the end of its own server; call `drain()` there, which does not wait")]
    OwnHandler,
    /// The code of this library panicked, which is a defect. No call got a wrong reply because of it: the loop stopped at
    /// once.
    #[error("a loop of the server failed: {}", Escaped(.0))]
    Failed(String),
}

impl ServeError {
    /// Returns the function that wraps an error of the operating system, for `map_err`.
    pub(super) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> ServeError {
        move |source| ServeError::System { doing, source }
    }
}
