//! Compile-time checks of the types in a trait. Each trait here exists for its error message, and each function for its call.
//!
//! The macro sees the name of a type and no more. By the name it chooses the check whose message fits best; a type that
//! implements serde's traits passes each of them.

use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

/// A type that is called `Rc` or `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to another process",
    label = "this type cannot be sent: it does not implement serde's `Serialize` and `Deserialize`",
    note = "write the type inside it: the other side has a copy of its own, and shares nothing with this one",
    note = "or switch on serde's feature `rc`, with which an `Rc` or an `Arc` is sent as the value in it"
)]
pub trait Shared<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Shared<'de> for T {}

/// Asserts at compile time that a type which is called `Rc` or `Arc` can be sent.
pub const fn shared<'de, T: Shared<'de>>() {}

/// A type that is called as one of the standard library whose values belong to a process: `Instant`, `File`, `Sender`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to another process",
    label = "this type cannot be sent: it does not implement serde's `Serialize` and `Deserialize`",
    note = "a value such as an `Instant`, a `File` or a `Sender` has a meaning only in its own process",
    note = "send what the other side needs instead: a `Duration` or a `SystemTime`, a path, or the data itself",
    note = "if the type is your own, derive them: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Portable<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Portable<'de> for T {}

/// Asserts at compile time that a type which is called as one that belongs to a process can be sent.
pub const fn portable<'de, T: Portable<'de>>() {}

/// A type that is called as one without a size of the standard library: `Path`, `OsStr`, `CStr`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "this type cannot be sent: it has no size of its own, so serde cannot read it as a value",
    note = "write `&str`, which is read without copying; or `PathBuf`, `OsString` or `CString`, without `&`",
    note = "if the type is your own, derive serde's traits: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Owned<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Owned<'de> for T {}

/// Asserts at compile time that a type which is called as one without a size can be sent.
#[allow(clippy::needless_maybe_sized, reason = "without it rustc reports an unsized type twice")]
pub const fn owned<'de, T: Owned<'de> + ?Sized>() {}

/// A type whose name ends in `Error`.
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` cannot be sent to the caller",
    label = "this type cannot be sent: it does not implement serde's `Serialize` and `Deserialize`",
    note = "if the error is your own, derive them: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if it comes from another crate (`io::Error`, `anyhow::Error`, `rpc_core::CallError`), map it to an error of \
            your own, or to its text: return `Result<T, String>`, and write `.map_err(|error| error.to_string())?`"
)]
pub trait Failure<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Failure<'de> for T {}

/// Asserts at compile time that a type whose name ends in `Error` can be sent.
pub const fn failure<'de, T: Failure<'de>>() {}

/// An array that may be longer than 32.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent",
    label = "this array cannot be sent: serde's traits are there for arrays of at most 32 elements that have them",
    note = "write a slice for an argument, such as `&[u8]`, or a `Vec`",
    note = "or put the array into a struct of your own that reads and writes it, with a crate such as `serde-big-array`"
)]
pub trait Array<'de>: Serialize + Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de>> Array<'de> for T {}

/// Asserts at compile time that an array can be sent.
pub const fn array<'de, T: Array<'de>>() {}

/// A type of the keys of a `HashMap` or the elements of a `HashSet`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key of a `HashMap` or an element of a `HashSet`",
    label = "the other side cannot build the collection: this type does not implement `Eq` and `Hash`",
    note = "if the type is your own, derive them: `#[derive(PartialEq, Eq, Hash)]`",
    note = "or send the entries as a list: `Vec<(K, V)>`"
)]
pub trait HashKey<'de>: Eq + Hash {}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash> HashKey<'_> for T {}

/// Asserts at compile time that `T` can be a key of a `HashMap`.
pub const fn hash_key<'de, T: HashKey<'de>>() {}

/// A type of the keys of a `BTreeMap` or the elements of a `BTreeSet`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key of a `BTreeMap` or an element of a `BTreeSet`",
    label = "the other side cannot build the collection: this type does not implement `Ord`",
    note = "if the type is your own, derive it: `#[derive(PartialEq, Eq, PartialOrd, Ord)]`",
    note = "or send the entries as a list: `Vec<(K, V)>`"
)]
pub trait TreeKey<'de>: Ord {}

#[diagnostic::do_not_recommend]
impl<T: Ord> TreeKey<'_> for T {}

/// Asserts at compile time that `T` can be a key of a `BTreeMap`.
pub const fn tree_key<'de, T: TreeKey<'de>>() {}

/// Tells if a type is a `Result`, also behind an alias: `Named::<T>::IS_RESULT`, with [`NoResult`] in scope. The inherent
/// constant is found before that of the trait.
#[derive(Debug)]
pub struct Named<T: ?Sized>(PhantomData<T>);

impl<T, E> Named<Result<T, E>> {
    /// True: the type is a `Result`.
    pub const IS_RESULT: bool = true;
}

/// The answer for all other types.
pub trait NoResult {
    /// False: the type is no `Result`.
    const IS_RESULT: bool = false;
}

impl<T: ?Sized> NoResult for Named<T> {}

/// Refuses a reply that is a `Result` under another name, at compile time and at the place of the call.
///
/// # Panics
/// Panics if `is_result` is true.
#[track_caller]
pub const fn no_alias(is_result: bool) {
    assert!(
        !is_result,
        "this type is a `Result` under another name, which `#[rpc]` cannot see. Write `Result<T, E>` in full: then the \
         caller gets `Result<T, CallError<E>>`, and not a `Result` in a `Result`"
    );
}
