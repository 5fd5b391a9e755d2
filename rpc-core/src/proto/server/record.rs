//! Floor 2: the duplicate filter itself: one record per slot, and the comparison of two numbers that decides whether a call may run.

use crate::ids::{MethodId, Seq};

/// What is known about the last call of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No call yet.
    Empty,
    /// Waits to run.
    Queued,
    /// Was handed to its stub; from the moment that the user's function is entered it can only become done.
    Running,
    /// Ran; its reply is here.
    Kept,
    /// Ran; its reply was sent once and is not here.
    NotKept,
    /// Final, and the client has said that it has the answer.
    Acknowledged,
    /// Did not run and never will.
    Refused,
}

impl State {
    /// Whether the answer is settled. Invariant V5: a final state is only left for `Acknowledged`, for `NotKept`
    /// (its bytes may go), or by a call with a higher number.
    pub(super) fn is_final(self) -> bool {
        !matches!(self, State::Queued | State::Running)
    }
}

/// No call's details are stored.
pub(super) const NO_CALL: u32 = u32::MAX;

/// All that is remembered of an idle slot: 32 bytes.
///
/// Invariants: `last` never falls (V2); it rises only while `state` is final (V3); `call` is [`NO_CALL`] unless the
/// state is `Queued`, `Running` or `Kept`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) last: Seq,
    /// Tells a copy from another call with the same number; 0 for a record made by CANCEL, to which any call is a copy.
    pub(super) print: u64,
    /// Where the answer ends in the bytes ever queued for this session: it is unsent while that has not been written.
    pub(super) answer_end: u64,
    /// Index of the call's details: arguments while it waits, reply once it is kept.
    pub(super) call: u32,
    pub(super) state: State,
    /// The status that a final record answers with.
    pub(super) code: u8,
}

/// How a CALL relates to the record of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The client has moved on; it never runs.
    Stale,
    /// The same call again.
    Copy(State),
    /// The same number, another call.
    FalseRetry,
    /// A new call over one that is still under way.
    TooEarly,
    /// A call that has not been seen.
    New,
}

impl Record {
    pub(super) const EMPTY: Record =
        Record { last: 0, print: 0, answer_end: 0, call: NO_CALL, state: State::Empty, code: 0 };

    /// Decides what a call with this number and fingerprint is. Nothing else decides it.
    pub(super) fn arrival(&self, seq: Seq, print: u64) -> Arrival {
        if seq < self.last {
            Arrival::Stale
        } else if seq > self.last {
            if self.state.is_final() { Arrival::New } else { Arrival::TooEarly }
        } else if self.print == 0 || self.print == print {
            Arrival::Copy(self.state)
        } else {
            Arrival::FalseRetry
        }
    }

    /// Begins a new call: the old record is gone from here on.
    pub(super) fn advance(&mut self, seq: Seq, print: u64) {
        assert!(seq > self.last, "V2: a slot's number never falls");
        assert!(self.state.is_final(), "V3: a call is only followed when it is final");
        *self = Record { last: seq, print, ..Record::EMPTY };
    }

    /// Settles the call under way.
    pub(super) fn settle(&mut self, state: State, code: u8) {
        assert!(!self.state.is_final() && state.is_final(), "V5: a final record stays");
        self.state = state;
        self.code = code;
    }
}

/// What is compared of two calls with one number: method, body length and the checksum of the body alone. Slot,
/// number, flags and time left are outside it, since an honest copy has another time left.
pub(super) fn fingerprint(method: MethodId, body_len: usize, body_crc: u32) -> u64 {
    let mixed = (method.0 ^ (body_len as u64).rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ u64::from(body_crc)).max(1) // 0 says 'nothing to compare'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_takes_32_bytes_and_no_more() {
        assert!(std::mem::size_of::<Record>() <= 32, "{}", std::mem::size_of::<Record>());
    }

    #[test]
    fn two_numbers_decide_whether_a_call_may_run() {
        let mut record = Record::EMPTY;
        assert_eq!(record.arrival(1, 5), Arrival::New);
        record.advance(4, 5);
        record.state = State::Queued;
        assert_eq!(record.arrival(3, 5), Arrival::Stale);
        assert_eq!(record.arrival(4, 5), Arrival::Copy(State::Queued));
        assert_eq!(record.arrival(4, 6), Arrival::FalseRetry);
        assert_eq!(record.arrival(5, 5), Arrival::TooEarly);
        record.settle(State::NotKept, 0);
        assert_eq!(record.arrival(5, 5), Arrival::New);
    }

    #[test]
    fn a_record_made_by_cancel_has_nothing_to_compare() {
        let mut record = Record::EMPTY;
        record.advance(1, 0);
        assert_eq!(record.arrival(1, 77), Arrival::Copy(State::Empty));
    }

    #[test]
    fn a_fingerprint_sees_method_length_and_checksum() {
        let base = fingerprint(MethodId(1), 10, 3);
        assert_ne!(base, fingerprint(MethodId(2), 10, 3));
        assert_ne!(base, fingerprint(MethodId(1), 11, 3));
        assert_ne!(base, fingerprint(MethodId(1), 10, 4));
    }
}
