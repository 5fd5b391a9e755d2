//! Layer 2: the arguments that a session holds: those of calls that wait, of calls that run, and of a frame that has begun.
//!
//! ```text
//! body of a CALL:  fits beside what the session holds?  no: skipped as it arrives, and refused as busy
//!                  its call waits, and many bytes arrive meanwhile?  copied: it would keep the whole read buffer
//! waits --> runs --> its method has returned, and its reply comes later: held no longer
//! ```

use bytes::Bytes;

use super::ServerCore;
use super::filter::Filter;
use super::keys::CallKey;
use super::run_queue::Turn;
use crate::limits::{
    ARGUMENTS_BESIDE, COPY_AFTER, COPY_ALL, COPY_CALLS, LONG_FRAME, READ_CHUNK, ServerLimits,
};

impl Filter<'_> {
    /// Holds the session's connection, or lets it be read again, and says how long a body may be that it brings next. While the
    /// lane is paused it is read: its client's PING must be answered, however long the calls take that run.
    #[inline(always)] // once for each call
    pub(super) fn hold(&mut self) {
        if let Some(writer) = &mut self.attached {
            let many = self.lane.bytes >= self.config.limits.queue_pause;
            writer.hold(many && self.lane.turn != Turn::Paused);
            // As a rule there is room for the longest frame, before and after.
            if is_tight(self.lane.bytes + self.sums.running)
                || !writer.connection.input.has_room_for(self.config.limits.max_frame)
            {
                self.set_room();
            }
        }
    }

    /// Says how long a body may be that the session's connection brings next.
    #[cold]
    fn set_room(&mut self) {
        if let Some(writer) = &mut self.attached {
            let held = self.lane.bytes + self.sums.running;
            writer.connection.input.set_room(room_beside(held, &self.config.limits));
        }
    }

    /// Notes that a call has ended whose arguments had so many bytes.
    #[inline]
    pub(super) fn make_room(&mut self, bytes: usize) {
        if is_tight(self.lane.bytes + self.sums.running + bytes) {
            self.set_room();
        }
    }

    /// Notes that the arguments of the slot's call are held no longer, though it has not ended.
    fn release_arguments(&mut self) {
        if let Some(data) = self.calls.of_mut(self.record) {
            let bytes = std::mem::take(&mut data.running);
            self.sums.running -= bytes;
            self.make_room(bytes);
        }
    }

    /// Returns true if the arguments of a call that waits from now on are to be copied: so many bytes are read while the session's
    /// calls wait that each of them could keep a read buffer of its own.
    #[inline] // once for each call
    pub(super) fn is_to_copy(&mut self) -> bool {
        let Some(writer) = &self.attached else { return false };
        let arrived = writer.connection.input.arrived(); // compared with later ones only
        if self.lane.calls == 0 {
            self.lane.read_at = arrived;
        }
        let many =
            self.lane.calls as usize >= COPY_CALLS && arrived.wrapping_sub(self.lane.read_at) > COPY_AFTER;
        many || self.queue.calls >= COPY_ALL
    }

    /// Copies the arguments of the slot's call, which waits.
    #[cold]
    pub(super) fn copy_arguments(&mut self) {
        if let Some(data) = self.calls.of_mut(self.record) {
            data.body = copied(std::mem::take(&mut data.body));
        }
    }
}

impl ServerCore {
    /// Notes that a call whose reply comes later holds its arguments no longer: its method has returned.
    pub(super) fn release_arguments(&mut self, key: CallKey) {
        if let Some(mut filter) = self.find_filter(key.session, key.slot) {
            filter.release_arguments();
        }
        self.links.resume_calls(key.session); // those that waited for room
    }
}

/// Returns true if there may be no room for the longest frame beside `held` bytes of arguments.
#[inline]
fn is_tight(held: usize) -> bool {
    held > ARGUMENTS_BESIDE
}

/// Returns the longest body that a session may bring beside `held` bytes of arguments.
pub(super) fn room_beside(held: usize, limits: &ServerLimits) -> usize {
    (limits.max_frame + ARGUMENTS_BESIDE).saturating_sub(held).max(LONG_FRAME)
}

/// Returns arguments that keep no memory but their own. Longer ones than a read buffer never shared one.
pub fn copied(body: Bytes) -> Bytes {
    if body.len() < READ_CHUNK { Bytes::copy_from_slice(&body) } else { body }
}
