//! Watches every record of the server after every step: numbers never fall, final stays final, nothing runs twice.

use std::collections::HashMap;

use rpc_core::ids::{Seq, SessionId, Slot};
use rpc_core::proto::server::{RecordState, ServerCore};

/// How the records stood when it last looked.
#[derive(Debug, Default)]
pub struct Auditor {
    seen: HashMap<(SessionId, Slot), (Seq, RecordState)>,
}

impl Auditor {
    /// Looks again.
    ///
    /// # Errors
    /// The invariant that was broken since.
    pub fn look(&mut self, server: &ServerCore) -> Result<(), String> {
        let mut broken = None;
        server.audit(|call, state| {
            let known = self.seen.entry((call.session, call.slot)).or_insert((0, RecordState::Empty));
            if let Some(rule) = step_breaks(*known, (call.seq, state)) {
                broken = Some(format!("{rule}: {call} was {known:?}, is {state:?}"));
            }
            *known = (call.seq, state);
        })?;
        broken.map_or(Ok(()), Err)
    }
}

/// Returns the rule that a step from one state of a record to another breaks.
pub fn step_breaks(from: (Seq, RecordState), to: (Seq, RecordState)) -> Option<&'static str> {
    use RecordState::{Acknowledged, Empty, Queued, Ran, Refused, Running};
    if to.0 < from.0 {
        return Some("V2");
    }
    if to.0 > from.0 {
        return matches!(from.1, Queued | Running).then_some("V3");
    }
    match (from.1, to.1) {
        (a, b) if a == b => None,
        (Queued, Running | Ran | Refused | Acknowledged) | (Running, Ran | Acknowledged) => None,
        (Running, Refused) => None, // its stub refused it; that nothing ran is the ledger's to see
        (Ran | Refused, Acknowledged) => None,
        (Empty | Ran | Refused | Acknowledged, Queued | Running) => Some("V1"),
        _ => Some("V5"),
    }
}
