//! Exercise 2: a client stub, judged by what the implementation is asked to do behind the framework's own server.

use std::marker::PhantomData;
use std::sync::Arc;

use fastrand::Rng;
use rpc_core::ClientLimits;
use rpc_core::stub::{CallError, Caller, Client};
use rpc_sim::{Faults, Network};

use crate::judge::{Fault, Judge, fault};
use crate::kv::{Call, Calls, KvClient, KvServer, Store};
use crate::story::tell;

/// The part that the reader writes.
pub trait Stub {
    /// Returns a stub that calls through `caller`.
    fn new(caller: Caller) -> Self;

    /// Calls `Kv.get`.
    ///
    /// # Errors
    /// The call failed.
    fn get(&self, key: &str) -> Result<Option<String>, CallError>;

    /// Calls `Kv.append`.
    ///
    /// # Errors
    /// The call failed.
    fn append(&self, key: &str, value: &str) -> Result<u64, CallError>;
}

/// Makes a call, and returns the value as text.
fn made(stub: &impl Stub, call: &Call) -> Result<String, CallError> {
    Ok(match call {
        Call::Get(key) => format!("{:?}", stub.get(key)?),
        Call::Append(key, value) => stub.append(key, value)?.to_string(),
    })
}

/// Returns the faults of a story.
pub(crate) fn faults(case: &Calls) -> Faults {
    if case.is_bad { Faults::none().drop(0.05).duplicate(0.2) } else { Faults::none() }
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
        network.serve(KvServer::shared(Arc::clone(&store)));
        let stub = M::new(network.caller(&[KvClient::CONTRACT], ClientLimits::default()));
        for call in &case.calls {
            let before = store.runs().len();
            tell(format!("the program calls {}", call.text()));
            let result = made(&stub, call);
            told(&result);
            judged(call, &store.runs()[before..], result, case.is_bad)?;
        }
        if case.goes_wrong {
            network.crash_server();
            tell("the server's process ends; the program calls get(\"name\")");
            let result = made(&stub, &Call::Get("name".to_owned()));
            told(&result);
            if result.is_ok() {
                return fault(
                    "hidden",
                    "no server answers, and the stub returns a value all the same: an error of the call belongs to the caller",
                );
            }
        }
        Ok(())
    }
}

fn told(result: &Result<String, CallError>) {
    tell(match result {
        Ok(value) => format!("the program gets {value}"),
        Err(error) => format!("the program gets an error: {error}"),
    });
}

/// Judges one call by what ran.
fn judged(
    call: &Call,
    runs: &[(String, String)],
    result: Result<String, CallError>,
    is_bad: bool,
) -> Result<(), Fault> {
    let asked = call.text();
    match (runs, result) {
        ([], Ok(_)) => fault(
            "invented",
            format!("the stub answers {asked} by itself: no request has reached the server"),
        ),
        ([(run, _), ..], _) if *run != asked => {
            fault("other", format!("the program calls {asked}, and the implementation runs {run}"))
        }
        ([_, _, ..], _) => fault(
            "twice",
            format!(
                "one call of {asked} ran twice: the framework sends a request again when that is safe; the stub must not"
            ),
        ),
        ([(_, returned)], Ok(value)) if *returned != value => {
            fault("value", format!("the implementation returns {returned}, and the program gets {value}"))
        }
        (_, Err(error)) if !is_bad => {
            fault("error", format!("nothing is wrong with the network, and {asked} fails: {error}"))
        }
        _ => Ok(()),
    }
}
