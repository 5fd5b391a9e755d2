//! Layer 2: the terms that clients and the server agree on, kept once for sessions that have the same.

use std::sync::Arc;

use crate::limits::TERMS_SHARED;
use crate::wire::message::Agreement;

/// The properties that a client and the server agree on at the first HELLO. They are fixed for the session's life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// The feature bits that both sides have.
    pub(super) features: u32,
    /// The services that the client named, with the hashes of their contracts.
    pub(super) services: Vec<(String, u64)>,
    /// The fingerprints of their types; empty if the client said none.
    pub(super) types: Vec<u64>,
    /// The server's judgement on each of them.
    pub(super) agreements: Vec<Agreement>,
}

/// The terms of the last sessions that had other ones than those before. The clients of a server are of a few builds, so nearly
/// every session shares its terms with another one, and costs a pointer for them.
///
/// Invariant: at most [`TERMS_SHARED`] terms, no two the same.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedTerms {
    /// The terms.
    recent: Vec<Arc<Terms>>,
    /// The index of the terms that are replaced next.
    next: usize,
}

impl SharedTerms {
    /// Returns the same terms, shared with the sessions that have them if they are known.
    pub(super) fn share(&mut self, terms: Arc<Terms>) -> Arc<Terms> {
        if let Some(known) = self.recent.iter().find(|known| **known == terms) {
            return Arc::clone(known);
        }
        if self.recent.len() < TERMS_SHARED {
            self.recent.push(Arc::clone(&terms));
        } else if let Some(oldest) = self.recent.get_mut(self.next) {
            *oldest = Arc::clone(&terms);
            self.next = (self.next + 1) % TERMS_SHARED;
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(features: u32) -> Arc<Terms> {
        Arc::new(Terms { features, ..Terms::default() })
    }

    #[test]
    fn equal_terms_are_kept_once_and_the_oldest_of_many_are_forgotten() {
        let mut shared = SharedTerms::default();
        let first = shared.share(terms(0));
        assert!(Arc::ptr_eq(&first, &shared.share(terms(0))));
        for features in 1..=TERMS_SHARED as u32 {
            assert_eq!(shared.share(terms(features)).features, features);
        }
        assert_eq!(shared.recent.len(), TERMS_SHARED);
        assert_eq!(Arc::strong_count(&first), 1, "the oldest one");
        let last = shared.share(terms(TERMS_SHARED as u32));
        assert_eq!(Arc::strong_count(&last), 2, "here, and in the list");
    }
}
