//! Layer 4: a forked child has a client of its own.
//!
//! The child has a copy of its parent's memory and descriptors, and none of its threads. What the parent has started is the
//! parent's: if the child sent it as well, it would run twice. A thread of the parent may also have held the lock of the state,
//! which nothing unlocks in the child. So the child looks at nothing of its parent's client but the settings, and opens another
//! client when it first needs one.
//!
//! ```text
//!  stub --> ForkedChannel --- this process has a channel ---> TcpChannel, with the tickets of this process
//!               |------------ a forked child calls ---------> another TcpChannel, another session
//!               '------------ a ticket of the parent -------> unknown, cause `Forked`
//! ```

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::call::{Channel, ClientCounters, Recovered, Ticket};
use crate::each_process::EachProcess;
use crate::error::Reason;
use crate::ids::{Incarnation, Time};
use crate::limits::MAX_FORKS;
use crate::net::client::channel::TcpChannel;
use crate::net::os;
use crate::net::sync::atomic::{AtomicBool, Ordering};
use crate::proto::client::Outage;
use crate::proto::{Outcome, Request, UnknownCause};
use crate::wire::message::Table;

/// The bits of a ticket that name the call within its process. Those above name the process within its chain of forks.
const CALL_BITS: u32 = 56;

/// The channel that stubs hold: that of the present process. The session ends when the last stub is dropped.
#[derive(Debug)]
pub(in crate::net::client) struct ForkedChannel {
    /// The channel of each process.
    channels: EachProcess<TcpChannel>,
    /// True if the client was closed, in this process or before the fork: a child does not open it again.
    closed: AtomicBool,
}

impl ForkedChannel {
    /// Returns the channel of a client that was opened in this process.
    pub(in crate::net::client) fn new(channel: TcpChannel) -> Self {
        let channels = EachProcess::new(os::process_id);
        channels.store(channel);
        ForkedChannel { channels, closed: AtomicBool::new(false) }
    }

    /// Returns the channel of this process and its number in the chain of forks. A forked child opens one.
    #[inline]
    fn own(&self) -> Result<(usize, &TcpChannel), Outcome> {
        self.find_own().map_or_else(|| self.open(), Ok)
    }

    /// Returns the channel of this process and its number in the chain of forks, if it has one. No system call in the process
    /// that opened the client.
    #[inline]
    fn find_own(&self) -> Option<(usize, &TcpChannel)> {
        match self.channels.first() {
            Some(first) if first.inner.home.is_here() => Some((0, first)),
            _ => self.channels.find(),
        }
    }

    /// Opens the channel of a forked child.
    #[cold]
    fn open(&self) -> Result<(usize, &TcpChannel), Outcome> {
        let refused = |text: String| Outcome::NotExecuted(Reason::Unreachable, text);
        let parent = self.channels.of_ancestors().last();
        let opened = parent.map(|parent| parent.inner.for_child()).transpose();
        let opened = opened.map_err(|error| {
            refused(format!("a forked process cannot open a connection of its own: {error}"))
        })?;
        let opened = opened.and_then(|inner| self.channels.store(TcpChannel { inner }));
        let Some((number, channel)) = opened else {
            let text =
                format!("more than {MAX_FORKS} processes, each forked from the one before, use this client");
            return Err(refused(text));
        };
        self.close_copies();
        // After it was stored: `close` sees it, or has set the flag before.
        if self.closed.load(Ordering::SeqCst) {
            channel.close();
        }
        Ok((number, channel))
    }

    /// Makes this process look like a forked child, for tests.
    #[cfg(test)]
    pub(in crate::net::client) fn pretend_fork(&self) {
        self.channels.first().expect("a client is opened with its channel").inner.home.leave();
        self.channels.pretend_fork();
    }

    /// Closes what this process has copied of its ancestors' descriptors.
    fn close_copies(&self) {
        self.channels.of_ancestors().for_each(|channel| channel.inner.close_copies());
    }

    /// Returns the channel that has a call, if this process has started it, and its ticket there.
    fn find(&self, ticket: Ticket) -> Option<(&TcpChannel, Ticket)> {
        let (number, channel) = self.find_own()?;
        let is_own = ticket.0 >> CALL_BITS == number as u64;
        is_own.then_some((channel, Ticket(ticket.0 & ((1 << CALL_BITS) - 1))))
    }
}

/// Returns the ticket of a call for all processes of the chain. A ticket is an index of a call that has not ended, so that it
/// fits into its bits.
fn ticket_of(number: usize, ticket: Ticket) -> Ticket {
    debug_assert!(ticket.0 >> CALL_BITS == 0, "fewer calls than that fit into memory");
    Ticket(ticket.0 | (number as u64) << CALL_BITS)
}

/// Returns the end of a call in a child of the process that has started it.
fn of_parent() -> Option<Outcome> {
    Some(Outcome::Unknown(UnknownCause::Forked))
}

impl Channel for ForkedChannel {
    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        let (number, channel) = match self.find_own() {
            Some(own) => own,
            None => self.open()?,
        };
        channel.start(request).map(|ticket| ticket_of(number, ticket))
    }

    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome> {
        self.find(ticket).map_or_else(of_parent, |(channel, ticket)| channel.wait(ticket, limit))
    }

    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome> {
        self.find(ticket).map_or_else(of_parent, |(channel, ticket)| channel.poll(ticket, waker))
    }

    fn abandon(&self, ticket: Ticket) {
        if let Some((channel, ticket)) = self.find(ticket) {
            channel.abandon(ticket);
        }
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        self.find(ticket).map_or_else(of_parent, |(channel, ticket)| channel.resolve(ticket, limit))
    }

    fn forget(&self, ticket: Ticket) {
        if let Some((channel, ticket)) = self.find(ticket) {
            channel.forget(ticket);
        }
    }

    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        match self.own() {
            Ok((number, channel)) => {
                let (outcome, ticket) = channel.call(request);
                (outcome, ticket.map(|ticket| ticket_of(number, ticket)))
            }
            Err(outcome) => (outcome, None),
        }
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        let (number, channel) = self.own().ok()?;
        if number > 0 {
            channel.inner.greet_child(); // a call by name needs the methods, and nothing else would connect
        }
        channel.table(service)
    }

    fn peer(&self) -> Arc<str> {
        self.own().map(|(_, channel)| channel.peer()).unwrap_or_default()
    }

    fn outage(&self) -> Option<Outage> {
        self.find_own().and_then(|(_, channel)| channel.outage())
    }

    fn incarnation(&self) -> Option<Incarnation> {
        self.find_own().and_then(|(_, channel)| channel.incarnation())
    }

    /// One clock for all processes of the chain.
    fn now(&self) -> Time {
        self.channels.first().map(|channel| channel.now()).unwrap_or_default()
    }

    fn counters(&self) -> ClientCounters {
        self.find_own().map(|(_, channel)| channel.counters()).unwrap_or_default()
    }

    fn recovered(&self) -> Vec<Recovered> {
        // Only the process that was started with the journal has it: its tickets are the same for all.
        self.find_own().map(|(_, channel)| channel.recovered()).unwrap_or_default()
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some((_, channel)) = self.find_own() {
            channel.close();
        }
    }
}

/// The channel of this process says BYE as it is dropped; those of its ancestors are left alone.
impl Drop for ForkedChannel {
    fn drop(&mut self) {
        self.close_copies();
    }
}
