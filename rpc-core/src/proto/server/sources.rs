//! Layer 2: the addresses from which sessions are opened: how many each has, and which of them may be evicted.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::keys::SessionKey;
use crate::proto::peer::SourceId;

/// The source that the bounds for each source count for; `None` if nothing is known of a peer.
pub(super) type Source = Option<SourceId>;

/// The sources of all sessions of a loop.
///
/// Most sources have a session that is used, so the lists are apart: each source costs its number, and no empty list.
///
/// Invariants: a source is in `sessions` while it has some. `unused` and `ranking` have the same sources, each with sessions and with
/// a list that is not empty; `ranking` has the number of their sessions. After each [`Sources::list`],
/// `unused.len() <= 2 * sessions + 8` for its source.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// The number of sessions of each source.
    sessions: HashMap<Source, u32>, // sessions are numbered by fewer bits
    /// The sessions of each source that were detached before any call, oldest first. Ended ones may be among them.
    unused: HashMap<Source, VecDeque<SessionKey>>,
    /// The sources that may have a session to evict, by the number of their sessions.
    ranking: BTreeSet<(u32, Source)>,
}

impl Sources {
    /// Returns the number of sessions of a source.
    pub(super) fn sessions(&self, source: Source) -> usize {
        self.count(source) as usize
    }

    fn count(&self, source: Source) -> u32 {
        self.sessions.get(&source).copied().unwrap_or(0)
    }

    /// Counts a session.
    pub(super) fn add(&mut self, source: Source) {
        self.recount(source, self.count(source) + 1);
    }

    /// Counts a session no longer.
    pub(super) fn remove(&mut self, source: Source) {
        let before = self.count(source);
        assert!(before > 0, "V19: each session of a source is counted");
        self.recount(source, before - 1);
    }

    /// Notes the number of sessions that a source has now, and its place in the ranking with it.
    fn recount(&mut self, source: Source, now: u32) {
        let before = match now {
            0 => self.sessions.remove(&source), // or the map would grow with every address that ever connected
            _ => self.sessions.insert(source, now),
        };
        if !self.ranking.remove(&(before.unwrap_or(0), source)) {
            return; // the common case: it has no session to evict
        }
        if now == 0 {
            self.unused.remove(&source);
        } else {
            self.ranking.insert((now, source));
        }
    }

    /// Lists a session as one that may be evicted, after all others of its source.
    ///
    /// Sessions that have ended are dropped from the list when they are more than half of it: each is looked at twice at most, and
    /// clients that only send HELLO do not fill the memory over the days.
    pub(super) fn list(&mut self, source: Source, key: SessionKey, is_there: impl Fn(SessionKey) -> bool) {
        let sessions = self.count(source);
        let unused = self.unused.entry(source).or_default();
        unused.push_back(key);
        if unused.len() > 2 * sessions as usize + 8 {
            unused.retain(|key| is_there(*key));
        }
        self.rank(source);
    }

    /// Takes the oldest session that may be evicted out of the list of a source.
    pub(super) fn next_unused(&mut self, source: Source) -> Option<SessionKey> {
        let next = self.unused.get_mut(&source)?.pop_front();
        self.rank(source);
        next
    }

    /// Gives a source whose list was changed its place in the ranking: none if the list is empty.
    fn rank(&mut self, source: Source) {
        let place = (self.count(source), source);
        if place.0 > 0 && self.unused.get(&source).is_some_and(|unused| !unused.is_empty()) {
            self.ranking.insert(place);
        } else {
            self.unused.remove(&source);
            self.ranking.remove(&place);
        }
    }

    /// Returns the sources that may have a session to evict, those with most sessions first, and `most` of them at most.
    pub(super) fn largest(&self, most: usize) -> Vec<Source> {
        self.ranking.iter().rev().take(most).map(|(_, source)| *source).collect()
    }

    /// Returns the length of all lists, and the number of sources.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.unused.values().map(VecDeque::len).sum(), self.sessions.len())
    }

    /// Returns the sessions of a source that may be evicted, oldest first. Ended ones may be among them.
    #[cfg(test)]
    pub(super) fn listed(&self, source: Source) -> Vec<SessionKey> {
        self.unused.get(&source).map_or_else(Vec::new, |unused| unused.iter().copied().collect())
    }

    /// Checks that each source has as many sessions as were `counted`.
    #[cfg(feature = "__inspection")]
    pub(super) fn audit(&self, counted: &HashMap<Source, usize>) -> Result<(), String> {
        let sessions: HashMap<Source, usize> =
            self.sessions.iter().map(|(source, count)| (*source, *count as usize)).collect();
        let ranking: BTreeSet<_> = self.unused.keys().map(|source| (self.count(*source), *source)).collect();
        let is_listed = self.unused.values().all(|unused| !unused.is_empty());
        if sessions != *counted || ranking != self.ranking || !is_listed {
            return Err(format!("V19: the sources are {counted:?}, counted {self:?}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SourceId {
        text.parse::<std::net::IpAddr>().expect("an address").into()
    }

    #[test]
    fn a_host_with_many_addresses_is_one_source() {
        assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2:ffff::"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }

    #[test]
    fn the_source_with_most_sessions_is_asked_first() {
        let mut sources = Sources::default();
        let hosts: Vec<Source> = (1..=3).map(|host| Some([10, 0, 0, host].into())).collect();
        for (host, sessions) in hosts.iter().zip([2, 3, 5]) {
            (0..sessions).for_each(|_| sources.add(*host));
        }
        let key = |index| SessionKey { index, serial: u64::from(index) };
        sources.list(hosts[0], key(1), |_| true);
        sources.list(hosts[1], key(2), |_| true);
        assert_eq!(sources.largest(9), [hosts[1], hosts[0]], "the third has none to evict");
        assert_eq!(sources.largest(1), [hosts[1]]);
        assert_eq!((sources.next_unused(hosts[1]), sources.next_unused(hosts[1])), (Some(key(2)), None));
        assert_eq!(sources.largest(9), [hosts[0]]);
        sources.remove(hosts[0]);
        sources.remove(hosts[0]);
        assert_eq!((sources.largest(9), sources.sessions(hosts[0])), (vec![], 0));
    }
}
