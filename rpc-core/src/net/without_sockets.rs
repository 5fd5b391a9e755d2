//! Layer 4 in a WebAssembly module, which has no sockets: the names that generated code uses, and a `connect` that fails.
//!
//! All layers below are there, and the simulator runs them: `rpc_sim::Network` gives clients in place of `connect`.

use thiserror::Error;

use crate::call::Client;

/// The address of a server, as text.
#[derive(Clone, Debug)]
pub struct Addresses(String);

impl<T: ToString> From<T> for Addresses {
    fn from(address: T) -> Self {
        Addresses(address.to_string())
    }
}

/// The error of a client that could not connect. No call was sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There are no sockets.
    #[error("cannot connect to {0}: a WebAssembly module has no sockets; the simulator gives clients there")]
    NoSockets(String),
}

/// Returns an error, since there are no sockets. Generated code calls it.
///
/// # Errors
/// Always [`ConnectError::NoSockets`].
pub fn connect<C: Client>(addr: impl Into<Addresses>) -> Result<C, ConnectError> {
    Err(ConnectError::NoSockets(addr.into().0))
}
