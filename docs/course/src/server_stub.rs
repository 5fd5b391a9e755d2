//! Exercise 3: a server stub, judged by calls of the framework's own client.

use std::marker::PhantomData;
use std::sync::Arc;

use fastrand::Rng;
use rpc_core::ClientLimits;
use rpc_core::stub::{CallError, Client, Contract, Dispatch, Dispatched, Never, Refused, Service};
use rpc_sim::Network;

use crate::client_stub::faults;
use crate::judge::{Fault, Judge, fault};
use crate::kv::{Call, Calls, KvClient, Store, method};
use crate::story::tell;

/// The part that the reader writes.
pub trait Stub: Send + Sync + 'static {
    /// Returns a stub that calls this implementation.
    fn new(service: Arc<Store>) -> Self;

    /// Runs one call: reads its arguments, calls the implementation, and writes the reply.
    ///
    /// # Errors
    /// The call was refused, and did not run.
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused>;
}

/// The reader's stub, as the server takes it.
struct Served<M>(M);

impl<M: Stub> Service for Served<M> {
    fn contract(&self) -> &'static Contract {
        KvClient::CONTRACT
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        self.0.dispatch(call)
    }
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: Stub> Judge for Course<M> {
    type Case = Calls;

    fn draw(random: &mut Rng, size: usize) -> Calls {
        Calls::draw(random, size)
    }

    fn simpler(case: &Calls) -> Vec<Calls> {
        case.simpler()
    }

    fn play(case: &Calls) -> Result<(), Fault> {
        let (store, network) = (Arc::new(Store::default()), Network::new(case.seed, faults(case)));
        network.serve(Served(M::new(Arc::clone(&store))));
        let kv: KvClient = network.client();
        for call in &case.calls {
            let before = store.runs().len();
            tell(format!("the client calls {}", call.text()));
            let result = match call {
                Call::Get(key) => kv.get(key).map(|value| format!("{value:?}")),
                Call::Append(key, value) => kv.append(key, value).map(|length| length.to_string()),
            };
            judged(call, &store.runs()[before..], result, case.is_bad)?;
        }
        if case.goes_wrong { unreadable(&network, &store) } else { Ok(()) }
    }
}

/// Judges one call by what ran and what came back.
fn judged(
    call: &Call,
    runs: &[(String, String)],
    result: Result<String, CallError>,
    is_bad: bool,
) -> Result<(), Fault> {
    let asked = call.text();
    match (runs, result) {
        ([(run, _), ..], _) if *run != asked => {
            fault("other", format!("the client calls {asked}, and the implementation runs {run}"))
        }
        ([_, _, ..], _) => {
            fault("twice", format!("one request of {asked} arrives, and the implementation runs twice"))
        }
        ([(_, returned)], Ok(value)) if *returned != value => {
            fault("value", format!("the implementation returns {returned}, and the client gets {value}"))
        }
        ([], Ok(value)) => {
            fault("invented", format!("the implementation does not run, and the client gets {value}"))
        }
        (runs, Err(error)) if !is_bad => {
            let ran = if runs.is_empty() { "does not run" } else { "runs" };
            fault("error", format!("the implementation {ran} {asked}, and the client is told: {error}"))
        }
        _ => Ok(()),
    }
}

/// A request arrives whose arguments cannot be read: a client that was built from another trait may send one.
fn unreadable(network: &Network, store: &Store) -> Result<(), Fault> {
    let before = store.runs().len();
    let client = network.caller(&[KvClient::CONTRACT], ClientLimits::default());
    tell("another client calls Kv.append without arguments");
    match client.call::<u64, Never>(method("Kv.append"), &()) {
        _ if store.runs().len() > before => fault(
            "ran",
            "the arguments cannot be read, and the implementation runs all the same: read them first",
        ),
        Err(CallError::NotExecuted(_) | CallError::Unknown(_)) => Ok(()), // refused; or the network was too bad for the call
        Err(error) => fault(
            "not_refused",
            format!(
                "the arguments cannot be read, and the client is told: {error}: return the refusal of `arguments` with `?`, so that it knows that the call did not run"
            ),
        ),
        Ok(value) => fault("invented", format!("the arguments cannot be read, and the client gets {value}")),
    }
}
