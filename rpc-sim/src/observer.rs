//! The events of a world, one after the other, for a program that shows or tells them.

use bytes::Bytes;
use rpc_core::ids::{CallId, Time};
use rpc_core::proto::client::{Event, Tag};
use rpc_core::wire::message::Status;

use crate::in_flight::FrameId;
use crate::mangler::{Delivery, News};
use crate::world::{ClientId, LinkId, World};

/// One thing that has happened.
///
/// ```
/// use rpc_sim::{Faults, Network, Observed};
///
/// let network = Network::new(1, Faults::none());
/// network.with_world(|world| world.observe());
/// network.crash_server();
/// let seen: Vec<Observed> = network.with_world(|world| world.take_observed());
/// for Observed { at, what } in seen {
///     println!("{at:?}: {what:?}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The time of the world.
    pub at: Time,
    /// The thing.
    pub what: Happening,
}

/// A thing that happens.
///
/// ```
/// use rpc_sim::{Faults, Happening, Network};
///
/// let network = Network::new(1, Faults::none());
/// network.with_world(|world| world.observe());
/// network.crash_server();
/// let seen = network.with_world(|world| world.take_observed());
/// assert!(seen.iter().any(|event| event.what == Happening::Crashed));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// A client has a connection.
    Connected {
        /// The client.
        client: ClientId,
        /// The connection.
        link: LinkId,
    },
    /// A client starts a call.
    Started {
        /// The client.
        client: ClientId,
        /// The name of the call.
        tag: Tag,
    },
    /// A client's attempt to connect was refused.
    Refused {
        /// The client.
        client: ClientId,
    },
    /// A connection breaks, or its end has arrived.
    Broken {
        /// The connection.
        link: LinkId,
    },
    /// A frame is on its way.
    Sent {
        /// The frame.
        frame: FrameId,
        /// The frame that it is a copy of, made by the network.
        copy_of: Option<FrameId>,
        /// Its bytes; none for the end of a connection.
        bytes: Bytes,
    },
    /// A frame has arrived.
    Delivered {
        /// The frame.
        frame: FrameId,
        /// Its bytes as they arrived.
        bytes: Bytes,
    },
    /// The network has swallowed a frame.
    Dropped {
        /// The frame.
        frame: FrameId,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A handler is entered.
    HandlerBegan {
        /// Counts the handlers of this life of the server.
        handler: u64,
        /// The call.
        call: CallId,
        /// `Service.method`.
        method: &'static str,
    },
    /// A handler has returned.
    HandlerEnded {
        /// The number of the handler.
        handler: u64,
        /// The kind of its reply; `None` if the reply comes later.
        status: Option<Status>,
    },
    /// A client has the verdict on a call, or what became of one that was unknown.
    Verdict {
        /// The client.
        client: ClientId,
        /// The verdict.
        event: Event,
    },
    /// The server's process has ended.
    Crashed,
    /// A server's process has started.
    Serving {
        /// Counts the lives of the server.
        life: u64,
    },
    /// The server drains.
    Drains,
    /// The network is split: nothing passes.
    Split,
    /// The network is whole again.
    Healed,
}

/// The list of what has happened; empty unless asked for.
#[derive(Debug, Default)]
pub(super) struct Observer(Option<Vec<Observed>>);

impl Observer {
    pub(super) fn see(&mut self, at: Time, what: impl FnOnce() -> Happening) {
        if let Some(list) = &mut self.0 {
            list.push(Observed { at, what: what() });
        }
    }
}

impl World {
    /// Keeps what happens from now on, for [`World::take_observed`].
    pub fn observe(&mut self) {
        self.observer.0.get_or_insert_default();
        for link in self.links.values_mut() {
            link.up.queue.observe();
            link.down.queue.observe();
        }
    }

    /// Takes what has happened since the last time.
    pub fn take_observed(&mut self) -> Vec<Observed> {
        self.observer.0.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn is_observed(&self) -> bool {
        self.observer.0.is_some()
    }

    /// Tells the observer that what is on its way on a connection is lost with it.
    pub(super) fn see_lost(&mut self, link: LinkId) {
        if let Some(found) = self.links.get_mut(&link).filter(|_| self.observer.0.is_some()) {
            found.up.kill();
            found.down.kill();
            self.see_frames(link, true);
            self.see_frames(link, false);
        }
    }

    /// Tells the observer what has changed on one direction of a connection.
    pub(super) fn see_frames(&mut self, link: LinkId, to_server: bool) {
        let Some(found) = self.links.get_mut(&link) else { return };
        let news = if to_server { found.up.queue.take_news() } else { found.down.queue.take_news() };
        let now = self.now();
        let named = |number| FrameId { link, to_server, number };
        let bytes = |delivery| match delivery {
            Delivery::Bytes(bytes) => bytes,
            Delivery::End => Bytes::new(),
        };
        for item in news {
            self.observer.see(now, || match item {
                News::Sent(entry, copy_of) => Happening::Sent {
                    frame: named(entry.number),
                    copy_of: copy_of.map(named),
                    bytes: bytes(entry.delivery),
                },
                News::Arrived(entry) => {
                    Happening::Delivered { frame: named(entry.number), bytes: bytes(entry.delivery) }
                }
                News::Dropped(entry) => {
                    Happening::Dropped { frame: named(entry.number), bytes: bytes(entry.delivery) }
                }
            });
        }
    }
}
