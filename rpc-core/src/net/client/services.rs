//! Layer 4: the services that a client was connected for, against those that the server has.

use std::fmt;

use super::ConnectError;
use super::inner::ClientInner;
use super::state::{ClientState, PendingWakeups};
use crate::contract::REFLECTION;
use crate::ids::Clock;
use crate::text::Escaped;

impl ClientInner {
    /// Returns an error if the server does not have a service that the client has a stub for. Only then it is asked what it has.
    pub(super) fn check_services(&self) -> Result<(), ConnectError> {
        let mut state = self.lock();
        let missing = state.core.missing_services();
        if missing.is_empty() {
            return Ok(());
        }
        state.core.ask_for_services();
        let until = self.clock.now().plus(self.limits().connect);
        let answered = |state: &ClientState| state.core.services().is_some() || !state.core.is_ready();
        let ticket = state.waiters.register();
        let mut wakeups = PendingWakeups::default();
        let mut state = self.wait_until(state, ticket, Some(until), &answered, &mut wakeups);
        let _ = state.waiters.remove(ticket);
        let served = state.core.services().unwrap_or_default();
        // That a server describes itself is no help to a caller that looks for another service.
        let served = served.iter().filter(|name| *name != REFLECTION).cloned().collect();
        drop(state);
        wakeups.send();
        let services = missing.into_iter().map(str::to_owned).collect();
        Err(ConnectError::NoSuchService { server: self.peer(), services, served })
    }
}

/// Shows names of services: `` `A`, `B` ``.
pub(super) struct Quoted<'a>(pub(super) &'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let joint = if index == 0 { "" } else { ", " };
            write!(f, "{joint}`{}`", Escaped(name))?;
        }
        Ok(())
    }
}

/// Writes `; it has ..`, or nothing if the server did not say what it has.
pub(super) struct Served<'a>(pub(super) &'a [String]);

impl fmt::Display for Served<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; it has {}", Quoted(self.0)) }
    }
}
