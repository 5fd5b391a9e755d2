//! Layer 2: the methods whose replies may be long.

use std::collections::HashMap;

use crate::ids::MethodId;
use crate::limits::LONG_REPLY;

/// The longest reply of each method that has had a long one, in bytes: at most one entry for each method of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct LongReplies(HashMap<MethodId, usize>);

impl LongReplies {
    /// Returns true if no method has had a long reply.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes the length of a reply. A shorter one lowers what is expected by a sixteenth.
    pub(super) fn note(&mut self, method: MethodId, length: usize) {
        if length >= LONG_REPLY || self.0.contains_key(&method) {
            let longest = self.0.entry(method).or_default();
            *longest = length.max(*longest - *longest / 16);
        }
    }

    /// Returns the length to expect of a method's reply; 0 if it has had no long one.
    pub(super) fn expected(&self, method: MethodId) -> usize {
        self.0.get(&method).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_of_a_method_rises_at_once_and_falls_slowly() {
        let mut replies = LongReplies::default();
        let (long, short) = (MethodId(1), MethodId(2));
        replies.note(short, LONG_REPLY - 1);
        assert_eq!(replies.expected(short), 0, "it has had no long reply");
        replies.note(long, 1 << 20);
        assert_eq!(replies.expected(long), 1 << 20);
        replies.note(long, 10);
        assert_eq!(replies.expected(long), (1 << 20) * 15 / 16);
        (0..300).for_each(|_| replies.note(long, 10));
        assert!(replies.expected(long) < 32, "{}", replies.expected(long));
    }
}
