//! The services of the tests: one at the back, and one before it that calls it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::{Around, CallContext, Client, Metadata, rpc};
use rpc_sim::{Faults, Network};
use rpc_trace::{ClientSpans, ServerSpans};

#[rpc]
pub(crate) trait Back {
    fn add(&self, amount: u64) -> u64;
    fn fail(&self) -> Result<u64, String>;
    fn panic(&self) -> u64;
    /// Returns the metadata of the call.
    fn metadata(&self, cx: &CallContext) -> Vec<(String, String)>;
}

#[derive(Default)]
pub(crate) struct Adder(pub(crate) AtomicU64);

impl Back for Adder {
    fn add(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed) + amount
    }

    fn fail(&self) -> Result<u64, String> {
        Err("not today".to_owned())
    }

    fn panic(&self) -> u64 {
        panic!("as the test wants it")
    }

    fn metadata(&self, cx: &CallContext) -> Vec<(String, String)> {
        cx.metadata().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

#[rpc]
pub(crate) trait Front {
    /// Calls the service at the back, with its own metadata passed on or not.
    fn add(&self, cx: &CallContext, passes_on: bool) -> u64;
}

pub(crate) struct Calls(pub(crate) BackClient);

impl Front for Calls {
    fn add(&self, cx: &CallContext, passes_on: bool) -> u64 {
        let metadata = if passes_on { cx.metadata().clone() } else { Metadata::new() };
        self.0.call.with_metadata(metadata).add(1).expect("the network has no faults")
    }
}

/// Returns a network with a service at the back that has spans.
pub(crate) fn back(seed: u64, faults: Faults) -> (Network, Arc<Adder>) {
    let (network, adder) = (Network::new(seed, faults), Arc::new(Adder::default()));
    network.serve(Around::new(BackServer::shared(Arc::clone(&adder)), ServerSpans::new()));
    (network, adder)
}

/// Returns a client of it with spans.
pub(crate) fn traced(network: &Network) -> BackClient {
    network.client::<BackClient>().call.around(ClientSpans::new())
}

/// Returns a client of a service that calls the one at the back, all of them with spans.
pub(crate) fn front() -> FrontClient {
    let (network, _) = back(1, Faults::none());
    let front = Network::new(2, Faults::none());
    front.serve(Around::new(FrontServer::new(Calls(traced(&network))), ServerSpans::new()));
    front.client::<FrontClient>().call.around(ClientSpans::new())
}

/// Returns a copy of a client that sends this as its trace context.
pub(crate) fn with_parent<C: Client>(handle: &rpc_core::Handle<C>, traceparent: &str) -> C {
    let mut metadata = Metadata::new();
    metadata.set(rpc_trace::TRACEPARENT, traceparent).expect("it fits");
    handle.with_metadata(metadata)
}
