//! The duplicate filter of one session: decides for each CALL, CANCEL and ACK what the server does.
//!
//! A client numbers its calls 1, 2, 3 .. within a slot and sends the next call of a slot only after it has the reply to
//! the last one. So one record for each slot is enough to recognise every duplicate, however late it arrives.

use rpc_core::ids::{MethodId, SEQ_END, Seq};
use rpc_core::wire::frame::Frame;
use rpc_core::wire::message::Status;

/// The server's next step for a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Run the call, then report its result with [`Filter::finish`].
    Run,
    /// Send this reply: it is the reply of the call that was recorded.
    Reply(Status, Vec<u8>),
    /// Do nothing: the frame is older than the record, or its sender has the reply.
    Ignore,
    /// Close the connection: the client broke a rule of the protocol.
    Violation,
}

/// The records of one session.
#[derive(Debug)]
pub(crate) struct Filter {
    records: Vec<Record>,
}

/// The last call of one slot.
#[derive(Debug, Default)]
struct Record {
    /// Its number; 0 before the first call.
    last: Seq,
    /// Method, length and checksum of that call. `None` if a CANCEL came instead of the call.
    fingerprint: Option<(MethodId, usize, u32)>,
    /// Status and reply. `None` before the first call and after an ACK, which lets the server drop the reply.
    ended: Option<(Status, Vec<u8>)>,
}

impl Filter {
    /// Returns a filter for this many slots.
    pub(crate) fn new(slots: u16) -> Self {
        Filter { records: (0..slots).map(|_| Record::default()).collect() }
    }

    /// Returns the number of slots.
    pub(crate) fn slots(&self) -> u16 {
        self.records.len() as u16 // `new` took a u16
    }

    /// Decides about a CALL. It runs only if its number is new in its slot.
    pub(crate) fn call(&mut self, call: &Frame) -> Decision {
        let Some(record) = self.record(call) else { return Decision::Violation };
        let header = &call.header;
        let fingerprint = Some((header.method, call.skipped.unwrap_or(call.body.len()), call.body_crc));
        if header.seq < record.last {
            return Decision::Ignore; // a duplicate that was delayed in the network
        }
        if header.seq > record.last {
            // The client has the reply of the old call, otherwise it would not use its slot again.
            *record = Record { last: header.seq, fingerprint, ended: None };
            return Decision::Run;
        }
        if record.fingerprint.is_some() && record.fingerprint != fingerprint {
            return Decision::Violation; // the number of a call, but not that call: never answer it with that reply
        }
        record.reply()
    }

    /// Records how the call ended that [`Filter::call`] told the server to run.
    pub(crate) fn finish(&mut self, call: &Frame, status: Status, reply: Vec<u8>) {
        if let Some(record) = self.record(call) {
            record.ended = Some((status, reply));
        }
    }

    /// Decides about a CANCEL. If it arrives before its call, that call never runs. Otherwise the call has ended, because
    /// this server runs a call as soon as it arrives, and the client gets the reply again.
    pub(crate) fn cancel(&mut self, cancel: &Frame, refusal: Status) -> Decision {
        let Some(record) = self.record(cancel) else { return Decision::Violation };
        let seq = cancel.header.seq;
        if seq > record.last {
            *record = Record { last: seq, fingerprint: None, ended: Some((refusal, Vec::new())) };
        }
        if seq == record.last { record.reply() } else { Decision::Ignore }
    }

    /// Decides about an ACK: the client has the reply, so its bytes can be dropped. The number stays recorded.
    pub(crate) fn ack(&mut self, ack: &Frame) -> Decision {
        let Some(record) = self.record(ack) else { return Decision::Violation };
        if ack.header.seq == record.last {
            record.ended = None;
        }
        Decision::Ignore
    }

    /// Returns the record of a frame's slot, or `None` if the slot or the number is out of range.
    fn record(&mut self, frame: &Frame) -> Option<&mut Record> {
        let seq_is_valid = (1..SEQ_END).contains(&frame.header.seq);
        self.records.get_mut(usize::from(frame.header.slot)).filter(|_| seq_is_valid)
    }
}

impl Record {
    /// Returns the recorded reply, if it is still there.
    fn reply(&self) -> Decision {
        self.ended.clone().map_or(Decision::Ignore, |(status, reply)| Decision::Reply(status, reply))
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::Reason;
    use rpc_core::wire::frame::{Header, Kind};

    use super::*;

    const CANCELLED: Status = Status::Refused(Reason::Cancelled);

    fn frame(kind: Kind, seq: Seq, body: &'static [u8]) -> Frame {
        let header = Header { method: MethodId(7), ..Header::for_call(kind, 0, seq) };
        Frame { header, body_crc: body.len() as u32, body: body.into(), skipped: None }
    }

    fn call(seq: Seq) -> Frame {
        frame(Kind::Call, seq, b"arguments")
    }

    /// A filter whose slot 0 has run call 5.
    fn after_call_5() -> Filter {
        let mut filter = Filter::new(1);
        assert_eq!(filter.call(&call(5)), Decision::Run);
        filter.finish(&call(5), Status::Done, b"reply".to_vec());
        filter
    }

    #[test]
    fn a_duplicate_gets_the_first_reply_and_does_not_run() {
        let mut filter = after_call_5();
        assert_eq!(filter.call(&call(5)), Decision::Reply(Status::Done, b"reply".to_vec()));
        assert_eq!(filter.call(&call(4)), Decision::Ignore);
        assert_eq!(filter.call(&call(6)), Decision::Run);
    }

    #[test]
    fn a_duplicate_with_other_contents_is_a_violation() {
        let mut filter = after_call_5();
        assert_eq!(filter.call(&frame(Kind::Call, 5, b"other")), Decision::Violation);
        let other_method = Header { method: MethodId(8), ..call(5).header };
        assert_eq!(filter.call(&Frame { header: other_method, ..call(5) }), Decision::Violation);
    }

    #[test]
    fn a_cancel_that_arrives_first_keeps_its_call_from_running() {
        let mut filter = after_call_5();
        let refused = Decision::Reply(CANCELLED, Vec::new());
        assert_eq!(filter.cancel(&frame(Kind::Cancel, 6, b""), CANCELLED), refused);
        assert_eq!(filter.call(&call(6)), refused);
    }

    #[test]
    fn a_cancel_that_arrives_later_gets_the_reply() {
        let mut filter = after_call_5();
        let reply = Decision::Reply(Status::Done, b"reply".to_vec());
        assert_eq!(filter.cancel(&frame(Kind::Cancel, 5, b""), CANCELLED), reply);
        assert_eq!(filter.cancel(&frame(Kind::Cancel, 4, b""), CANCELLED), Decision::Ignore);
        assert_eq!(filter.call(&call(5)), reply);
    }

    #[test]
    fn an_acknowledged_call_still_does_not_run_again() {
        let mut filter = after_call_5();
        assert_eq!(filter.ack(&frame(Kind::Ack, 5, b"")), Decision::Ignore);
        assert_eq!(filter.call(&call(5)), Decision::Ignore);
        assert_eq!(filter.records[0].ended, None);
    }

    #[test]
    fn slots_and_numbers_out_of_range_are_violations() {
        let mut filter = Filter::new(1);
        for seq in [0, SEQ_END] {
            assert_eq!(filter.call(&call(seq)), Decision::Violation);
        }
        let header = Header { slot: 1, ..call(1).header };
        assert_eq!(filter.call(&Frame { header, ..call(1) }), Decision::Violation);
    }
}
