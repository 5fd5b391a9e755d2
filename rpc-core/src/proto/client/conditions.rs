//! Layer 2: the parts of a client that decide what may become of a call, and the verdicts that follow from them alone.

use super::config::ClientConfig;
use super::connection::{Connection, FailureKind, Link};
use super::session::Session;
use crate::contract::Method;
use crate::error::Reason;
use crate::ids::{Nonce, Time};
use crate::proto::Outcome;

/// The parts of a client that decide what may become of a call.
#[derive(Clone, Copy)]
pub(super) struct Conditions<'a> {
    /// The bounds, the services and the features.
    pub(super) config: &'a ClientConfig,
    /// The connection.
    pub(super) connection: &'a Connection,
    /// The session.
    pub(super) session: Option<&'a Session>,
    /// The nonce of a session that is to be opened.
    pub(super) nonce: Option<Nonce>,
    /// The present time.
    pub(super) now: Time,
}

impl Conditions<'_> {
    /// Returns true if new calls may go into slots.
    pub(super) fn may_send(&self) -> bool {
        // Not while draining or leaving: the server would refuse the call, and the next one may take it.
        self.connection.link() == Link::Up && self.session.is_none_or(Session::may_send)
    }

    /// Checks what can be known to fail before a call is sent: the client is closed, its size, and the contract.
    pub(super) fn check(&self, method: &Method, size: usize) -> Result<(), Outcome> {
        if self.connection.is_closed() {
            let text = match self.connection.failure_kind {
                FailureKind::Journal => self.connection.failure().to_owned(),
                _ => String::new(),
            };
            return Err(Outcome::NotExecuted(Reason::Closed, text));
        }
        // Without a session nothing is known of the server. The call is checked again when it gets its slot.
        let Some(session) = self.session else { return Ok(()) };
        if size > session.max_frame {
            let text = format!(
                "{size} bytes are over the server's limit of {}, its setting `ServerLimits::max_frame`",
                session.max_frame
            );
            return Err(Outcome::NotExecuted(Reason::TooLarge, text));
        }
        session.disagreement(method).map_or(Ok(()), |text| Err(Outcome::NotExecuted(Reason::Contract, text)))
    }

    /// Returns the outcome of a call that was never sent.
    pub(super) fn never_sent(&self, reason: Reason, text: String) -> Outcome {
        // The nearest cause first: a call that waited out a drain was not stopped by full slots, nor by the network.
        if self.connection.is_draining() {
            Outcome::NotExecuted(Reason::Draining, String::new())
        } else if self.connection.is_attached() {
            Outcome::NotExecuted(reason, text)
        } else {
            Outcome::NotExecuted(Reason::Unreachable, self.connection.failure().to_owned())
        }
    }
}
