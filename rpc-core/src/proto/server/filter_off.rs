//! Layer 2: the duplicate filter switched off, for teaching.

use super::arguments::copied;
use super::filter::Filter;
use super::keys::CallKey;
use super::run_queue::Place;
use crate::ids::Time;
use crate::wire::frame::{Frame, Header, Kind};
use crate::wire::message::Status;

/// The filter switched off, for teaching: a duplicate of a call that has begun runs again, beside its slot.
impl Filter<'_> {
    /// Returns true if the slot's last call was not refused: an acknowledged refusal is still one (V7).
    pub(super) fn has_begun(&self) -> bool {
        Status::from_code(self.record.code).is_ok_and(Status::ran)
    }

    /// Queues a duplicate, as a server without a filter does.
    pub(super) fn run_duplicate(&mut self, mut frame: Frame, now: Time) {
        let Some(entry) = self.config.directory.find(frame.header.method) else { return };
        let bytes = frame.body.len();
        if frame.skipped.is_some() || !self.queue.has_room(self.lane, bytes, &self.config.limits) {
            return;
        }
        self.counters.duplicates_executed += 1;
        frame.body = copied(frame.body);
        let duplicate = Some(Box::new(self.data(entry, frame, Vec::new(), now)));
        self.enqueue(Some(Place { slot: self.slot, duplicate }), bytes);
    }

    /// Sends the reply of a duplicate that ran. It is not recorded, and the client ignores it.
    ///
    /// A duplicate that ended before its original sends nothing: its client would go on to the next call, over a record
    /// that is not final (V3).
    pub(super) fn finish_duplicate(&mut self, key: CallKey, status: Status, body: &[u8]) {
        if self.record.last <= key.seq && !self.record.state.is_final() {
            return;
        }
        let header = Header { code: status.code(), ..Header::for_call(Kind::Reply, self.slot, key.seq) };
        if let Some(writer) = &mut self.attached {
            writer.send(&header, body);
        }
    }
}
