//! Histories of concurrent clients of a small store of registers, over a faulty network, checked for linearizability.
//!
//! ```text
//! scene      one seed: a server, a network with faults before it, clients, deeds, and the judgement
//! register   the service, with planted faults, and the role of its server
//! lanes      the role of a client: each lane makes one call at a time and writes down when
//! operation  one call as it was seen; the histories of all keys from the journals
//! check      a history against the sequential meaning of a register, by a checker that is not ours
//! page       one history as a page
//! ```

pub(crate) mod check;
mod lanes;
pub(crate) mod operation;
pub(crate) mod page;
pub(crate) mod register;
pub(crate) mod scene;

pub(crate) use lanes::{CLIENT, call};
pub(crate) use register::{SERVER, serve};
