//! Layer 3: names of services and methods that are known only at run time; bounded in count and size.
//!
//! A call refers to its method by a `&'static Method`, which costs nothing on the path of each call. A name that is known
//! only at run time is therefore leaked, once for each name (docs/decisions/0010-calls-by-name.md).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::contract::{Contract, Method};
use crate::each_process::{self, EachProcess};
use crate::ids::MethodId;
use crate::limits::{MAX_NAMES, MAX_SIGNATURE_KEPT};

/// All that this process has leaked.
struct Names {
    /// Services by name.
    services: BTreeMap<String, &'static Contract>,
    /// Methods by id and name.
    methods: BTreeMap<(MethodId, String), &'static Method>,
}

/// A forked child begins with no names: a thread of its parent may have held the lock.
static NAMES: EachProcess<Mutex<Names>> = EachProcess::new(each_process::present);

/// Locks the names. The maps only grow, one whole entry at a time, so a poisoned lock is safe to use. Returns `None` after
/// [`MAX_FORKS`](crate::limits::MAX_FORKS) forks in a row: such a process has no names.
fn lock() -> Option<MutexGuard<'static, Names>> {
    let none = || Mutex::new(Names { services: BTreeMap::new(), methods: BTreeMap::new() });
    let names = NAMES.get_or_make(none)?;
    Some(names.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Names {
    /// Returns true if no name can be added.
    fn are_full(&self) -> bool {
        self.services.len() + self.methods.len() >= MAX_NAMES
    }
}

/// Returns the contract that a client announces for a service whose methods it does not know. Returns `None` if there are
/// too many names already.
pub fn service(name: &str) -> Option<&'static Contract> {
    let mut names = lock()?;
    if let Some(contract) = names.services.get(name) {
        return Some(contract);
    }
    if names.are_full() {
        return None;
    }
    let contract: &'static Contract = Box::leak(Box::new(Contract::unknown(leak(name))));
    names.services.insert(name.to_owned(), contract);
    Some(contract)
}

/// Returns a method that a server's table names. Returns `None` if there are too many names already.
pub fn method(id: MethodId, name: &str, signature: &str) -> Option<&'static Method> {
    let mut names = lock()?;
    if let Some(method) = names.methods.get(&(id, name.to_owned())) {
        return Some(method);
    }
    if names.are_full() {
        return None;
    }
    let shown: String = signature.chars().take(MAX_SIGNATURE_KEPT).collect();
    let method = Method { id, ..Method::new(leak(name), leak(&shown)) };
    let method: &'static Method = Box::leak(Box::new(method));
    names.methods.insert((id, name.to_owned()), method);
    Some(method)
}

/// Makes a text live as long as the process.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let first = service("OnceOnly").expect("not full");
        assert!(std::ptr::eq(first, service("OnceOnly").expect("it is known")));
        let get = method(MethodId(7), "OnceOnly.get", "fn get()").expect("not full");
        assert!(std::ptr::eq(get, method(MethodId(7), "OnceOnly.get", "fn get()").expect("it is known")));
        assert_eq!((get.id, get.name), (MethodId(7), "OnceOnly.get"));
    }

    #[test]
    fn a_long_signature_is_cut_and_changes_no_id() {
        let long = "x".repeat(MAX_SIGNATURE_KEPT * 2);
        let method = method(MethodId(8), "OnceOnly.long", &long).expect("not full");
        assert_eq!((method.id, method.signature.len()), (MethodId(8), MAX_SIGNATURE_KEPT));
    }
}
