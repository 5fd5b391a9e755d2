//! Layer 4: the error of a client that could not connect.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::services::{Quoted, Served};
use crate::limits::{MAX_NAME, MAX_NAMES, MAX_OPENING_HELLO, MAX_SERVICES, SettingError};
use crate::proto::client::{JournalError, TAKES_NO_CLIENT};
use crate::text::Escaped;

/// The error of a client that could not connect. No call was sent.
///
/// ```
/// use rpc_core::ConnectError;
///
/// /// Returns true if the same attempt may succeed later, with the program and its settings as they are.
/// fn may_pass(error: &ConnectError) -> bool {
///     matches!(error, ConnectError::Unreachable { .. } | ConnectError::System(_))
/// }
/// ```
///
/// Its `Debug` is its text, so that a program whose `main` returns it prints a sentence.
#[derive(Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be resolved.
    #[error("cannot find the address of the server: {0}")]
    Address(#[source] std::io::Error),
    /// No server replied in time.
    #[error("cannot reach {server}: {}{}", Escaped(detail), next_after(detail))]
    Unreachable {
        /// The address of the server.
        server: Arc<str>,
        /// The last failure.
        detail: String,
    },
    /// A server replied, and refused the client. No other address of the server had one that accepts it.
    #[error(
        "{server} replied, but {}; check the address, and the versions of both programs",
        Escaped(detail)
    )]
    Rejected {
        /// The address of the server that has refused it last.
        server: Arc<str>,
        /// The reason that the server gave, as it has sent it.
        detail: String,
    },
    /// The server replied, and does not have a service that the client was connected for.
    #[error(
        "{server} has no service {}{}; check the address, and what that server was built with",
        Quoted(services),
        Served(served)
    )]
    NoSuchService {
        /// The address of the server.
        server: Arc<str>,
        /// The services that it does not have.
        services: Vec<String>,
        /// The services that it has, as it has sent their names, but for the one that describes it. Empty if it did not say.
        served: Vec<String>,
    },
    /// A setting is outside its bounds, or contradicts another one.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Values of a method's types would not arrive as they were sent.
    #[error("`{method}` cannot be called: {why}")]
    Unsendable {
        /// The method.
        method: &'static str,
        /// The type, and what is wrong with it.
        why: &'static str,
    },
    /// There are more services than fit into a HELLO.
    #[error(
        "{0} services do not fit into a HELLO of {MAX_OPENING_HELLO} bytes, {MAX_SERVICES} at the most; use two clients"
    )]
    TooManyServices(usize),
    /// A service's name is too long.
    #[error("a service's name of {0} bytes; the limit is {MAX_NAME}, and no server has one with such a name")]
    LongName(usize),
    /// Too many names were used without a trait: each such name is kept for the life of the process.
    #[error(
        "this process has used {MAX_NAMES} remote names, which is the limit; check names from outside before they are used"
    )]
    TooManyNames,
    /// The journal cannot be read or written, or another client uses it.
    #[error("the journal of the client: {0}")]
    Journal(#[source] JournalError),
    /// The operating system refused a resource: a descriptor, or memory.
    #[error(
        "cannot create the client's poll or waker: {0}; the process may have too many open files (`ulimit -n`)"
    )]
    System(#[source] std::io::Error),
}

impl fmt::Debug for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns what to do about a server that no client has reached.
fn next_after(failure: &str) -> &'static str {
    if failure == TAKES_NO_CLIENT { "; try again later" } else { "; is the server running there?" }
}
