//! Types that borrow, with and without their lifetimes written; and names that come close to each other.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::must_use_candidate)]

extern crate rpc_core as renamed;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Borrows its text.
#[derive(Debug, Serialize, Deserialize)]
pub struct View<'a>(&'a str);

/// A key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(String);

/// An error whose name ends otherwise, and a type that is called as one of the standard library.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instant(u64);

/// Named like an error that cannot be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Error;

/// The runtime has another name here; the supertraits are named by their paths.
#[renamed::rpc(crate = "renamed")]
pub trait Store: std::marker::Send + ::core::marker::Sync + 'static {
    /// A `Cow` needs no lifetime.
    fn cow(&self, text: Cow<str>, more: Option<Cow<'_, str>>, list: &[Cow<[u8]>]) -> usize;
    /// Borrowed parts of other types.
    fn inside(&self, name: Option<&str>, parts: (&str, &[u8]), names: &[&str], at: Option<&Path>) -> usize;
    /// With its lifetime.
    fn view(&self, view: View<'_>, shared: &View<'_>) -> usize;
    /// Keys that are keys.
    fn keys(&self, all: &HashMap<Key, u8>, more: BTreeMap<Key, Vec<Key>>, borrowed: HashMap<&str, u8>) -> usize;
    /// Types that only look as if they could not be sent.
    fn own(&self, at: Instant, boxed: Box<str>) -> Result<Instant, Error>;
}

/// Differs from the next one in case only.
#[renamed::rpc]
pub trait KvStore {
    /// A method.
    fn get(&self) -> u8;
}

/// Differs from the last one in case only.
#[renamed::rpc]
pub trait KVStore {
    /// A method.
    fn get(&self) -> u8;
    /// Differs from the last one in case only.
    #[allow(non_snake_case)]
    fn Get(&self) -> u8;
}

struct Impl;

impl Store for Impl {
    fn cow(&self, text: Cow<str>, more: Option<Cow<'_, str>>, list: &[Cow<[u8]>]) -> usize {
        text.len() + more.map_or(0, |more| more.len()) + list.iter().map(|bytes| bytes.len()).sum::<usize>()
    }
    fn inside(&self, name: Option<&str>, parts: (&str, &[u8]), names: &[&str], at: Option<&Path>) -> usize {
        let at = at.and_then(Path::to_str);
        name.map_or(0, str::len) + parts.0.len() + parts.1.len() + names.concat().len() + at.map_or(0, str::len)
    }
    fn view(&self, view: View<'_>, shared: &View<'_>) -> usize {
        view.0.len() + shared.0.len()
    }
    fn keys(&self, all: &HashMap<Key, u8>, more: BTreeMap<Key, Vec<Key>>, borrowed: HashMap<&str, u8>) -> usize {
        all.len() + more.len() + borrowed.len()
    }
    fn own(&self, at: Instant, boxed: Box<str>) -> Result<Instant, Error> {
        if boxed.is_empty() { Err(Error) } else { Ok(at) }
    }
}

fn main() {
    let store: StoreClient = rpc_sim::in_process(StoreServer::shared(Arc::new(Impl)));
    let list = [Cow::Borrowed(&b"ab"[..])];
    assert_eq!(store.cow(Cow::Borrowed("abc"), Some(Cow::Borrowed("d")), &list).expect("runs"), 6);
    let inside = store.inside(Some("a"), ("b", b"c"), &["d", "e"], Some(Path::new("f")));
    assert_eq!(inside.expect("runs"), 6);
    assert_eq!(store.view(View("a"), &View("b")).expect("runs"), 2);
    let key = Key("a".to_owned());
    let more = BTreeMap::from([(key.clone(), vec![key.clone()])]);
    assert_eq!(store.keys(&HashMap::from([(key, 1)]), more, HashMap::from([("b", 2)])).expect("runs"), 3);
    assert_eq!(store.own(Instant(7), "a".into()).expect("runs").0, 7);
    let _ = (KvStoreClient::get, KVStoreClient::Get);
}
