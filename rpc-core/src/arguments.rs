//! Layer 0: the vectors of arguments, which a thread uses again: most calls need one of the same length, and for a short time.

use std::cell::RefCell;

use crate::limits::{ARGUMENTS_KEPT, ARGUMENTS_LONGEST, ARGUMENTS_ROOM};

thread_local! {
    /// Empty vectors of calls that have ended on this thread.
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Returns an empty vector for the arguments of a call.
pub(crate) fn take() -> Vec<u8> {
    // An error means that the thread ends.
    let free = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
    free.unwrap_or_else(|| Vec::with_capacity(ARGUMENTS_ROOM))
}

/// Keeps the vector of a call that has ended, unless it is long or there are enough.
pub(crate) fn give(mut vector: Vec<u8>) {
    if vector.capacity() == 0 || vector.capacity() > ARGUMENTS_LONGEST {
        return;
    }
    vector.clear();
    // An error means that the thread ends.
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if free.len() < ARGUMENTS_KEPT {
            free.push(vector);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_used_again_and_empty() {
        let mut vector = take();
        vector.extend_from_slice(b"of another call");
        let place = vector.as_ptr();
        give(vector);
        let again = take();
        assert!(again.is_empty() && again.as_ptr() == place);
    }

    #[test]
    fn a_thread_keeps_few_vectors_and_none_that_is_long() {
        give(Vec::with_capacity(ARGUMENTS_LONGEST + 1));
        give(Vec::new());
        for _ in 0..2 * ARGUMENTS_KEPT {
            give(Vec::with_capacity(ARGUMENTS_LONGEST));
        }
        let kept = FREE.try_with(|free| {
            let free = free.borrow();
            (free.len(), free.iter().map(Vec::capacity).max())
        });
        assert_eq!(kept.ok(), Some((ARGUMENTS_KEPT, Some(ARGUMENTS_LONGEST))));
    }
}
