//! Layer 2: what a server remembers, as values to be shown: its sessions, and the record of each slot.

use super::ServerCore;
use super::record::CallState;
use crate::ids::{CallId, SessionId};

/// A session of a server at one moment. It is a copy: nothing of the protocol reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// The session.
    pub id: SessionId,
    /// True if a connection carries it.
    pub attached: bool,
    /// The records of the slots that were used, in their order.
    pub records: Vec<RecordSnapshot>,
}

/// The record of a slot at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSnapshot {
    /// The slot, and the number of its last call.
    pub call: CallId,
    /// The state of that call.
    pub state: CallState,
    /// The bytes of its reply, while they are kept.
    pub kept: Option<Vec<u8>>,
}

impl ServerCore {
    /// Returns what the server remembers now, a session after the other in the order in which they were opened.
    pub fn snapshot(&self) -> Vec<SessionSnapshot> {
        let mut sessions: Vec<_> = self.links.sessions.iter().collect();
        sessions.sort_unstable_by_key(|session| session.serial);
        let seen = sessions.into_iter().map(|session| {
            let records = session.records().iter().map(|(slot, record)| RecordSnapshot {
                call: CallId { session: session.id, slot, seq: record.last },
                state: record.state,
                kept: self.calls.reply_of(record).map(|reply| reply.body.clone()),
            });
            SessionSnapshot {
                id: session.id,
                attached: session.attached().is_some(),
                records: records.collect(),
            }
        });
        seen.collect()
    }
}
