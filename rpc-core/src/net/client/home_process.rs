//! Layer 4: tells a forked child from the process that opened a client, without a system call for each call.

use crate::net::os::{self, ForkGuard};
use crate::net::sync::atomic::{AtomicBool, Ordering};

/// The process that opened a client.
///
/// A forked child learns of the fork from a handler that the C library runs in `fork`. Other ways to make a child (glibc's
/// `_Fork`, the system call itself) run no handler: only the number of the process tells them, which is a system call. So
/// [`HomeProcess::is_here`] is asked for each call, and [`HomeProcess::check`] before bytes are moved or a thread sleeps.
#[derive(Debug)]
pub(super) struct HomeProcess {
    /// Learns of forks.
    guard: ForkGuard,
    /// The number of the process.
    id: u32,
    /// True in a child that [`HomeProcess::check`] has found.
    is_left: AtomicBool,
}

impl HomeProcess {
    /// Returns the present process.
    pub(super) fn new() -> Self {
        HomeProcess { guard: ForkGuard::new(), id: os::process_id(), is_left: AtomicBool::new(false) }
    }

    /// Returns false in a child that `fork` has made, and in any child that [`HomeProcess::check`] has found.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        !self.is_left.load(Ordering::Relaxed) && !self.guard.has_forked()
    }

    /// Returns false in any other process than the one that made this value. One system call.
    pub(super) fn check(&self) -> bool {
        if os::process_id() != self.id {
            self.leave();
        }
        !self.is_left.load(Ordering::Relaxed)
    }

    /// Makes this process look like a child from now on.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::HomeProcess;

    #[test]
    fn a_process_that_was_left_stays_left() {
        let home = HomeProcess::new();
        assert!(home.is_here() && home.check());
        home.leave();
        assert!(!home.is_here() && !home.check());
    }

    #[test]
    fn a_child_that_no_handler_has_told_is_found_by_its_number_and_then_known() {
        let home = HomeProcess { id: 1, ..HomeProcess::new() };
        assert!(home.is_here(), "no handler ran");
        assert!(!home.check() && !home.is_here());
    }
}
