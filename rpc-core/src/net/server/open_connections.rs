//! Layer 4: the open connections of all loops of a server: how many there are, and how many of each source.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::limits::ServerLimits;
use crate::net::sync::atomic::{AtomicUsize, Ordering};
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::proto::peer::SourceId;

/// The decision on one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is counted.
    Counted,
    /// Its source has its share.
    None {
        /// True if it is the first one that finds no place since the source had a connection.
        is_first: bool,
    },
}

/// The connections of all sources.
#[derive(Debug, Default)]
struct OfSources {
    /// The number of open ones of each source.
    open: HashMap<SourceId, u32>, // descriptors are numbered by fewer bits
    /// The sources of which one more found no place, until they have none. Few have, so the others pay nothing for it.
    were_full: HashSet<SourceId>,
}

/// The open connections, those on their way to another loop included.
///
/// Invariants: `count` is the sum over the sources, and no source that is counted has none. No source has more than
/// `most_of_source`. A source that was full has a connection.
pub(super) struct OpenConnections {
    /// The number of open connections.
    count: AtomicUsize,
    /// Most open connections.
    most: usize,
    /// The number of each source.
    sources: Mutex<OfSources>,
    /// Most open connections of one source.
    most_of_source: usize,
}

impl OpenConnections {
    /// No connection is open. `descriptors`: most files and sockets that the process may have.
    pub(super) fn new(limits: &ServerLimits, descriptors: usize) -> Self {
        let share = (limits.connections.min(descriptors) / 2).max(1);
        OpenConnections {
            count: AtomicUsize::new(0),
            most: limits.connections,
            sources: Mutex::default(),
            most_of_source: limits.connections_per_source.unwrap_or(share),
        }
    }

    /// Returns true if there are as many connections as the limit allows.
    pub(super) fn is_full(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.most
    }

    /// Counts a connection of `source`, unless it has its share.
    pub(super) fn add(&self, source: SourceId) -> Place {
        let mut sources = self.sources();
        let open = sources.open.entry(source).or_default(); // it is there after this, with a connection
        if *open as usize >= self.most_of_source {
            return Place::None { is_first: sources.were_full.insert(source) };
        }
        *open += 1;
        self.count.fetch_add(1, Ordering::Relaxed);
        Place::Counted
    }

    /// Counts a connection of `source` no longer.
    pub(super) fn remove(&self, source: SourceId) {
        let mut sources = self.sources();
        if let Entry::Occupied(mut open) = sources.open.entry(source) {
            self.count.fetch_sub(1, Ordering::Relaxed);
            *open.get_mut() -= 1; // never below zero: each source in the map has one
            if *open.get() == 0 {
                open.remove(); // or the map would grow with every address that ever connected
                sources.were_full.remove(&source);
            }
        }
    }

    /// Returns the numbers of the sources. They are whole also after a panic: each change is one insertion or removal in each map.
    fn sources(&self) -> MutexGuard<'_, OfSources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u8) -> SourceId {
        [10, 0, 0, number].into()
    }

    #[test]
    fn v19_a_source_has_its_share_of_the_connections_and_no_more() {
        let limits = ServerLimits { connections: 5, ..ServerLimits::default() };
        let open = OpenConnections::new(&limits, 1_000);
        let added = [1, 1, 1, 1, 2, 3, 2].map(|number| open.add(host(number)));
        let (yes, first, no) =
            (Place::Counted, Place::None { is_first: true }, Place::None { is_first: false });
        assert_eq!(added, [yes, yes, first, no, yes, yes, yes], "half of five is two");
        assert!(open.is_full());
        open.remove(host(1));
        assert_eq!([open.add(host(1)), open.add(host(1))], [yes, no], "a place that is free again");
    }

    #[test]
    fn sources_without_a_connection_leave_nothing_behind() {
        let open = OpenConnections::new(&ServerLimits::default(), 1_000);
        for number in 0..200 {
            assert_eq!(open.add(host(number)), Place::Counted);
            open.remove(host(number));
            open.remove(host(number)); // counted once
        }
        assert_eq!((open.sources().open.len(), open.count.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn a_process_with_few_descriptors_gives_a_source_half_of_them() {
        let of_source = |connections, connections_per_source, descriptors| {
            let limits = ServerLimits { connections, connections_per_source, ..ServerLimits::default() };
            OpenConnections::new(&limits, descriptors).most_of_source
        };
        assert_eq!(of_source(65_536, None, 1_024), 512);
        assert_eq!(of_source(65_536, None, 1 << 20), 32_768);
        assert_eq!(of_source(65_536, Some(600), 1_024), 600, "a number that is given holds");
        assert_eq!(of_source(1, None, 1_024), 1, "one client at least");
    }
}
