//! The names that generated code uses, and nothing else. A stub written by hand uses the same: see the example
//! `stubs_by_hand`.

mod checks;
mod types;

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
pub use crate::contract::{Contract, ErrorTraits, Method, TypesOf};
#[doc(no_inline)]
pub use crate::net::{Addresses, ConnectError, connect};
#[doc(no_inline)]
pub use crate::service::{CallContext, Dispatch, Dispatched, Refused, Service};

pub use checks::{
    Array, Failure, HashKey, Named, NoResult, Owned, Portable, Shared, TreeKey, array, failure, hash_key,
    no_alias, owned, portable, shared, tree_key,
};

#[doc(hidden)]
pub use types::{CanTrace, CannotTrace, TypesOfMethod, as_function};

use std::any::Any;
use std::error::Error;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// Returns the [`ErrorTraits`] of a type.
///
/// A method call takes the first trait that fits: [`Implements`] for the type itself, if the type implements what is asked for, and
/// else [`Lacks`] for a reference to it. That choice exists only where the type is named, so this is a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_error_traits {
    ($error:ty) => {
        $crate::stub::ErrorTraits {
            display: |error| {
                #[allow(unused_imports, reason = "one of the two is chosen")]
                use $crate::stub::{Implements as _, Lacks as _};
                $crate::stub::probe::<$error, _>(error, |error| (&$crate::stub::ToDisplay(error)).find())
            },
            error: |error| {
                #[allow(unused_imports, reason = "one of the two is chosen")]
                use $crate::stub::{Implements as _, Lacks as _};
                $crate::stub::probe::<$error, _>(error, |error| (&$crate::stub::ToError(error)).find())
            },
        }
    };
}

#[doc(hidden)]
pub use crate::__rpc_error_traits as error_traits;
#[doc(hidden)]
pub use crate::__rpc_types as types;

/// Returns what `find` finds in a value of this type; `None` if the value has another type.
#[doc(hidden)]
pub fn probe<'a, E: 'static, T: 'a>(value: &'a dyn Any, find: impl FnOnce(&'a E) -> Option<T>) -> Option<T> {
    value.downcast_ref().and_then(find)
}

/// A value that is to be shown, if it can be.
#[doc(hidden)]
#[derive(Debug)]
pub struct ToDisplay<'a, E>(pub &'a E);

/// A value that is to be the source of an error, if it is one.
#[doc(hidden)]
#[derive(Debug)]
pub struct ToError<'a, E>(pub &'a E);

/// The case that the type of a value implements what is asked for.
#[doc(hidden)]
pub trait Implements<T> {
    /// Returns the value.
    fn find(&self) -> Option<T>;
}

impl<'a, E: Display> Implements<&'a dyn Display> for ToDisplay<'a, E> {
    fn find(&self) -> Option<&'a dyn Display> {
        Some(self.0)
    }
}

impl<'a, E: Error + 'static> Implements<&'a (dyn Error + 'static)> for ToError<'a, E> {
    fn find(&self) -> Option<&'a (dyn Error + 'static)> {
        Some(self.0)
    }
}

/// The other case.
#[doc(hidden)]
pub trait Lacks<T> {
    /// Returns nothing.
    fn find(&self) -> Option<T>;
}

impl<'a, E> Lacks<&'a dyn Display> for &ToDisplay<'a, E> {
    fn find(&self) -> Option<&'a dyn Display> {
        None
    }
}

impl<'a, E> Lacks<&'a (dyn Error + 'static)> for &ToError<'a, E> {
    fn find(&self) -> Option<&'a (dyn Error + 'static)> {
        None
    }
}

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
