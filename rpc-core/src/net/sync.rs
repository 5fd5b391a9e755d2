//! Layer 4: the locks, threads and the monotonic clock of this layer, under one name each.
//!
//! The rest of the layer names them only through this file. The package `rpc-interleave` compiles the same sources with
//! a file of its own in this place, and runs them under a scheduler that chooses which thread runs next.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, atomic, mpsc};
pub(super) use std::thread;
pub(super) use std::time::Instant;

/// Declares a value that exists once in a process.
macro_rules! per_process {
    (static $name:ident: $type:ty = $value:expr;) => {
        static $name: $type = $value;
    };
}
pub(super) use per_process;
