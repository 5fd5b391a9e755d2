//! Exercise 5: the duplicate filter of a server.
//!
//! A client sends a request again when it has no reply, and the network may double a request or deliver it late. So the same
//! request may arrive many times. The handler must run once.
//!
//! A client has slots. In each slot it numbers its calls 1, 2, 3 .., and it sends the next call of a slot only when it has the
//! reply of the last one. So the number tells the filter what a request is.
//!
//! Write two functions:
//! * `admit` is asked about each request that arrives. It returns `Decision::Run` if the call is new, `Decision::Reply(reply)` if
//!   the call has ended and its reply has to be sent again, and `Decision::Ignore` if there is nothing to do.
//! * `finish` is told the reply of each call that has run. A handler may take its time: between the two, duplicates arrive.
//!
//! Keep no more than you need: a server that keeps the reply of every call grows with each call. The judge loses, doubles and
//! delays frames. `cargo run -p rpc-course -- check 5`

use std::sync::Arc;

use rpc_course::filter::{Decision, Filter};

/// The record of a slot. Change it as you like.
#[derive(Clone, Default)]
struct Record {
    /// The number of the last call; 0 before the first.
    last: u64,
    /// The reply of that call, when it has ended.
    reply: Option<Arc<str>>,
}

/// The filter: a record for each slot.
#[derive(Default)]
pub struct Mine {
    records: Vec<Record>,
}

impl Mine {
    /// Returns the record of a slot, a new one if there is none.
    fn record(&mut self, slot: usize) -> &mut Record {
        if self.records.len() <= slot {
            self.records.resize(slot + 1, Record::default());
        }
        &mut self.records[slot]
    }
}

impl Filter for Mine {
    // ---- Your part begins here.
    fn admit(&mut self, slot: usize, seq: u64) -> Decision {
        let record = self.record(slot);
        record.last = seq;
        Decision::Run
    }

    fn finish(&mut self, slot: usize, _seq: u64, reply: Arc<str>) {
        self.record(slot).reply = Some(reply);
    }
    // ---- Your part ends here.
}
