//! Layer 4: cases that few clients meet. The path of a call enters each of them by one call, and can be read without them.
//!
//! | file | case | what it does |
//! |---|---|---|
//! | `second_session` | every slot waits for a lost reply | other calls use another session; the first one drains |
//! | `restart` | the thread that drove has panicked | opens another driver and another session |
//! | `fork` | the process is a forked child | uses a client of its own, and leaves the parent's alone |

mod fork;
mod restart;
mod second_session;

pub(super) use fork::ForkedChannel;
#[cfg(test)]
pub(super) use restart::restart;
pub(super) use restart::{recover, recover_from_worker, reopen};
pub(super) use second_session::{LeftSessions, leave_if_blocked, replace_if_blocked};
