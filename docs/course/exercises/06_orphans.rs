//! Exercise 6: slots whose callers give up.
//!
//! A client has a fixed number of slots. A slot carries one call at a time, and its calls are numbered 1, 2, 3 .. When the
//! deadline of a caller passes, it no longer waits. Its call goes on all the same: the request may be on its way, or the handler
//! may run. The slot is *orphaned*: it has no caller, and it is not free. If it were used again, a request would meet the old call
//! at the server. When the late reply arrives, the slot is free.
//!
//! Write three functions:
//! * `take` gives a new call a free slot and its number, or `None` if no slot is free.
//! * `reply` is told that a reply has arrived. It returns true if the caller of this call waits for it. The network may double
//!   replies: a copy may arrive when the slot is free, or when it carries the next call.
//! * `give_up` is told that the caller of the call in this slot no longer waits.
//!
//! The judge lets callers give up at random moments. `cargo run -p rpc-course -- check 6`

use rpc_course::orphans::{New, Slots};

/// A slot. Change it as you like.
#[derive(Clone, Default)]
struct Slot {
    /// The number of the last call; 0 before the first.
    last: u64,
    /// True from the call until its reply.
    under_way: bool,
    /// True while the caller waits.
    #[allow(dead_code, reason = "the hole needs it")]
    caller_waits: bool,
}

/// The slots.
pub struct Mine {
    slots: Vec<Slot>,
}

impl New for Mine {
    fn new(count: usize) -> Self {
        Mine { slots: vec![Slot::default(); count] }
    }
}

impl Slots for Mine {
    // ---- Your part begins here.
    fn take(&mut self) -> Option<(usize, u64)> {
        let at = self.slots.iter().position(|slot| !slot.under_way)?;
        let slot = &mut self.slots[at];
        slot.last += 1;
        slot.under_way = true;
        Some((at, slot.last))
    }

    fn reply(&mut self, slot: usize, _seq: u64) -> bool {
        self.slots[slot].under_way = false;
        true
    }

    fn give_up(&mut self, slot: usize) {
        self.slots[slot].under_way = false;
    }
    // ---- Your part ends here.
}
