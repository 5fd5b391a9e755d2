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
use super::run_queue::{Lane, RunQueue, Turn};
use crate::limits::{
    ARGUMENTS_BESIDE, COPY_AFTER, COPY_ALL, COPY_CALLS, LONG_FRAME, READ_CHUNK, ServerLimits,
};

impl Filter<'_> {
    /// Holds the session's connection, or lets it be read again, and says how long a body may be that it brings next. While the
    /// lane is paused it is read: its client's PING must be answered, however long the calls take that run.
    pub(super) fn hold(&mut self) {
        if let Some(writer) = &mut self.attached {
            let many = self.lane.bytes >= self.config.limits.queue_pause;
            writer.hold(many && self.lane.turn != Turn::Paused);
            let held = self.lane.bytes + self.sums.running;
            writer.connection.decoder.set_room(room_beside(held, &self.config.limits));
        }
    }

    /// Notes that the arguments of the slot's call are held no longer, though it has not ended.
    fn release_arguments(&mut self) {
        if let Some(data) = self.calls.get_mut(self.record.call) {
            self.sums.running -= std::mem::take(&mut data.running);
            self.hold();
        }
    }

    /// Returns the arguments of a call that waits from now on: a copy, if so many bytes are read while the session's calls wait
    /// that each of them could keep a read buffer of its own.
    pub(super) fn to_wait(&mut self, body: Bytes) -> Bytes {
        let Some(writer) = &self.attached else { return body };
        let arrived = writer.connection.decoder.progress().1 as u32; // compared with later ones only
        if self.lane.calls == 0 {
            self.lane.read_at = arrived;
        }
        if is_to_copy(self.lane, self.queue, arrived) { copied(body) } else { body }
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

/// Returns the longest body that a session may bring beside `held` bytes of arguments.
#[inline] // twice for each call
pub(super) fn room_beside(held: usize, limits: &ServerLimits) -> usize {
    (limits.max_frame + ARGUMENTS_BESIDE).saturating_sub(held).max(LONG_FRAME)
}

/// Returns true if the arguments of a call are to be copied that is about to wait in this lane.
fn is_to_copy(lane: &Lane, queue: &RunQueue, arrived: u32) -> bool {
    queue.calls >= COPY_ALL || (lane.calls >= COPY_CALLS && arrived.wrapping_sub(lane.read_at) > COPY_AFTER)
}

/// Returns arguments that keep no memory but their own. Longer ones than a read buffer never shared one.
pub fn copied(body: Bytes) -> Bytes {
    if body.len() < READ_CHUNK { Bytes::copy_from_slice(&body) } else { body }
}
