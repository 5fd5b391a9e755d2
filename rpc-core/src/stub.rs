//! Floor 3: what generated code names, and nothing else. Written by hand it is the same: see the example `stubs_by_hand`.

pub use serde_bytes::{ByteBuf, Bytes};

pub use crate::call::{Blob, CallError, Caller, Client, Fallible, Handle, Pending, Plain};
pub use crate::contract::{Contract, Method};
pub use crate::service::{CallContext, Dispatch, Dispatched, Refused, Service};

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an argument must be: `Serialize` to be sent. Its one purpose is a short message when it is not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a remote method",
    label = "this type does not travel: it lacks serde's `Serialize` or `Deserialize`",
    note = "derive them: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if this is meant to be the call context, write `&CallContext` by that name"
)]
pub trait Argument {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Deserialize<'static>> Argument for T {} // it may borrow from the frame

/// Asserts that `T` can be an argument.
pub const fn argument<T: Argument>() {}

/// What a reply must be: `Serialize` and `Deserialize`. Its one purpose is a short message when it is not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a remote method",
    label = "this type does not travel: it lacks serde's `Serialize` or `Deserialize`",
    note = "derive them: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Returnable {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Returnable for T {}

/// Asserts that `T` can be a reply.
pub const fn returnable<T: Returnable>() {}

/// Connects a client; generated code calls it.
///
/// # Errors
/// When nobody answers there.
pub fn connect<C: Client>(_addr: impl std::net::ToSocketAddrs) -> Result<C, ConnectError> {
    Err(ConnectError::Unreachable)
}

/// Why a client could not connect.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers.
    #[error("nobody answers")]
    Unreachable,
}
