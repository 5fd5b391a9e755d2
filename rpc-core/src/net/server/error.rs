//! Layer 4: the errors of a server that does not start, or that stops.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::contract::ContractError;
use crate::limits::{MAX_LISTENERS, MAX_LOOPS, SettingError};
use crate::service::DurableError;
use crate::text::Escaped;

/// The error of a server that could not be bound, or that ended by another cause than a drain.
///
/// ```
/// use rpc_core::{Health, ServeError, Server};
///
/// let first = Server::builder().service(Health::new()).bind("127.0.0.1:0")?;
/// let second = Server::builder().service(Health::new()).bind(first.local_addr());
/// match second {
///     Err(ServeError::Bind { address, source }) => println!("{address} cannot be used: {source}"),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), ServeError>(())
/// ```
///
/// Its `Debug` is its text, so that a program whose `main` returns it prints a sentence.
#[derive(Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is invalid, in use, or not allowed. The configuration must change.
    #[error("cannot listen at {address}: {source}{}", next_after(source))]
    Bind {
        /// The address as it was given.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// There is no listener, or there are too many.
    #[error("a server has 1 to {MAX_LISTENERS} listeners: give so many to `listen_on`")]
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
    #[error("{0} loops; the limit is {MAX_LOOPS}, and 0 means one for each core")]
    TooManyLoops(usize),
    /// The operating system refused a resource that every server needs.
    #[error("cannot {doing}: {source}; the limits of the process may be too low (`ulimit -n`, `ulimit -u`)")]
    System {
        /// The operation that failed.
        doing: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The store of the server cannot be used, or could not be written. In the second case no reply has left since the last
    /// commit; let the program end, and look at the disk before it is started again.
    #[error("the store of the server failed: {0}; look at its disk before the server is started again")]
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
    #[error("a loop of the server failed, which is a defect of rpc-core; please report it: {}", Escaped(.0))]
    Failed(String),
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns what to do about an address that cannot be used.
fn next_after(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program listens there: end it, or choose another port (0 takes a free one)"
        }
        io::ErrorKind::AddrNotAvailable => {
            "; no interface of this machine has that address: 0.0.0.0 means all that it has"
        }
        io::ErrorKind::PermissionDenied => {
            "; a port below 1024 needs a privilege, and the path of a Unix socket a folder that may be written"
        }
        io::ErrorKind::NotFound => "; the folder of a Unix socket must be there before",
        _ => "",
    }
}

impl ServeError {
    /// Returns the function that wraps an error of the operating system, for `map_err`.
    pub(super) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> ServeError {
        move |source| ServeError::System { doing, source }
    }
}
