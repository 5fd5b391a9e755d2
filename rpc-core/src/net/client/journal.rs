//! Layer 4: a client with a journal: it takes up the session and the calls of the process before it.

use std::sync::Arc;

use super::state::ClientState;
use super::{ConnectError, Connector};
use crate::call::{Recovered, names};
use crate::contract::{Contract, Method};
use crate::ids::Time;
use crate::proto::client::{ClientJournal, JournalEntry, RecordedCall, RecordedUse, RestoredUse};
use crate::proto::{Outcome, Request, UnknownCause};
use crate::wire::frame::body_checksum;

impl Connector {
    /// Gives the client a journal, in which each call is before it is sent: a process that dies is followed by one that resumes
    /// its session and asks for the answers. With a server that has a store, calls are exactly once from end to end. The package
    /// `rpc-store` has a journal; `docs/exactly_once.md` has the contract and the cost.
    ///
    /// The calls that were under way are returned by [`Handle::recovered`](crate::call::Handle::recovered). A client that is dropped
    /// leaves its session to the next process; [`Handle::close`](crate::call::Handle::close) ends it. The next process must announce
    /// the same services and ask for the same slots: otherwise it opens another session, and the calls are unknown.
    pub fn journal(mut self, journal: impl ClientJournal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }
}

/// Takes up what the journal has.
pub(super) fn take_up(
    state: &mut ClientState,
    journal: Arc<dyn ClientJournal>,
    contracts: &[&'static Contract],
    now: Time,
) -> Result<(), ConnectError> {
    let recorded = journal.load().map_err(ConnectError::Journal)?;
    state.core.keep_journal(Arc::clone(&journal), recorded.in_use);
    for (call, outcome) in recorded.ended {
        let method = method(contracts, &call)?;
        state.recovered.push(recovered(method, call, Err(outcome)));
    }
    let Some(session) = recorded.session else { return Ok(()) };
    let goes_on = state.core.can_restore(&session);
    let mut slots = Vec::with_capacity(recorded.slots.len());
    for (slot, seq, usage) in recorded.slots {
        let usage = match usage {
            RecordedUse::Ended(replied) => RestoredUse::Ended(replied),
            RecordedUse::GivenUp => RestoredUse::GivenUp,
            RecordedUse::UnderWay(call) => {
                let method = method(contracts, &call)?;
                if !goes_on {
                    let lost = Err(Outcome::Unknown(UnknownCause::SessionLost));
                    state.recovered.push(recovered(method, call, lost));
                    continue;
                }
                let ticket = state.waiters.register();
                let request = request(method, &call);
                state.recovered.push(recovered(method, call, Ok(ticket)));
                RestoredUse::UnderWay(ticket.0, request)
            }
        };
        slots.push((slot, seq, usage));
    }
    if goes_on {
        state.core.restore(&session, slots, now);
        return Ok(());
    }
    journal.note(JournalEntry::Over);
    journal.commit().map_err(ConnectError::Journal)
}

/// Returns the method of a recorded call, also if the client has none of that name any more.
fn method(contracts: &[&'static Contract], call: &RecordedCall) -> Result<&'static Method, ConnectError> {
    let mut methods = contracts.iter().flat_map(|contract| contract.methods);
    let known = methods.find(|method| method.id == call.method);
    known.or_else(|| names::method(call.method, &call.name, "")).ok_or(ConnectError::TooManyNames)
}

/// Returns the call as it is sent again.
fn request(method: &'static Method, call: &RecordedCall) -> Request {
    Request {
        method,
        body: call.body.clone(),
        metadata: call.metadata,
        body_crc: body_checksum(&call.body, true),
        within: call.within,
        repeat: false, // the journal has no idempotent calls
        retry: true,
        fail_fast: false,
    }
}

fn recovered(
    method: &'static Method,
    call: RecordedCall,
    started: Result<crate::call::Ticket, Outcome>,
) -> Recovered {
    let metadata = call.metadata.min(call.body.len());
    Recovered { method, body: call.body, metadata, started }
}
