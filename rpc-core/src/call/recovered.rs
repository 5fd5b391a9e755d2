//! Layer 3: a call that an earlier process of this client had under way, with its answer.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::channel::{Channel, Ticket};
use super::handle::{Client, Handle};
use super::pending::Pending;
use super::reply::{Received, read};
use crate::contract::Method;
use crate::limits::Nesting;
use crate::proto::Outcome;
use crate::wire::codec;
use crate::wire::metadata::Metadata;

/// A call of an earlier process, as a channel has it.
#[doc(hidden)] // for channels
#[derive(Debug)]
pub struct Recovered {
    /// The method.
    pub method: &'static Method,
    /// The arguments, with the metadata behind them.
    pub body: Vec<u8>,
    /// The number of bytes at the end of `body` that are metadata.
    pub metadata: usize,
    /// The call under way, or its outcome.
    pub started: Result<Ticket, Outcome>,
}

/// A call that an earlier process had under way, or had an answer to, and that its journal has kept:
/// [`Handle::recovered`] returns them. Its client has asked the server for the answer already.
///
/// ```
/// use rpc_core::{CallError, Never, RecoveredCall};
///
/// /// Takes the answer to a call of `Bank.pay(order: u64) -> u64`. Returns the order and its receipt.
/// fn receipt(call: RecoveredCall) -> Option<(u64, Result<u64, CallError>)> {
///     let (order,) = call.arguments::<(u64,)>().filter(|_| call.method() == "Bank.pay")?;
///     Some((order, call.into_pending::<u64, Never>().wait()))
/// }
/// ```
///
/// Dropping it leaves the call as it is. Dropping the [`Pending`] that it becomes cancels it, as that of any call.
pub struct RecoveredCall {
    /// The call.
    call: Recovered,
    /// The channel that carries it.
    channel: Arc<dyn Channel>,
    /// The nesting that the client allows.
    nesting: Nesting,
}

impl RecoveredCall {
    /// Returns the name of the method, with that of its service: `Kv.append`.
    pub fn method(&self) -> &'static str {
        self.call.method.name
    }

    /// Returns the arguments, as a tuple of owned values, also if there is one: `(String,)`. Returns `None` if the recorded bytes
    /// are not of these types.
    pub fn arguments<A: DeserializeOwned>(&self) -> Option<A> {
        let (arguments, _) = self.call.body.split_at_checked(self.call.body.len() - self.call.metadata)?;
        codec::decode_within(arguments, self.nesting).ok()
    }

    /// Returns the metadata that was sent with the call: a key of the application may be there.
    pub fn metadata(&self) -> Metadata {
        let split = (self.call.metadata > 0).then(|| Metadata::split(&self.call.body)).flatten();
        split.map(|(_, metadata)| metadata).unwrap_or_default()
    }

    /// Returns the call, to wait for its answer. The types must be those of the method: a method that returns `Result<T, E>` is
    /// asked for as `T` and `E`, one that returns `T` as `T` and [`Never`](super::Never).
    pub fn into_pending<T: Received, E: DeserializeOwned + 'static>(self) -> Pending<T::Value, E> {
        let Recovered { method, started, .. } = self.call;
        Pending::new(started, method, self.channel, (read::<T, E>, self.nesting))
    }
}

impl fmt::Debug for RecoveredCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveredCall({})", self.method())
    }
}

impl<C: Client> Handle<C> {
    /// Returns the calls that the process before this one had under way, if the client has a journal: see
    /// `Connector::journal`. Each of them is returned once.
    pub fn recovered(&self) -> Vec<RecoveredCall> {
        let caller = self.caller();
        let recovered = caller.channel.recovered().into_iter().map(|call| RecoveredCall {
            call,
            channel: Arc::clone(&caller.channel),
            nesting: caller.bounds.nesting,
        });
        recovered.collect()
    }
}
