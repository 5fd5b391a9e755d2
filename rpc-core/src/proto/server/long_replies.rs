//! Layer 2: the lengths of replies to expect: methods that have had long ones, and methods of which nothing is known.
//!
//! Only calls that run side by side make it matter, so only for their methods something is learned. Until the first of them has
//! ended, a session's further calls of the method begin with pauses between them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::ids::MethodId;
use crate::limits::{LEARN_PAUSE, LONG_REPLY};

/// The lengths of replies that are known: at most one entry for each method of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct LongReplies {
    /// The longest reply of each method that has had a long one, in bytes.
    longest: HashMap<MethodId, usize>,
    /// The methods with a call that got a thread of its own, of which none has ended since.
    unknown: HashSet<MethodId>,
    /// The methods that were in `unknown` and have left it.
    known: HashSet<MethodId>,
}

impl LongReplies {
    /// Returns true if no method has had a long reply, and none is to be learned about.
    #[inline] // once for each call
    pub(super) fn is_empty(&self) -> bool {
        self.longest.is_empty() && self.unknown.is_empty()
    }

    /// Notes that a call of this method runs beside others.
    pub(super) fn runs_beside(&mut self, method: MethodId) {
        if !self.known.contains(&method) {
            self.unknown.insert(method);
        }
    }

    /// Notes the length of a reply. A shorter one lowers what is expected by a sixteenth.
    pub(super) fn note(&mut self, method: MethodId, length: usize) {
        if self.unknown.remove(&method) {
            self.known.insert(method);
        }
        if length >= LONG_REPLY || self.longest.contains_key(&method) {
            let longest = self.longest.entry(method).or_default();
            *longest = length.max(*longest - *longest / 16);
        }
    }

    /// Returns the length to expect of a method's reply; 0 if it has had no long one.
    pub(super) fn expected(&self, method: MethodId) -> usize {
        self.longest.get(&method).copied().unwrap_or(0)
    }

    /// Returns the pause after which a call of this method may begin beside `running` others of its session, since the last of
    /// them got a thread.
    pub(super) fn pause(&self, method: MethodId, running: usize) -> Duration {
        match u32::try_from(running) {
            Ok(running @ 1..) if self.unknown.contains(&method) => LEARN_PAUSE / running,
            _ => Duration::ZERO,
        }
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

    #[test]
    fn a_method_is_unknown_from_its_first_call_beside_others_to_its_first_reply() {
        let mut replies = LongReplies::default();
        let method = MethodId(1);
        assert!(replies.is_empty() && replies.pause(method, 1).is_zero());
        replies.runs_beside(method);
        assert!(!replies.is_empty(), "its replies are to be noted");
        assert_eq!(replies.pause(method, 0), Duration::ZERO);
        assert_eq!(
            [1, 2, 64].map(|running| LEARN_PAUSE.div_duration_f64(replies.pause(method, running))),
            [1.0, 2.0, 64.0]
        );
        assert!(replies.pause(MethodId(2), 1).is_zero(), "another method");
        replies.note(method, 1);
        replies.runs_beside(method);
        assert!(replies.is_empty() && replies.pause(method, 1).is_zero(), "it is known from now on");
    }
}
