//! Layer 2: the record of a slot, and the comparison of two numbers that decides if a call may run.

use crate::ids::{MethodId, Seq};

/// The state of a slot's last call.
///
/// ```text
/// Empty --> Queued --> Running --> Kept --> NotKept
///              |          |          '---------'--> Acknowledged
///              '----------'--> Refused ---'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallState {
    /// The slot has carried no call yet.
    Empty,
    /// The call waits to run.
    Queued,
    /// The call was handed to its stub. Once the user's function has been entered, the call can only return or panic.
    Running,
    /// The call ran, and its reply is stored here.
    Kept,
    /// The call ran. Its reply was sent once and is not stored.
    NotKept,
    /// The call is final, and the client has said that it has the reply.
    Acknowledged,
    /// The call did not run and never will.
    Refused,
}

impl CallState {
    /// Returns true if the outcome is settled.
    ///
    /// Invariant V5: a final state changes only to `Acknowledged`, to `NotKept` (its bytes may be released), or through
    /// a call with a higher number.
    pub(super) fn is_final(self) -> bool {
        !matches!(self, CallState::Queued | CallState::Running)
    }
}

/// The index of a record without stored call data.
pub(super) const NO_CALL: u32 = u32::MAX;

/// All that the server remembers of an idle slot, in 32 bytes: RIFL's completion record, with one for each slot in place of
/// one for each call.
///
/// Invariants: `last` never falls (V2). It rises only while `state` is final (V3). `call` is [`NO_CALL`] unless the state
/// is `Queued`, `Running` or `Kept`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// The number of the slot's last call; 0 before the first.
    pub(super) last: Seq,
    /// Tells a duplicate from another call with the same number. It is 0 in a record made by CANCEL: any call with that
    /// number is then a duplicate.
    pub(super) fingerprint: u64,
    /// The position of the reply's end, counted in the bytes ever queued for this session. The reply is unsent while
    /// fewer bytes than that were written.
    pub(super) reply_end: u64,
    /// The index of the call's data: its arguments while it waits, its reply once that is kept.
    pub(super) call: u32,
    /// The state of the call.
    pub(super) state: CallState,
    /// The status code that a final record replies with.
    pub(super) code: u8,
    /// True while the slot has a place in its session's [`Lane`](super::run_queue::Lane). The place stays when its call is
    /// refused, and the slot's next call takes it over: a slot never has two.
    pub(super) in_lane: bool,
}

/// The relation of a frame's number to the record of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The number is lower: the client has moved on, and the call never runs.
    Stale,
    /// The same call again.
    Duplicate(CallState),
    /// The same number for another call.
    FalseRetry,
    /// A higher number, but the slot's call is not final.
    TooEarly,
    /// A higher number over a final record.
    New,
}

impl Record {
    /// The record of a slot that was never used.
    pub(super) const EMPTY: Record = Record {
        last: 0,
        fingerprint: 0,
        reply_end: 0,
        call: NO_CALL,
        state: CallState::Empty,
        code: 0,
        in_lane: false,
    };

    /// Returns the relation of a number alone: what CANCEL and ACK go by.
    pub(super) fn relation(&self, seq: Seq) -> Arrival {
        if seq < self.last {
            Arrival::Stale
        } else if seq == self.last {
            Arrival::Duplicate(self.state)
        } else if self.state.is_final() {
            Arrival::New
        } else {
            Arrival::TooEarly
        }
    }

    /// Returns the relation of a call with this number and fingerprint. Nothing else decides if a call may run.
    pub(super) fn arrival(&self, seq: Seq, fingerprint: u64) -> Arrival {
        match self.relation(seq) {
            Arrival::Duplicate(_) if self.fingerprint != 0 && self.fingerprint != fingerprint => {
                Arrival::FalseRetry
            }
            relation => relation,
        }
    }

