//! The surface for generated code: what stubs name, and nothing else. Written by hand it is the same: see the example `stubs_by_hand`.

pub use serde_bytes::{ByteBuf, Bytes};

pub use crate::call::{Blob, CallError, Caller, Client, Fallible, Handle, MaybeBlob, Pending, Plain};
pub use crate::contract::{Contract, Method};
pub use crate::net::{ConnectError, connect};
pub use crate::service::{CallContext, Dispatch, Dispatched, Refused, Service};

use serde::{Deserialize, Serialize};

/// What an argument must be: `Serialize` to be sent, `Deserialize` to be read. Its one purpose is a short message
/// when it is not: stubs are written with `for<'a> T: Argument<'a>` as a given, and one assertion asks for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a remote method",
    label = "this type does not travel: it lacks serde's `Serialize` or `Deserialize`",
    note = "derive them: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if this is meant to be the call context, write `&CallContext` by that name"
)]
pub trait Argument<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Argument<'de> for T {}

/// Asserts that `T` can be an argument.
#[allow(clippy::needless_maybe_sized, reason = "else rustc tells of an unsized type twice")]
pub const fn argument<'de, T: Argument<'de> + ?Sized>() {}

/// What a reply must be: `Serialize` and `Deserialize`. Its one purpose is a short message when it is not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a remote method",
    label = "this type does not travel: it lacks serde's `Serialize` or `Deserialize`",
    note = "derive them: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Returnable<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Returnable<'de> for T {}

/// Asserts that `T` can be a reply.
#[allow(clippy::needless_maybe_sized, reason = "else rustc tells of an unsized type twice")]
pub const fn returnable<'de, T: Returnable<'de> + ?Sized>() {}
