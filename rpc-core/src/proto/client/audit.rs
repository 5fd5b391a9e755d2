//! Floor 2: whether the client's sums agree with their parts: for the simulator, which looks after each step.

use super::ClientCore;
use super::slot::Use;

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
        // The calls of a session that was lost wait again, beside those that waited.
        let most = self.config.limits.waiting + usize::from(self.config.limits.slots.max(1));
        if self.waiting.len() + self.delayed.len() > most {
            return Err(format!("client: {} calls wait", self.waiting.len() + self.delayed.len()));
        }
        Ok(())
    }
}
