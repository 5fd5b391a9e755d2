//! Exercise 11: a generic stub, which is given the name of its method.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

use fastrand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::judge::{Fault, Judge, fault};
use crate::story::tell;

/// The failures of a call by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server has no such method. The names that it has, in the order of its table.
    NoSuchMethod(Vec<String>),
    /// The reply has another type than the caller asks for.
    WrongType,
    /// The server refuses the call: it cannot read the arguments.
    Refused,
}

/// Encodes a value.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default() // the values of this exercise can be encoded
}

/// Decodes a value. Returns `None` if the bytes are not of this type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// The way to the server.
#[derive(Clone, Default)]
pub struct Wire(Rc<RefCell<Server>>);

#[derive(Default)]
struct Server {
    /// The names of the methods, each with its number on the wire.
    table: Vec<(String, u32)>,
    values: BTreeMap<String, String>,
    /// Requests that have arrived: the number of the method, and the arguments.
    seen: Vec<(u32, Vec<u8>)>,
}

impl Wire {
    /// Returns the server's table of methods: names and numbers.
    pub fn table(&self) -> Vec<(String, u32)> {
        self.0.borrow().table.clone()
    }

    /// Sends a request, and returns the reply. Returns `None` if the server refuses the call.
    pub fn send(&self, method: u32, arguments: &[u8]) -> Option<Vec<u8>> {
        let server = &mut *self.0.borrow_mut();
        server.seen.push((method, arguments.to_vec()));
        let name = server.table.iter().find(|(_, number)| *number == method).map(|(name, _)| name.clone());
        tell(format!(
            "the stub sends a request of method {method} with {}",
            String::from_utf8_lossy(arguments)
        ));
        match name?.as_str() {
            "Kv.get" => {
                let (key,): (String,) = decode(arguments)?;
                Some(encode(&server.values.get(&key)))
            }
            "Kv.append" => {
                let (key, value): (String, String) = decode(arguments)?;
                let kept = server.values.entry(key).or_default();
                kept.push_str(&value);
                Some(encode(&kept.len()))
            }
            _ => None,
        }
    }
}

/// The part that the reader writes.
pub trait Stub {
    /// Returns a stub over this wire.
    fn new(wire: Wire) -> Self;

    /// Calls the method of this name. The arguments are a tuple.
    ///
    /// # Errors
    /// The call failed.
    fn call<T: DeserializeOwned>(&self, name: &str, arguments: &impl Serialize) -> Result<T, Failure>;
}

