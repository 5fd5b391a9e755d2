//! Layer 2: what a client holds, as values to be shown: its slots, its calls without a slot, its session.

use super::slot::Use;
use super::{ClientCore, Tag};
use crate::ids::{Seq, SessionId, Slot, Time};

/// The state of a client at one moment. It is a copy: nothing of the protocol reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSnapshot {
    /// The session; `None` before the first and after a lost one.
    pub session: Option<SessionId>,
    /// True if a connection carries the session.
    pub attached: bool,
    /// True if the server has said that it is shutting down.
    pub draining: bool,
    /// The slots that were used in this session, in their order.
    pub slots: Vec<SlotSnapshot>,
    /// The calls without a slot, those that pause before another attempt last.
    pub waiting: Vec<Tag>,
    /// The reason for which there is no connection; empty if none was lost.
    pub failure: String,
}

/// A slot of a client at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSnapshot {
    /// The slot.
    pub slot: Slot,
    /// The number of its last call.
    pub last: Seq,
    /// The number of the last call whose reply has arrived.
    pub replied: Seq,
    /// Its use.
    pub usage: SlotUse,
}

/// The use of a slot at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotUse {
    /// It carries no call.
    Free,
    /// It carries a call.
    InFlight {
        /// The name of the call.
        tag: Tag,
        /// True once its bytes were given to be written: it may run from then on.
        sent: bool,
        /// The time at which it is sent again.
        again: Time,
    },
    /// It waits for the reply to a call that was given up.
    Orphaned {
        /// The name under which the reply is reported, if it still is of interest.
        tag: Option<Tag>,
    },
}

impl ClientCore {
    /// Returns what the client holds now.
    pub fn snapshot(&self) -> ClientSnapshot {
        let used = self.calls.slots.iter().filter(|(_, state)| state.last > 0);
        let slots = used.map(|(slot, state)| {
            let usage = match &state.usage {
                Use::Free => SlotUse::Free,
                Use::InFlight(in_flight) => SlotUse::InFlight {
                    tag: in_flight.call.tag,
                    sent: in_flight.sent,
                    again: in_flight.again.due,
                },
                Use::Orphaned(orphan) => SlotUse::Orphaned { tag: orphan.tag },
            };
            SlotSnapshot { slot, last: state.last, replied: state.replied, usage }
        });
        let waiting = &self.calls.waiting;
        ClientSnapshot {
            session: self.session.as_ref().map(|session| session.id),
            attached: self.connection.is_attached(),
            draining: self.connection.is_draining(),
            slots: slots.collect(),
            waiting: waiting.queue.iter().chain(waiting.delayed.values()).map(|call| call.tag).collect(),
            failure: self.connection.failure().to_owned(),
        }
    }
}
