//! Layer 0: a value that each process of a chain of forks makes for itself.
//!
//! A forked child has a copy of its parent's memory and only the thread that forked. A lock that another thread of the parent
//! held stays locked in the child for ever, and the value behind it may be half changed. So the child never takes a lock of
//! its parent: it claims the next cell, and makes a value of its own there.
//!
//! ```text
//!  cells:  [ parent: its value ] [ child: its value ] [ grandchild: its value ] [ free ] ..
//! ```

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::limits::MAX_FORKS;

#[cfg(test)]
mod tests;

/// A value for each process of a chain of forks.
///
/// Nothing here waits for a thread of another process: the last claimed cell names the process that uses it, and a process
/// reads the value of its own cell only. A fork in the middle of any step leaves at most a claimed cell behind.
pub struct EachProcess<T> {
    /// The cells, in the order in which they were claimed.
    cells: [Cell<T>; MAX_FORKS],
    /// Returns the number of the present process.
    present: fn() -> u32,
}

/// Returns the number of this process: 1 in a WebAssembly module, which is no process and is never forked.
pub fn present() -> u32 {
    if cfg!(target_family = "wasm") { 1 } else { std::process::id() }
}

/// The value of one process.
struct Cell<T> {
    /// The process that has claimed the cell; 0 if none has. It never changes again.
    process: AtomicU32,
    /// The value that the process has made.
    value: OnceLock<T>,
}

impl<T> EachProcess<T> {
    /// Returns a value that no process has made yet.
    pub const fn new(present: fn() -> u32) -> Self {
        let cells = [const { Cell { process: AtomicU32::new(0), value: OnceLock::new() } }; MAX_FORKS];
        EachProcess { cells, present }
    }

    /// Returns the number of the last claimed cell if this process has claimed it, else that of the next free one.
    fn position(&self, process: u32) -> Result<usize, usize> {
        let claimed =
            self.cells.iter().map(|cell| cell.process.load(Ordering::Acquire)).take_while(|p| *p != 0);
        let (count, last) = claimed.fold((0, 0), |(count, _), process| (count + 1, process));
        if count > 0 && last == process { Ok(count - 1) } else { Err(count) }
    }

    /// Returns the value of this process and its number in the chain; `None` if it has made none.
    #[inline]
    pub fn find(&self) -> Option<(usize, &T)> {
        let position = self.position((self.present)()).ok()?;
        self.cells.get(position)?.value.get().map(|value| (position, value))
    }

    /// Returns the value of the first process of the chain.
    #[inline]
    pub fn first(&self) -> Option<&T> {
        self.cells[0].value.get()
    }

    /// Stores the value of this process, unless another thread of it was faster. Returns the value that is stored and its number
    /// in the chain; `None` if [`MAX_FORKS`] processes before this one have made a value each.
    pub fn store(&self, value: T) -> Option<(usize, &T)> {
        let process = (self.present)();
        let position = match self.position(process) {
            Ok(position) => position,
            Err(free) => {
                let cell = self.cells.get(free)?;
                match cell.process.compare_exchange(0, process, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => free,
                    Err(other) if other == process => free, // another thread of this process has claimed it
                    Err(_) => return None,                  // excluded: only this process writes this memory
                }
            }
        };
        let cell = self.cells.get(position)?;
        let _ = cell.value.set(value); // an error means that another thread was faster
        cell.value.get().map(|value| (position, value))
    }

    /// Returns the value of this process, which `make` makes if there is none. See [`EachProcess::store`].
    pub fn get_or_make(&self, make: impl FnOnce() -> T) -> Option<&T> {
        let found = self.find().or_else(|| self.store(make()));
        found.map(|(_, value)| value)
    }

    /// Returns the values that the processes before this one have made. They may be half changed, and their locks locked.
    pub fn of_ancestors(&self) -> impl Iterator<Item = &T> {
        let own = self.position((self.present)()).unwrap_or_else(|free| free);
        self.cells.iter().take(own).filter_map(|cell| cell.value.get())
    }

    /// Makes this process look like a forked child of the one that made the last value, for tests.
    #[cfg(test)]
    pub fn pretend_fork(&self) {
        let last = self.cells.iter().take_while(|cell| cell.process.load(Ordering::Acquire) != 0).last();
        last.expect("a process has claimed a cell").process.store(u32::MAX, Ordering::Release);
    }
}

/// Drops the value of this process only: another one may be half changed, and its parts belong to the process that made it.
impl<T> Drop for EachProcess<T> {
    fn drop(&mut self) {
        let own = self.position((self.present)()).unwrap_or_else(|free| free);
        for cell in self.cells.iter_mut().take(own) {
            std::mem::forget(cell.value.take());
        }
    }
}

impl<T> fmt::Debug for EachProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claimed = self.cells.iter().map(|cell| cell.process.load(Ordering::Acquire));
        f.debug_list().entries(claimed.take_while(|process| *process != 0)).finish()
    }
}
