//! The formats of types: traced from serde's traits, in bounded time, or refused with the reason.

mod bounds;
mod foreign;
mod own;
mod text;
mod unsendable;

use rpc_core::types::{Formats, Traced, trace};
use serde::{Deserialize, Serialize};

/// The formats of a method that takes a `T`.
fn traced<'de, T: Deserialize<'de> + Serialize>() -> Traced {
    trace::<(T,), (), ()>(false)
}

/// The text of the format of a type, with its definitions behind it.
#[track_caller]
fn text<'de, T: Deserialize<'de> + Serialize>() -> String {
    let text = formats::<T>().to_string();
    let inner = text.strip_prefix("fn(").expect("it begins so");
    inner.replacen(") -> ()", "", 1)
}

#[track_caller]
fn formats<'de, T: Deserialize<'de> + Serialize>() -> Formats {
    match traced::<T>() {
        Traced::Formats(formats) => formats,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn untraced<'de, T: Deserialize<'de> + Serialize>() -> String {
    match traced::<T>() {
        Traced::Untraced(why) => why,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn unsendable<'de, T: Deserialize<'de> + Serialize>() -> String {
    match traced::<T>() {
        Traced::Unsendable(why) => why,
        other => panic!("{other:?}"),
    }
}
