//! Layer 2: the addresses from which sessions are opened: how many each has, and which of them may be evicted.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::keys::SessionKey;
use crate::proto::peer::SourceId;

/// The source that the bounds for each source count for; `None` if nothing is known of a peer.
pub(super) type Source = Option<SourceId>;

/// The sessions of one source.
#[derive(Clone, Debug, Default)]
struct Share {
    /// The number of its sessions.
    sessions: usize,
    /// Its sessions that were detached before any call, oldest first. Ended ones may be among them.
    unused: VecDeque<SessionKey>,
}

/// The sources of all sessions of a loop.
///
/// Invariants: a source has a share while it has sessions. `ranking` has the sources whose `unused` is not empty, with the number of
/// their sessions. After each [`Sources::list`], `unused.len() <= 2 * sessions + 8` for its source.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// The shares, by address.
    shares: HashMap<Source, Share>,
    /// The sources that may have a session to evict, by the number of their sessions.
    ranking: BTreeSet<(usize, Source)>,
}

impl Sources {
    /// Returns the number of sessions of a source.
    pub(super) fn sessions(&self, source: Source) -> usize {
        self.shares.get(&source).map_or(0, |share| share.sessions)
    }

    /// Counts a session.
    pub(super) fn add(&mut self, source: Source) {
        self.change(source, |share| share.sessions += 1);
    }

    /// Counts a session no longer.
    pub(super) fn remove(&mut self, source: Source) {
        self.change(source, |share| share.sessions -= 1);
    }

    /// Lists a session as one that may be evicted, after all others of its source.
    ///
    /// Sessions that have ended are dropped from the list when they are more than half of it: each is looked at twice at most, and
    /// clients that only send HELLO do not fill the memory over the days.
    pub(super) fn list(&mut self, source: Source, key: SessionKey, is_there: impl Fn(SessionKey) -> bool) {
        self.change(source, |share| {
            share.unused.push_back(key);
            if share.unused.len() > 2 * share.sessions + 8 {
                share.unused.retain(|key| is_there(*key));
            }
        });
    }

    /// Takes the oldest session that may be evicted out of the list of a source.
    pub(super) fn next_unused(&mut self, source: Source) -> Option<SessionKey> {
        let mut next = None;
        if self.shares.contains_key(&source) {
            self.change(source, |share| next = share.unused.pop_front());
        }
        next
    }

    /// Returns the sources that may have a session to evict, those with most sessions first, and `most` of them at most.
    pub(super) fn largest(&self, most: usize) -> Vec<Source> {
        self.ranking.iter().rev().take(most).map(|(_, source)| *source).collect()
    }

    /// Changes the share of a source, and its place in the ranking with it.
    fn change(&mut self, source: Source, change: impl FnOnce(&mut Share)) {
        let share = self.shares.entry(source).or_default();
        let before = (share.sessions, source);
        change(share);
        let (now, is_listed) = ((share.sessions, source), !share.unused.is_empty());
        if share.sessions == 0 {
            self.shares.remove(&source); // or the map would grow with every address that ever connected
        }
        self.ranking.remove(&before);
        if is_listed && now.0 > 0 {
            self.ranking.insert(now);
        }
    }

    /// Returns the length of all lists, and the number of sources.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.shares.values().map(|share| share.unused.len()).sum(), self.shares.len())
    }

    /// Returns the sessions of a source that may be evicted, oldest first. Ended ones may be among them.
    #[cfg(test)]
    pub(super) fn listed(&self, source: Source) -> Vec<SessionKey> {
        self.shares.get(&source).map_or_else(Vec::new, |share| share.unused.iter().copied().collect())
    }

    /// Checks that each source has as many sessions as were `counted`.
    #[cfg(feature = "__inspection")]
    pub(super) fn audit(&self, counted: &HashMap<Source, usize>) -> Result<(), String> {
        let shares: HashMap<Source, usize> =
            self.shares.iter().map(|(source, share)| (*source, share.sessions)).collect();
        let listed = self.shares.iter().filter(|(_, share)| !share.unused.is_empty());
        let ranking: BTreeSet<_> = listed.map(|(source, share)| (share.sessions, *source)).collect();
        if shares != *counted || ranking != self.ranking {
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
