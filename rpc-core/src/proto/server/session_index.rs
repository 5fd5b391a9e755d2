//! Layer 2: finds a session by a value that it has: its name on the wire, or the nonce with which it was opened.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash, RandomState};

/// The indices of sessions, by the hash of a value. The value itself is in the session only, which is asked if it is the right one: so
/// an entry takes eight bytes, where a map from the value would take 33.
///
/// The hash has a key of its own: a peer that chooses its nonces cannot choose those that collide.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionIndex {
    /// The hashes, with the indices of the sessions.
    entries: BTreeSet<(u32, u32)>,
    /// The key of the hash.
    key: RandomState,
}

impl SessionIndex {
    /// Returns the index of the session with this value. `has_it` says if the session of an index has it.
    pub(super) fn find(&self, value: &impl Hash, has_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(value);
        let mut same = self.entries.range((hash, 0)..=(hash, u32::MAX)).map(|(_, index)| *index);
        same.find(|index| has_it(*index))
    }

    /// Adds a session with this value.
    pub(super) fn insert(&mut self, value: &impl Hash, index: u32) {
        let is_new = self.entries.insert((self.hash(value), index));
        assert!(is_new, "V9: a session is entered once");
    }

    /// Removes a session with this value.
    pub(super) fn remove(&mut self, value: &impl Hash, index: u32) {
        let was_there = self.entries.remove(&(self.hash(value), index));
        assert!(was_there, "V9: a session that ends was entered with the same value");
    }

    /// Returns the number of sessions.
    #[cfg(any(test, feature = "__inspection"))]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn hash(&self, value: &impl Hash) -> u32 {
        self.key.hash_one(value) as u32 // half of it: with a million sessions, one search in 4,000 asks two
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value whose hash is the same as that of all others.
    #[derive(PartialEq)]
    struct Same(u8);

    impl Hash for Same {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }

    #[test]
    fn of_sessions_whose_values_collide_each_is_found_by_its_own() {
        let (mut index, values) = (SessionIndex::default(), [Same(5), Same(6), Same(7)]);
        for (at, value) in (0..).zip(&values) {
            index.insert(value, at);
        }
        let find =
            |index: &SessionIndex, wanted: Same| index.find(&wanted, |at| values[at as usize] == wanted);
        assert_eq!([5, 6, 7, 8].map(|wanted| find(&index, Same(wanted))), [Some(0), Some(1), Some(2), None]);
        index.remove(&values[1], 1);
        assert_eq!([5, 6, 7].map(|wanted| find(&index, Same(wanted))), [Some(0), None, Some(2)]);
        assert_eq!(index.len(), 2);
    }

    #[test]
    #[should_panic(expected = "V9")]
    fn a_session_that_was_not_entered_is_not_removed() {
        SessionIndex::default().remove(&1, 1);
    }
}
