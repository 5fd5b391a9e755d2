//! Layer 2: the lengths of replies to expect: methods that have had long ones, and methods of which nothing is known.
//!
//! Only calls that run side by side make it matter, so only for their methods something is learned. Until a call of such a method
//! has ended, a session has one of them, and no other call of it begins there: its reply may be as long as a reply can be. A call
//! that takes long waits for something, perhaps for another call of the same session. So the others begin after some time, and
//! this time is counted in steps of the loop: on a machine that has far too much to do the steps take longer, as the handler does.
//!
//! ```text
//! quick <-- has got no thread yet
//!   '-- gets a thread --> learning: steps 0 1 2 .. LEARN_STEPS --> blocked: the next calls begin, with pauses between them
//!                            '------------- a call of it ends ----------'--> known, for good
//! ```

use std::collections::{HashMap, HashSet};

use crate::ids::{MethodId, Time};
use crate::limits::{LEARN_PAUSE, LEARN_STEPS, LONG_REPLY};

/// The time for which no call of a method has ended.
#[derive(Clone, Copy, Debug)]
struct Learning {
    /// The steps that have passed since its first call got a thread, up to [`LEARN_STEPS`].
    steps: u32,
    /// The time of the last one.
    stepped_at: Time,
}

/// The lengths of replies that are known: at most one entry for each method of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct LongReplies {
    /// The longest reply of each method that has had a long one, in bytes.
    longest: HashMap<MethodId, usize>,
    /// The methods with a call that got a thread of its own, of which none has ended since.
    unknown: HashMap<MethodId, Learning>,
    /// The methods that were in `unknown` and have left it.
    known: HashSet<MethodId>,
}

impl LongReplies {
    /// Returns true if no method has had a long reply, and none is to be learned about.
    #[inline] // once for each call
    pub(super) fn is_empty(&self) -> bool {
        self.longest.is_empty() && self.unknown.is_empty()
    }

    /// Notes that a call of this method runs beside others since this time.
    pub(super) fn runs_beside(&mut self, method: MethodId, now: Time) {
        if !self.known.contains(&method) {
            self.unknown.entry(method).or_insert(Learning { steps: 0, stepped_at: now });
        }
    }

    /// Notes that a timer has fired which a session has set to wait for this method: one step more, unless another session's timer
    /// was the step.
    pub(super) fn step(&mut self, method: MethodId, now: Time) {
        if let Some(learning) = self.unknown.get_mut(&method) {
            if now.since(learning.stepped_at) >= LEARN_PAUSE && learning.steps < LEARN_STEPS {
                *learning = Learning { steps: learning.steps + 1, stepped_at: now };
            }
        }
    }

    /// Notes the length of a reply. A shorter one lowers what is expected by a sixteenth.
    pub(super) fn note(&mut self, method: MethodId, length: usize) {
        if self.unknown.remove(&method).is_some() {
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

    /// Returns the time at which to look again if a call of this method may begin beside `running` others of its session, of which
    /// the last got a thread at `since`. It may begin now if that time is over.
    pub(super) fn begin_at(&self, method: MethodId, running: usize, since: Time, now: Time) -> Time {
        match (self.unknown.get(&method), u32::try_from(running)) {
            (Some(learning), Ok(1..)) if learning.steps < LEARN_STEPS => now.plus(LEARN_PAUSE),
            (Some(_), Ok(running @ 1..)) => since.plus(LEARN_PAUSE / running),
            _ => now,
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
        let (method, now) = (MethodId(1), Time(1_000_000));
        assert!(replies.is_empty() && replies.begin_at(method, 1, now, now) == now);
        replies.runs_beside(method, now);
        assert!(!replies.is_empty(), "its replies are to be noted");
        assert_eq!(replies.begin_at(method, 0, now, now), now);
        assert_eq!(replies.begin_at(method, 1, now, now), now.plus(LEARN_PAUSE));
        assert_eq!(replies.begin_at(MethodId(2), 1, now, now), now, "another method");
        replies.note(method, 1);
        replies.runs_beside(method, now);
        assert!(
            replies.is_empty() && replies.begin_at(method, 1, now, now) == now,
            "it is known from now on"
        );
    }

    #[test]
    fn time_that_the_loop_does_not_see_is_no_step_however_long_it_is() {
        let mut replies = LongReplies::default();
        let (method, mut now) = (MethodId(1), Time(1_000_000));
        replies.runs_beside(method, now);
        for _ in 0..LEARN_STEPS {
            now = now.plus(LEARN_PAUSE * 100);
            assert!(replies.begin_at(method, 1, Time(0), now) > now);
            replies.step(method, now);
            replies.step(method, now); // the timer of another session
        }
        assert_eq!(
            [1, 4].map(|n| replies.begin_at(method, n, now, now)),
            [1, 4].map(|n| now.plus(LEARN_PAUSE / n as u32))
        );
    }
}
