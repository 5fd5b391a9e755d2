//! Layer 4: the loops of a server end at the same time.
//!
//! A client that resumes its session arrives at the listener of the first loop, and is sent on to the loop of its session. So
//! no loop ends while another one still waits for clients:
//!
//! ```text
//!  drains --- its core is drained ---> waits --- Command::AllDrained, sent by the last loop to drain ---> ends
//! ```
//! A loop that fails counts as drained, or the others would wait for ever.

use std::sync::Arc;

use super::super::commands::{Command, CommandQueue};
use super::super::event_loop::ServerShared;
use crate::net::sync::atomic::Ordering;

/// One loop's part in the common end. It belongs to the loop, so that the end of the loop is noted however it comes.
pub(in crate::net::server) struct EndTogether {
    /// The command queues of all loops.
    queues: Arc<[Arc<CommandQueue>]>,
    /// The state that all loops share, with the number of those that have not drained.
    shared: Arc<ServerShared>,
    /// True once this loop was counted.
    is_noted: bool,
}

impl EndTogether {
    /// Returns the part of a loop that has not drained.
    pub(in crate::net::server) fn new(queues: Arc<[Arc<CommandQueue>]>, shared: Arc<ServerShared>) -> Self {
        EndTogether { queues, shared, is_noted: false }
    }

    /// Notes that the loop has drained, or has ended. If it is the last one, all loops are told.
    pub(in crate::net::server) fn note_drained(&mut self) {
        if std::mem::replace(&mut self.is_noted, true) {
            return;
        }
        // Relaxed: the number carries no data, and each loop sees the command under the lock of its queue.
        if self.shared.undrained.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.queues.iter().for_each(|queue| queue.push(Command::AllDrained));
        }
    }
}

impl Drop for EndTogether {
    fn drop(&mut self) {
        self.note_drained();
    }
}
