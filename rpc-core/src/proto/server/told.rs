//! Layer 2: the flag that tells a running call that its caller waits no longer, and a function that hears of it.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The flag of one call. It is set once, and never unset.
#[derive(Default)]
pub struct Told {
    /// True once the caller waits no longer.
    flag: AtomicBool,
    /// Called each time that the flag is set. Calls whose reply comes later have one.
    listener: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Told {
    /// Returns the flag of a call.
    pub fn new(is_set: bool) -> Self {
        Told { flag: AtomicBool::new(is_set), listener: OnceLock::new() }
    }

    /// Sets the flag. The listener is called on this thread, which drives a loop: it must only pass the word on.
    pub fn tell(&self) {
        // Before the listener is looked up: one that is set meanwhile looks at the flag itself.
        self.flag.store(true, Ordering::SeqCst);
        if let Some(listener) = self.listener.get() {
            listener();
        }
    }

    /// Sets the listener, and calls it if the flag is set already. A flag has one listener; a second one is dropped.
    pub fn listen(&self, listener: impl Fn() + Send + Sync + 'static) {
        if self.listener.set(Box::new(listener)).is_ok() && self.flag.load(Ordering::SeqCst) {
            self.tell();
        }
    }
}

impl Deref for Told {
    type Target = AtomicBool;

    fn deref(&self) -> &AtomicBool {
        &self.flag
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({})", self.flag.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn a_listener_hears_of_a_flag_that_is_set_before_or_after_it_listens() {
        for told_first in [true, false] {
            let (told, heard) = (Told::default(), Arc::new(AtomicU32::new(0)));
            let count = Arc::clone(&heard);
            if told_first {
                told.tell();
            }
            told.listen(move || {
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(heard.load(Ordering::Relaxed), u32::from(told_first));
            if !told_first {
                told.tell();
            }
            assert!(heard.load(Ordering::Relaxed) == 1 && told.load(Ordering::Relaxed));
        }
    }
}
