//! The call layer as the net layer names it: that of `rpc_core`, without calls by name, whose constructors are private to it.

pub(crate) use rpc_core::call::{
    Caller, Channel, Client, ClientCounters, Handle, Recovered, Ticket, Waiters, Woken,
};

/// Stands for a client that calls by name; no scenario makes one.
#[derive(Debug)]
pub struct ByName;

impl ByName {
    pub(crate) fn new(_: Caller) -> Self {
        ByName
    }
}

pub(crate) mod names {
    //! The names that a process knows without a trait: none.

    use rpc_core::contract::{Contract, Method};
    use rpc_core::ids::MethodId;

    pub(crate) fn service(_: &str) -> Option<&'static Contract> {
        None
    }

    pub(crate) fn method(_: MethodId, _: &str, _: &str) -> Option<&'static Method> {
        None
    }
}