/// A call, as a program that knows no trait makes it.
#[derive(Clone)]
enum Ask {
    Get(&'static str),
    Append(&'static str, &'static str),
    NoSuch(&'static str),
    WrongType,
    WrongArguments,
}

/// Calls, and the order of the server's table.
#[derive(Clone)]
pub struct Calls {
    asks: Vec<Ask>,
    first: u32,
    is_turned: bool,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: Stub> Judge for Course<M> {
    type Case = Calls;

    fn draw(random: &mut Rng, size: usize) -> Calls {
        let asks = (0..random.usize(1..=2 + size)).map(|_| match random.u8(0..8) {
            0..=2 => Ask::Get(random.choice(["name", "year"]).unwrap_or("name")),
            3..=4 => Ask::Append("name", random.choice(["x", "yy"]).unwrap_or("x")),
            5 => Ask::NoSuch(random.choice(["Kv.read", "get", "Kv.Get"]).unwrap_or("get")),
            6 => Ask::WrongType,
            _ => Ask::WrongArguments,
        });
        Calls { asks: asks.collect(), first: random.u32(0..3), is_turned: random.bool() }
    }

    fn simpler(case: &Calls) -> Vec<Calls> {
        let fewer = (0..case.asks.len()).map(|at| {
            let mut asks = case.asks.clone();
            asks.remove(at);
            Calls { asks, ..case.clone() }
        });
        let plain = case.is_turned.then(|| Calls { is_turned: false, ..case.clone() });
        let zero = (case.first > 0).then(|| Calls { first: 0, ..case.clone() });
        fewer.chain(plain).chain(zero).collect()
    }

    fn play(case: &Calls) -> Result<(), Fault> {
        let mut names = vec!["Kv.get".to_owned(), "Kv.append".to_owned()];
        if case.is_turned {
            names.reverse();
        }
        let wire = Wire::default();
        wire.0.borrow_mut().table = names.iter().cloned().zip(case.first..).collect();
        tell(format!("the server has {:?}", wire.table()));
        let stub = M::new(wire.clone());
        let mut value = String::new();
        case.asks.iter().try_for_each(|ask| played(&stub, &wire, ask, &names, &mut value))
    }
}

fn played(
    stub: &impl Stub,
    wire: &Wire,
    ask: &Ask,
    names: &[String],
    value: &mut String,
) -> Result<(), Fault> {
    let before = wire.0.borrow().seen.len();
    let sent = || wire.0.borrow().seen[before..].to_vec();
    let number =
        |name: &str| wire.table().iter().find(|(known, _)| known == name).map_or(0, |(_, number)| *number);
    match ask {
        Ask::Get(key) => {
            let kept = (*key == "name" && !value.is_empty()).then(|| value.clone());
            let result = stub.call::<Option<String>>("Kv.get", &(key,));
            said(&format!("Kv.get({key:?})"), &result);
            one_request(&sent(), number("Kv.get"), &encode(&(key,)))?;
            equal(&result, &Ok(kept))
        }
        Ask::Append(key, more) => {
            value.push_str(more);
            let result = stub.call::<u64>("Kv.append", &(key, more));
            said(&format!("Kv.append({key:?}, {more:?})"), &result);
            one_request(&sent(), number("Kv.append"), &encode(&(key, more)))?;
            equal(&result, &Ok(value.len() as u64))
        }
        Ask::NoSuch(name) => {
            let result = stub.call::<u64>(name, &("name",));
            said(&format!("{name}(\"name\")"), &result);
            if !sent().is_empty() {
                return fault(
                    "sent",
                    format!(
                        "the server has no method `{name}`, and the stub sends a request all the same: the table says so before anything is sent"
                    ),
                );
            }
            equal(&result, &Err(Failure::NoSuchMethod(names.to_vec())))
        }
        Ask::WrongType => {
            let result = stub.call::<Vec<u64>>("Kv.get", &("year",));
            said("Kv.get(\"year\") as a list of numbers", &result);
            one_request(&sent(), number("Kv.get"), &encode(&("year",)))?;
            equal(&result, &Err(Failure::WrongType))
        }
        Ask::WrongArguments => {
            let result = stub.call::<u64>("Kv.append", &(7,));
            said("Kv.append(7)", &result);
            equal(&result, &Err(Failure::Refused))
        }
    }
}

fn said<T: std::fmt::Debug>(call: &str, result: &Result<T, Failure>) {
    tell(format!("the program calls {call}, and gets {result:?}"));
}

fn one_request(sent: &[(u32, Vec<u8>)], number: u32, arguments: &[u8]) -> Result<(), Fault> {
    match sent {
        [] => fault("none", "the stub sends no request"),
        [(method, _)] if *method != number => fault(
            "number",
            format!(
                "the request names method {method}, and the table says {number}: look the name up, since another server may have another order"
            ),
        ),
        [(_, bytes)] if bytes != arguments => fault(
            "arguments",
            format!(
                "the arguments are not those of the program. They have to be {}",
                String::from_utf8_lossy(arguments)
            ),
        ),
        [_] => Ok(()),
        _ => fault("twice", "the stub sends more than one request for one call"),
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(
    yours: &Result<T, Failure>,
    right: &Result<T, Failure>,
) -> Result<(), Fault> {
    match (yours, right) {
        (yours, right) if yours == right => Ok(()),
        (Ok(_), Err(_)) => fault(
            "hidden",
            format!("the call fails with {:?}, and the program gets a value", right.as_ref().err()),
        ),
        (Err(_), _) => fault("failure", format!("the program has to get {right:?}")),
        _ => fault("value", format!("the program has to get {right:?}")),
    }
}
