//! The events to come, ordered by virtual time.

use std::collections::BTreeMap;

use rpc_core::ids::Time;

use crate::clients::SideId;
use crate::world::{ClientId, LinkId};

/// Something that happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A client's attempt to connect comes to an end.
    Connect { side: SideId, attempt: u64 },
    /// Bytes that were written arrive.
    ToServer(LinkId),
    /// Bytes that were written arrive.
    ToClient(LinkId),
    /// A client writes on.
    ClientWrites(SideId),
    /// The server writes on.
    ServerWrites(LinkId),
    /// The server notices that a connection is gone.
    ServerLoses(LinkId),
    /// The client notices that its connection is gone.
    ClientLoses(LinkId),
    /// A connection arrives at the loop that owns its session.
    HandOver(LinkId),
    /// A handler that was entered late is entered, or one that was entered early returns.
    Handler { life: u64, call: u64 },
    /// A client that stood still looks at its timers before it reads.
    ClientWakes(ClientId),
    /// A server that stood still looks at its timers before it reads.
    ServerWakes,
}

/// The list; what was put in first comes first among what is due at one time.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    items: BTreeMap<(Time, u64), Item>,
    next: u64,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Time, item: Item) {
        self.next += 1;
        self.items.insert((at, self.next), item);
    }

    /// Lets what would never happen happen now.
    pub(super) fn bring_forward(&mut self, now: Time) {
        let never = self.items.split_off(&(Time::NEVER, 0));
        never.into_values().for_each(|item| self.put(now, item));
    }

    pub(super) fn next_at(&self) -> Option<Time> {
        self.items.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn pop(&mut self, now: Time) -> Option<Item> {
        let entry = self.items.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
