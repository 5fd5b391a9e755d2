//! Layer 2: a check that the client's sums agree with their parts, for the simulator.

use super::ClientCore;
use super::slot::Use;

impl ClientCore {
    /// Checks what holds between any two steps.
    ///
    /// # Errors
    /// What does not hold.
    pub fn audit(&self) -> Result<(), String> {
        let (mut orphaned, mut taken) = (0, 0);
        for (slot, state) in self.calls.slots.iter() {
            let free = matches!(state.usage, Use::Free);
            orphaned += usize::from(matches!(state.usage, Use::Orphaned(_)));
            taken += usize::from(!free);
            if state.replied > state.last || free != self.calls.slots.is_marked_free(slot) {
                return Err(format!("client: slot {slot} is {state:?}"));
            }
        }
        // `is_stuck` and the counters go by the sum; a wrong one opens a second session for nothing, or never.
        if orphaned != self.calls.slots.orphaned() {
            return Err(format!(
                "client: {orphaned} orphaned slots, {} counted",
                self.calls.slots.orphaned()
            ));
        }
        if taken != self.calls.slots.taken {
            return Err(format!("client: {taken} slots are taken, {} counted", self.calls.slots.taken));
        }
        // Each slot has at most a call or a cancel with its retransmission, and an acknowledgement.
        if self.calls.outgoing.len() > 4 * self.calls.slots.len() + 16 {
            return Err(format!("client: {} frames wait to leave", self.calls.outgoing.len()));
        }
        // The calls of a session that was lost wait again, beside those that waited.
        let most = self.config.limits.waiting + usize::from(self.config.limits.slots.max(1));
        if self.calls.waiting.len() > most {
            return Err(format!("client: {} calls wait", self.calls.waiting.len()));
        }
        Ok(())
    }
}
