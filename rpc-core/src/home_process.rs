//! Layer 0: tells a forked child from the process that made a value, without a system call for each question.

use std::sync::atomic::{AtomicBool, Ordering};

/// The process that made this value.
///
/// A forked child learns of the fork from a handler that the C library runs in `fork`. Other ways to make a child (glibc's
/// `_Fork`, the system call itself) run no handler: only the number of the process tells them, which is a system call. So
/// [`HomeProcess::is_here`] is asked for each call, and [`HomeProcess::check`] before anything is read, written or waited for.
#[derive(Debug)]
pub struct HomeProcess {
    /// Learns of forks; `None` if the C library takes no handler.
    #[cfg(unix)]
    guard: Option<forkguard::Guard>,
    /// The number of the process.
    id: u32,
    /// True in a child that [`HomeProcess::check`] has found.
    is_left: AtomicBool,
}

impl HomeProcess {
    /// Returns the present process.
    pub fn new() -> Self {
        HomeProcess {
            #[cfg(unix)]
            guard: forkguard::Guard::try_new().ok(),
            id: std::process::id(),
            is_left: AtomicBool::new(false),
        }
    }

    /// Returns false in a child that `fork` has made, and in any child that [`HomeProcess::check`] has found.
    #[inline]
    pub fn is_here(&self) -> bool {
        if self.is_left.load(Ordering::Relaxed) {
            return false;
        }
        #[cfg(unix)]
        match &self.guard {
            Some(guard) => !guard.clone().detected_fork(),
            None => self.check(),
        }
        #[cfg(not(unix))]
        true
    }

    /// Returns false in any other process than the one that made this value. One system call.
    pub fn check(&self) -> bool {
        let is_here = std::process::id() == self.id && !self.is_left.load(Ordering::Relaxed);
        if !is_here {
            self.leave();
        }
        is_here
    }

    /// Makes this process look like a child from now on.
    pub fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }
}

impl Default for HomeProcess {
    fn default() -> Self {
        HomeProcess::new()
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
    fn a_process_with_another_number_is_found_by_the_check_and_then_known() {
        let home = HomeProcess { id: 1, ..HomeProcess::new() };
        assert!(home.is_here(), "no handler ran");
        assert!(!home.check() && !home.is_here());
    }
}
