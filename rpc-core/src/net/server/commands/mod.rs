//! Layer 4: what other threads send to a loop: results of slow calls, connections, and requests of handles.
//!
//! `queue` is the command queue with the rule that wakes the loop; `run` runs the commands in the loop.

mod queue;
mod run;

pub(super) use queue::{Command, CommandQueue};
pub(super) use run::{hand_over, run_commands};
