//! The names that generated code uses, and nothing else. A stub written by hand uses the same: see the example
//! `stubs_by_hand`.

mod checks;

// Names of the standard library, which may mean something else where the trait is.
pub use std::clone::Clone;
#[doc(no_inline)]
pub use std::convert::Into;
#[doc(no_inline)]
pub use std::marker::{Send, Sized, Sync};
pub use std::result::Result;
pub use std::sync::Arc;
pub use std::vec::Vec;

#[doc(no_inline)]
pub use serde_bytes::{ByteBuf, Bytes};

#[doc(no_inline)]
pub use crate::call::{Blob, CallError, Caller, Client, Handle, MaybeBlob, Never, Pending};
#[doc(no_inline)]
pub use crate::contract::{Contract, Method};
#[doc(no_inline)]
pub use crate::net::{Addresses, ConnectError, connect};
#[doc(no_inline)]
pub use crate::service::{CallContext, Dispatch, Dispatched, Refused, Service};

pub use checks::{
    Array, Failure, HashKey, Named, NoResult, Owned, Portable, Shared, TreeKey, array, failure, hash_key,
    no_alias, owned, portable, shared, tree_key,
};
use serde::{Deserialize, Serialize};

/// A type of an argument: `Serialize` to be sent, `Deserialize` to be read.
///
/// The trait exists for its error message. Stubs are written with the bound `for<'a> T: Argument<'a>`, and call
/// [`argument`] once: a type without serde's traits is one error there, instead of one for each use in the stubs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a remote method",
    label = "this type cannot be sent: it does not implement serde's `Serialize` and `Deserialize`",
    note = "if the type is your own, derive them: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if it comes from another crate, see if that crate has a feature `serde`; else send a type of your own that says \
            the same",
    note = "if this is meant to be the call context, write `&CallContext` by that name"
)]
pub trait Argument<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Argument<'de> for T {}

/// Asserts at compile time that `T` can be an argument.
#[allow(clippy::needless_maybe_sized, reason = "without it rustc reports an unsized type twice")]
pub const fn argument<'de, T: Argument<'de> + ?Sized>() {}

/// A type of a reply: `Serialize` to be sent, `Deserialize` to be read. As [`Argument`], it exists for its error message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a remote method",
    label = "this type cannot be sent: it does not implement serde's `Serialize` and `Deserialize`",
    note = "if the type is your own, derive them: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if it comes from another crate, see if that crate has a feature `serde`; else send a type of your own that says \
            the same"
)]
pub trait Returnable<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Returnable<'de> for T {}

/// Asserts at compile time that `T` can be a reply.
#[allow(clippy::needless_maybe_sized, reason = "without it rustc reports an unsized type twice")]
pub const fn returnable<'de, T: Returnable<'de> + ?Sized>() {}
