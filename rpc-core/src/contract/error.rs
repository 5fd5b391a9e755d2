//! Layer 0: the error of services that cannot be served together, or at all.

use std::fmt;

use crate::limits::{MAX_METHODS, MAX_SERVICES};

/// The reason for which services cannot share one server.
///
/// ```
/// use rpc_core::{ContractError, Health, ServeError, Server};
///
/// let twice = Server::builder().service(Health::new()).service(Health::new()).bind("127.0.0.1:0");
/// match twice {
///     Err(ServeError::Contract(error)) => assert_eq!(error, ContractError::SameService("ServerHealth")),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// More services than a HELLO can name.
    #[error("{0} services on one server; the limit is {MAX_SERVICES}: use a second server")]
    TooManyServices(usize),
    /// More methods than a table can name.
    #[error("service `{0}` has {1} methods; the limit is {MAX_METHODS}: split the trait")]
    TooManyMethods(&'static str, usize),
    /// The same name twice.
    #[error("two services are called `{0}`; rename one of the traits")]
    SameService(&'static str),
    /// A setting is for a method that the service does not have.
    #[error(
        "a limit is set for the method `{1}`, which service `{0}` does not have; write the name as in the trait"
    )]
    NoSuchMethod(&'static str, String),
    /// Values of a method's types would not arrive as they were sent.
    #[error("`{method}` cannot be served: {why}")]
    Unsendable {
        /// The method.
        method: &'static str,
        /// The type, and what is wrong with it.
        why: &'static str,
    },
    /// Two methods whose hashes are equal.
    #[error("`{0}` and `{1}` have the same hash; rename one of them")]
    SameMethod(&'static str, &'static str),
}

impl fmt::Debug for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
