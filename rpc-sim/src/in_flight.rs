//! The frames on their way in a world, a fate for one of them, and a network that is split until it is healed.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::ids::Time;

use crate::mangler::{Delivery, Entry, Fate};
use crate::observer::Happening;
use crate::world::{LinkId, World};

/// Names a frame on its way, for the life of a world.
///
/// ```
/// use rpc_sim::{FrameId, Network};
///
/// /// Returns the frames that go to the server.
/// fn to_server(network: &Network) -> Vec<FrameId> {
///     let frames = network.with_world(|world| world.in_flight());
///     frames.iter().map(|frame| frame.id).filter(|id| id.to_server).collect()
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId {
    /// The connection.
    pub link: LinkId,
    /// True if it goes to the server.
    pub to_server: bool,
    /// Its number in this direction.
    pub number: u64,
}

/// A frame on its way.
///
/// ```
/// use rpc_sim::{InFlight, Network};
///
/// /// Returns the number of bytes that are on their way to the server.
/// fn unread(network: &Network) -> usize {
///     let frames: Vec<InFlight> = network.with_world(|world| world.in_flight());
///     frames.iter().filter(|frame| frame.id.to_server).map(|frame| frame.bytes.len()).sum()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Its name.
    pub id: FrameId,
    /// The time at which it was written.
    pub sent: Time,
    /// The time at which it arrives, if the network is not split; `None` while it is held.
    pub arrives: Option<Time>,
    /// The time that it still takes, once it goes on.
    pub left: Duration,
    /// Its bytes; none for the end of a connection.
    pub bytes: Bytes,
}

impl World {
    /// Returns the frames that are on their way, by connection and direction, in the order in which they arrive.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let mut frames = Vec::new();
        for (link, found) in &self.links {
            for (to_server, direction) in [(true, &found.up), (false, &found.down)] {
                let now = self.now();
                frames.extend(direction.queue.iter(now).map(|(arrives, left, entry)| {
                    let Entry { number, sent, delivery } = entry;
                    let id = FrameId { link: *link, to_server, number: *number };
                    let bytes = match delivery {
                        Delivery::Bytes(bytes) => bytes.clone(),
                        Delivery::End => Bytes::new(),
                    };
                    InFlight { id, sent: *sent, arrives, left, bytes }
                }));
            }
        }
        frames
    }

    /// Decides what becomes of a frame. Returns false, and does nothing, if it is not on its way, or the fate is not for it: the end
    /// of a connection is not dropped, doubled or changed, and a frame that is held is released first.
    pub fn decide(&mut self, frame: FrameId, fate: Fate) -> bool {
        let now = self.now();
        let FrameId { link, to_server, number } = frame;
        let Some(found) = self.links.get_mut(&link) else { return false };
        let direction = if to_server { &mut found.up } else { &mut found.down };
        let done = match fate {
            Fate::Cut => direction.queue.iter(now).any(|(_, _, entry)| entry.number == number),
            _ => direction.decide_for(number, fate, now),
        };
        if !done {
            return false;
        }
        self.trace.note(now, &[30, link, number], || format!("link {link}: {fate:?} of frame {number}"));
        if fate == Fate::Cut {
            self.break_link(link, now, false);
        }
        self.note_arrival(link, to_server);
        true
    }

    /// Lets nothing pass until [`World::heal`]. What was written arrives then. No connection breaks by it.
    pub fn split(&mut self) {
        let now = self.now();
        self.trace.note(now, &[31], || "the network is split".to_owned());
        self.observer.see(now, || Happening::Split);
        self.partition_until = Time::NEVER;
    }

    /// Ends a split or a partition now.
    pub fn heal(&mut self) {
        let now = self.now();
        self.trace.note(now, &[32], || "the network is whole again".to_owned());
        self.observer.see(now, || Happening::Healed);
        self.partition_until = now;
        self.agenda.bring_forward(now);
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.note_arrival(link, true);
            self.note_arrival(link, false);
        }
    }

    /// Returns true while nothing passes.
    pub fn is_split(&self) -> bool {
        self.partition_until > self.now()
    }
}