    /// Begins a new call. The old record is replaced; the new one is `Queued` until it begins or is refused.
    pub(super) fn advance(&mut self, seq: Seq, fingerprint: u64) {
        assert!(seq > self.last, "V2: a slot's number never falls");
        assert!(self.state.is_final(), "V3: a call follows only a final one");
        assert_eq!(self.call, NO_CALL, "the data of the last call was taken out before");
        let in_lane = self.in_lane;
        *self = Record { last: seq, fingerprint, state: CallState::Queued, in_lane, ..Record::EMPTY };
    }

    /// Moves a queued call to `Running`: the one place where a call begins.
    pub(super) fn begin(&mut self) {
        assert_eq!(self.state, CallState::Queued, "V1: a call begins once");
        self.state = CallState::Running;
    }

    /// Settles the call under way.
    pub(super) fn settle(&mut self, state: CallState, code: u8) {
        assert!(!self.state.is_final() && state.is_final(), "V5: a final record stays");
        self.state = state;
        self.code = code;
    }
}

/// Returns what is compared of two calls with the same number: method, body length, and the checksum of the body alone.
///
/// Slot, number, flags and time left are left out, since an honest duplicate has another time left.
pub(super) fn fingerprint(method: MethodId, body_len: usize, body_crc: u32) -> u64 {
    let mixed = (method.0 ^ (body_len as u64).rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ u64::from(body_crc)).max(1) // 0 means 'nothing to compare'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_takes_32_bytes_and_no_more() {
        assert!(std::mem::size_of::<Record>() <= 32, "{}", std::mem::size_of::<Record>());
    }

    #[test]
    fn two_numbers_decide_if_a_call_may_run() {
        let mut record = Record::EMPTY;
        assert_eq!(record.arrival(1, 5), Arrival::New);
        record.advance(4, 5);
        assert_eq!(record.arrival(3, 5), Arrival::Stale);
        assert_eq!(record.arrival(4, 5), Arrival::Duplicate(CallState::Queued));
        assert_eq!(record.arrival(4, 6), Arrival::FalseRetry);
        assert_eq!(record.arrival(5, 5), Arrival::TooEarly);
        record.begin();
        assert_eq!(record.arrival(5, 5), Arrival::TooEarly);
        record.settle(CallState::NotKept, 0);
        assert_eq!(record.arrival(5, 5), Arrival::New);
    }

    #[test]
    #[should_panic(expected = "V1")]
    fn a_call_that_runs_does_not_begin_again() {
        let mut record = Record::EMPTY;
        record.advance(1, 5);
        record.begin();
        record.begin();
    }

    #[test]
    #[should_panic(expected = "V2")]
    fn a_record_does_not_go_back_to_a_lower_number() {
        let mut record = Record { last: 4, ..Record::EMPTY };
        record.advance(4, 5);
    }

    #[test]
    #[should_panic(expected = "V3")]
    fn a_call_does_not_follow_one_that_is_not_final() {
        let mut record = Record::EMPTY;
        record.advance(1, 5);
        record.advance(2, 5);
    }

    #[test]
    #[should_panic(expected = "V5")]
    fn a_final_record_is_not_settled_again() {
        let mut record = Record::EMPTY;
        record.settle(CallState::Refused, 0);
    }

    #[test]
    fn a_record_made_by_cancel_takes_any_call_for_a_duplicate() {
        let mut record = Record::EMPTY;
        record.advance(1, 0);
        assert_eq!(record.arrival(1, 77), Arrival::Duplicate(CallState::Queued));
    }

    #[test]
    fn a_fingerprint_sees_method_length_and_checksum() {
        let base = fingerprint(MethodId(1), 10, 3);
        assert_ne!(base, fingerprint(MethodId(2), 10, 3));
        assert_ne!(base, fingerprint(MethodId(1), 11, 3));
        assert_ne!(base, fingerprint(MethodId(1), 10, 4));
        for method in [MethodId(1), MethodId(u64::MAX)] {
            for bit in 0..32 {
                let base = fingerprint(method, 0, 0);
                assert_ne!(base, fingerprint(method, 1 << bit, 0), "bit {bit} of the length");
                assert_ne!(base, fingerprint(method, 0, 1 << bit), "bit {bit} of the checksum");
            }
        }
    }
}
