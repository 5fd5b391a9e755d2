//! Layer 4: the life of a server around its loops: handles, counters, the drain, and the end.
//!
//! ```text
//!  ServerHandle::drain --- Command::Drain to each loop ---> the protocol drains --- is_over ---> end
//!         |                                                                                      |
//!         '--- ShutdownSignal::drain: the time that is left ---> Server::run <--- notify ---------'
//!                                                                    |
//!                        the time is over: end_if_stuck <------------'
//! ```
//! `handle` and `running` are for users, `shutdown` wakes `Server::run`, `ending` ends one loop, `together` lets all loops
//! end at the same time, and `counters` asks a loop for its counters. `until` drains a server when a function of the user's
//! returns.

mod counters;
mod ending;
mod handle;
mod running;
mod shutdown;
mod together;
mod until;

pub(super) use counters::LastCounters;
#[cfg(test)]
pub(super) use counters::oldest_slow;
pub(super) use ending::{Ended, abandoned, end, end_if_stuck, has_failed, is_over, take_error, was_forced};
pub use handle::ServerHandle;
pub use running::RunningServer;
pub(super) use shutdown::ShutdownSignal;
pub(super) use together::EndTogether;
pub use until::serve_with_shutdown;
