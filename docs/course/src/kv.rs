//! The service of the stub exercises: keys, values, and a list of what the implementation was asked to do.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use rpc_core::rpc;
use rpc_core::stub::{Client, Method};

use crate::story::tell;

/// Keys and their values.
#[rpc]
pub trait Kv {
    /// Returns the value of a key.
    fn get(&self, key: &str) -> Option<String>;

    /// Appends to the value of a key, and returns the new length.
    fn append(&self, key: &str, value: &str) -> u64;
}

/// Returns a method of the service by its name: `Kv.get` or `Kv.append`.
///
/// # Panics
/// There is no such method.
pub fn method(name: &str) -> &'static Method {
    let methods = KvClient::CONTRACT.methods;
    let found = methods.iter().find(|method| method.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<&str> = methods.iter().map(|method| method.name).collect();
        panic!("there is no method `{name}`: there are {}", names.join(" and "))
    })
}

/// An implementation, which tells what it is asked to do.
#[derive(Default)]
pub struct Store(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    values: BTreeMap<String, String>,
    /// Each run, as text, and what it returned.
    runs: Vec<(String, String)>,
}

impl Store {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // no step panics half-way
    }

    /// Returns the runs so far: each with what it returned.
    pub fn runs(&self) -> Vec<(String, String)> {
        self.inside().runs.clone()
    }

    fn ran(inside: &mut Inside, run: String, returned: String) {
        tell(format!("the implementation runs {run} and returns {returned}"));
        inside.runs.push((run, returned));
    }
}

impl Kv for Store {
    fn get(&self, key: &str) -> Option<String> {
        let inside = &mut *self.inside();
        let value = inside.values.get(key).cloned();
        Store::ran(inside, format!("get({key:?})"), format!("{value:?}"));
        value
    }

    fn append(&self, key: &str, value: &str) -> u64 {
        let inside = &mut *self.inside();
        let kept = inside.values.entry(key.to_owned()).or_default();
        kept.push_str(value);
        let length = kept.len() as u64;
        Store::ran(inside, format!("append({key:?}, {value:?})"), length.to_string());
        length
    }
}

/// A call of the program that uses the stubs.
#[derive(Clone)]
pub enum Call {
    /// `get(key)`.
    Get(String),
    /// `append(key, value)`.
    Append(String, String),
}

impl Call {
    /// Draws a call.
    pub fn draw(random: &mut Rng) -> Self {
        let key = random.choice(["name", "place", "year"]).unwrap_or("name").to_owned();
        match random.bool() {
            true => Call::Get(key),
            false => Call::Append(key, random.choice(["x", "yy", "1997"]).unwrap_or("x").to_owned()),
        }
    }

    /// Returns the call as text.
    pub fn text(&self) -> String {
        match self {
            Call::Get(key) => format!("get({key:?})"),
            Call::Append(key, value) => format!("append({key:?}, {value:?})"),
        }
    }
}

/// Calls one after the other, and the network between.
#[derive(Clone)]
pub struct Calls {
    /// The calls.
    pub calls: Vec<Call>,
    /// True if the network loses and doubles frames.
    pub is_bad: bool,
    /// True if what is last goes wrong: no server is there, or the arguments cannot be read.
    pub goes_wrong: bool,
    /// The seed of the network.
    pub seed: u64,
}

impl Calls {
    /// Draws calls.
    pub fn draw(random: &mut Rng, size: usize) -> Self {
        let calls = (0..random.usize(1..=2 + size)).map(|_| Call::draw(random)).collect();
        Calls { calls, is_bad: random.u8(0..4) == 0, goes_wrong: random.u8(0..8) == 0, seed: random.u64(..) }
    }

    /// Returns cases that are simpler by one thing.
    pub fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        for at in 0..self.calls.len() {
            let mut calls = self.calls.clone();
            calls.remove(at);
            simpler.push(Calls { calls, ..self.clone() });
        }
        if self.is_bad {
            simpler.push(Calls { is_bad: false, ..self.clone() });
        }
        if self.goes_wrong {
            simpler.push(Calls { goes_wrong: false, ..self.clone() });
        }
        simpler
    }
}
