//! Simulated polls and sockets, in place of `rpc-core/src/net/os.rs`.
//!
//! A connection is two byte queues. A poll collects the events of what is registered with it, edge-triggered, and wakes
//! the thread that waits in it. Readiness is told anew at each arrival, as Linux does.

mod poll;
mod sockets;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::world;

pub(crate) use poll::{
    BACKGROUND, Event, Events, Interest, Poll, PollState, Registry, Token, Waker, background_waits,
};
pub use sockets::Listener;
pub(crate) use sockets::{CAPACITY, Line, PolledListener, Port, Stream, cut_all};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn set_options(_: &Stream) {}

pub(crate) fn descriptors() -> Option<usize> {
    None
}

pub(crate) fn random_bytes() -> io::Result<[u8; 32]> {
    Ok(world::with(|world| std::array::from_fn(|_| world.random.u8(..))))
}

pub(crate) fn seed() -> u64 {
    world::with(|world| world.random.u64(..))
}

pub(crate) fn process_id() -> u32 {
    world::with(|world| world.process)
}

/// Tells if the process has forked since the value was made.
#[derive(Clone, Debug)]
pub(crate) struct ForkGuard(u32);

impl ForkGuard {
    pub(crate) fn new() -> Self {
        ForkGuard(process_id())
    }

    pub(crate) fn has_forked(&self) -> bool {
        process_id() != self.0
    }
}
