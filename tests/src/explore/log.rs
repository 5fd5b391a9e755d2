//! The effects of a step, event by event: for a diagram, and for a network that delivers in order.

use super::client::Verdict;
use super::frames::FrameId;

/// Something that happens in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection is made.
    Made(u8),
    /// A frame is written.
    Sent {
        /// The connection.
        link: u8,
        /// By the client.
        up: bool,
        /// The frame.
        frame: FrameId,
    },
    /// A client closes its connection.
    ClosedByClient(u8),
    /// The server closes a connection.
    ClosedByServer(u8),
    /// A handler is entered.
    Began(u8),
    /// A call has ended on the server.
    Ended(u8),
    /// A caller is told something.
    Told {
        /// The call.
        tag: u8,
        /// The verdict that its caller gets.
        verdict: Verdict,
    },
}

/// Takes the events of a step.
pub trait Log {
    /// Takes one.
    fn note(&mut self, event: Event);
}

/// Takes none: for the search.
impl Log for () {
    fn note(&mut self, _: Event) {}
}

/// Keeps all.
impl Log for Vec<Event> {
    fn note(&mut self, event: Event) {
        self.push(event);
    }
}
