//! Layer 2: calls without a slot: those that wait for one, first come, first served, and those that pause before another
//! attempt.

use std::collections::{BTreeMap, VecDeque};

use super::Tag;
use super::call::Call;
use crate::ids::Time;

/// Calls without a slot.
///
/// Invariant: `start` adds none if there are `ClientLimits::waiting` of them. Calls that return from slots may exceed that
/// by the number of slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// Calls that wait for a slot, in their order.
    pub(super) queue: VecDeque<Call>,
    /// Calls that pause before another attempt, by the end of the pause.
    pub(super) delayed: BTreeMap<(Time, Tag), Call>,
}

impl Waiting {
    /// Returns the number of calls.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.delayed.len()
    }

    /// Returns true if there is no call.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true if a call waits for a slot now.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Appends a call.
    pub(super) fn push(&mut self, call: Call) {
        self.queue.push_back(call);
    }

    /// Puts a call first.
    pub(super) fn push_first(&mut self, call: Call) {
        self.queue.push_front(call);
    }

    /// Puts calls that return from their slots before all others, in their order.
    pub(super) fn return_all(&mut self, calls: Vec<Call>) {
        for call in calls.into_iter().rev() {
            self.queue.push_front(call);
        }
    }

    /// Lets a call pause until `due`.
    pub(super) fn delay(&mut self, call: Call, due: Time) {
        self.delayed.insert((due, call.tag), call);
    }

    /// Takes the first call that waits for a slot.
    pub(super) fn pop(&mut self) -> Option<Call> {
        self.queue.pop_front()
    }

    /// Removes a call. Returns true if it was here.
    pub(super) fn remove(&mut self, tag: Tag) -> bool {
        if let Some(at) = self.queue.iter().position(|call| call.tag == tag) {
            self.queue.remove(at);
            return true;
        }
        // By search: a pausing call is rarely given up, and a second index would have to be kept right at each step.
        let key = self.delayed.keys().find(|(_, known)| *known == tag).copied();
        key.is_some_and(|key| self.delayed.remove(&key).is_some())
    }

    /// Takes all calls.
    pub(super) fn take_all(&mut self) -> Vec<Call> {
        let delayed = std::mem::take(&mut self.delayed);
        self.queue.drain(..).chain(delayed.into_values()).collect()
    }

    /// Takes the calls that `wanted` is true for.
    pub(super) fn take_if(&mut self, wanted: impl Fn(&Call) -> bool) -> Vec<Call> {
        let (mut taken, mut kept) = (Vec::new(), Waiting::default());
        for call in std::mem::take(&mut self.queue) {
            if wanted(&call) { taken.push(call) } else { kept.queue.push_back(call) }
        }
        for (key, call) in std::mem::take(&mut self.delayed) {
            if wanted(&call) {
                taken.push(call);
            } else {
                kept.delayed.insert(key, call);
            }
        }
        *self = kept;
        taken
    }

    /// Moves all calls to another session, which waits for slots of its own.
    pub(super) fn move_to(&mut self, other: &mut Waiting) {
        other.queue.append(&mut self.queue);
        other.delayed.append(&mut self.delayed);
    }

    /// Lets calls whose pause has ended wait for a slot, and takes those whose deadline has passed.
    pub(super) fn handle_timeout(&mut self, now: Time) -> Vec<Call> {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let call = entry.remove();
            self.queue.push_back(call);
        }
        // Calls that pause are not looked at: none pauses beyond its deadline (`RetryBudget::take`).
        let mut late = Vec::new();
        if self.queue.iter().any(|call| call.deadline <= now) {
            for call in std::mem::take(&mut self.queue) {
                if call.deadline <= now { late.push(call) } else { self.queue.push_back(call) }
            }
        }
        late
    }

    /// Returns the time at which a pause ends or a deadline passes.
    pub(super) fn next_timer(&self) -> Time {
        let delayed = self.delayed.first_key_value().map(|((due, _), _)| *due);
        let queued = self.queue.iter().map(|call| call.deadline).min();
        delayed.into_iter().chain(queued).min().unwrap_or(Time::NEVER)
    }
}
