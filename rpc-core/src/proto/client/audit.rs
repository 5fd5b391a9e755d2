//! Floor 2: whether the client's sums agree with their parts: for the simulator, which looks after each step.

use super::ClientCore;
use super::slot::Use;
use crate::limits::RETRY_SECONDS;

impl ClientCore {
    /// Checks what holds between any two steps.
    ///
    /// # Errors
    /// What does not hold.
    pub fn audit(&self) -> Result<(), String> {
        let mut dirty = 0;
        for (slot, state) in self.slots.iter() {
            let free = matches!(state.usage, Use::Free);
            dirty += usize::from(matches!(state.usage, Use::Dirty(_)));
            if state.answered > state.last || free != self.slots.is_marked_free(slot) {
                return Err(format!("client: slot {slot} is {state:?}"));
            }
        }
        if dirty != self.dirty {
            return Err(format!("client: {dirty} dirty slots, {} counted", self.dirty));
        }
        // Each slot has at most a call or a cancel with its copy, and an acknowledgement.
        if self.to_send.len() > 4 * self.slots.len() + 16 {
            return Err(format!("client: {} frames wait to leave", self.to_send.len()));
        }
        // Calls of a lost session wait again although others do, and each that is tried again has used up budget.
        let limits = &self.config.limits;
        let again = limits.retry_budget * RETRY_SECONDS * 2.0;
        if self.waiting.len() + self.delayed.len()
            > limits.waiting + usize::from(limits.slots) + again as usize
        {
            return Err(format!("client: {} calls wait", self.waiting.len() + self.delayed.len()));
        }
        Ok(())
    }
}
