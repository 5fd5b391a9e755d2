//! Layer 3: the descriptions of a server, as they are sent. Their fields are those of the page `docs/wire.md`, and do not change:
//! what a later version adds is in `more`, by name, so that programs of both versions understand each other.

use serde::{Deserialize, Serialize};

use super::super::HealthState;
use crate::contract::Contract;
use crate::limits::LimitValue as Value;
use crate::types::{Formats, ParseError};
use crate::wire::message::cut;

pub use crate::limits::LimitValue;

/// The bytes that a method takes beside its texts: the lengths of those, and its numbers.
const METHOD_FIXED: usize = 128;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDescription {
    /// The library that the server is built with, and its version: `rpc-core 0.1.0`.
    pub version: String,
    /// The services of the server, this one included, in the order in which it was given them.
    pub services: Vec<ServiceSummary>,
    /// The fields of `ServerLimits`, by their names.
    pub limits: Vec<(String, Value)>,
    /// The state that the server's `Health` says; `None` if it has no such service.
    pub health: Option<HealthState>,
    /// True if the duplicate filter is on, as it is but for experiments.
    pub at_most_once: bool,
    /// True if the server has a store, in which sessions and records outlive it.
    pub durable: bool,
    /// The number of event loops.
    pub loops: u32,
    /// Empty: the place of additions of later versions, by name.
    pub more: Vec<(String, String)>,
}

/// A service, in a list of services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSummary {
    /// Its name.
    pub name: String,
    /// The number of its methods.
    pub methods: u32,
    /// The hash of its contract (W17).
    pub contract: u64,
    /// The fingerprint of its types (W17a); 0 if they are not known.
    pub fingerprint: u64,
}

/// A service, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDescription {
    /// Its name.
    pub name: String,
    /// The documentation of the trait, as it was written.
    pub docs: String,
    /// Its methods, in the order of the trait, from the one that was asked for.
    pub methods: Vec<MethodDescription>,
    /// The index of the first method that had no room in this reply; `None` if all that follow are there.
    pub next: Option<u32>,
    /// Empty: the place of additions of later versions, by name.
    pub more: Vec<(String, String)>,
}

/// A method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodDescription {
    /// `Service.method`.
    pub name: String,
    /// Its id on the wire (W16).
    pub id: u64,
    /// Its signature (W16): `fn get(key: &str) -> Option<String>`.
    pub signature: String,
    /// Its documentation, as it was written.
    pub docs: String,
    /// True if running it twice is harmless: `#[rpc(idempotent)]`.
    pub idempotent: bool,
    /// True if it runs long or blocks: `#[rpc(slow)]`.
    pub slow: bool,
    /// True if its replies may come after its handler has returned.
    pub later: bool,
    /// True if its implementation takes a context, and so learns that a caller has cancelled.
    pub context: bool,
    /// Its own default deadline, in milliseconds: `#[rpc(deadline = "..")]`.
    pub deadline_millis: Option<u64>,
    /// The longest reply of it that is kept for a client that asks again; `None` if the server's limit counts.
    pub max_cached_reply: Option<u64>,
    /// The formats of its types.
    pub types: TypesDescription,
    /// The fingerprint of its types (W17a); 0 if the server does not know it.
    pub fingerprint: u64,
    /// Empty: the place of additions of later versions, by name.
    pub more: Vec<(String, String)>,
}

/// The formats of the types of a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TypesDescription {
    /// Their text (W17b): `fn(str) -> Option<str>`. [`MethodDescription::formats`] reads it.
    Known(String),
    /// The reason for which the server does not tell them.
    Unknown(String),
}

/// An argument of a method, as its signature has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type, as it is written in Rust.
    pub ty: &'a str,
}

impl ServiceSummary {
    /// Returns the summary of a contract.
    pub(super) fn of(contract: &Contract) -> Self {
        ServiceSummary {
            name: contract.service.to_owned(),
            methods: contract.methods.len() as u32, // at most MAX_METHODS
            contract: contract.hash,
            fingerprint: contract.types().map_or(0, |types| types.fingerprint),
        }
    }
}

impl MethodDescription {
    /// Returns the formats of its types.
    ///
    /// # Errors
    /// Returns the reason if the server does not tell them, or if its text cannot be read.
    pub fn formats(&self) -> Result<Formats, String> {
        match &self.types {
            TypesDescription::Known(text) => text.parse().map_err(|error: ParseError| error.to_string()),
            TypesDescription::Unknown(why) => Err(why.clone()),
        }
    }

    /// Returns the name of the method without its service.
    pub fn short_name(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(_, method)| method)
    }

    /// Returns the arguments, as the signature has them. Their formats are [`Formats::arguments`], in the same order.
    pub fn arguments(&self) -> Vec<Argument<'_>> {
        let list = self.signature.split_once('(').map_or("", |(_, rest)| rest);
        let (mut depth, mut begin, mut arguments) = (0_u32, 0, Vec::new());
        let mut before = ' ';
        for (at, c) in list.char_indices() {
            let ends = depth == 0 && matches!(c, ',' | ')');
            if ends {
                let argument = list[begin..at].split_once(": ");
                arguments.extend(argument.map(|(name, ty)| Argument { name: name.trim(), ty }));
                begin = at + 1;
            }
            match c {
                ')' if depth == 0 => break,
                '(' | '[' | '<' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '>' if before != '-' => depth = depth.saturating_sub(1), // not that of `->`
                _ => {}
            }
            before = c;
        }
        arguments
    }

    /// Returns the bytes that the description may take.
    pub(super) fn room(&self) -> usize {
        let (TypesDescription::Known(types) | TypesDescription::Unknown(types)) = &self.types;
        METHOD_FIXED + self.name.len() + self.signature.len() + self.docs.len() + types.len()
    }

    /// Cuts the texts so that the description takes so many bytes, if that is possible: first the formats, which are of no use in
    /// parts, then the documentation, then the signature.
    pub(super) fn fit(&mut self, most: usize) {
        if let (true, TypesDescription::Known(types)) = (self.room() > most, &self.types) {
            let why = format!("their text has {} bytes, more than one reply of this server", types.len());
            self.types = TypesDescription::Unknown(why);
        }
        let over = self.room().saturating_sub(most);
        self.docs = cut(&self.docs, self.docs.len().saturating_sub(over)).to_owned();
        let over = self.room().saturating_sub(most);
        self.signature = cut(&self.signature, self.signature.len().saturating_sub(over)).to_owned();
    }
}
