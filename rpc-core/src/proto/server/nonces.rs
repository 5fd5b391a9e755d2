//! Layer 2: the nonces of sessions that have ended, for a while. Those of sessions that stand are in the sessions themselves.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::keys::SessionKey;
use super::sources::Source;
use crate::ids::{Nonce, Time};
use crate::limits::{ENDED_NONCES, ENDED_NONCES_SHARE};

/// Most nonces of ended sessions of one source.
const OF_SOURCE: usize = ENDED_NONCES / ENDED_NONCES_SHARE;

/// The session that a nonce stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// No session was opened with it.
    Never,
    /// This session was, and stands.
    Open(SessionKey),
    /// A session was, and has ended: what its client sent must not run again.
    Ended,
}

/// The nonce of a session that has ended.
#[derive(Clone, Copy, Debug)]
struct EndedNonce {
    /// The nonce.
    nonce: Nonce,
    /// The source from which its session was opened.
    source: Source,
    /// The time at which it is forgotten.
    forget_at: Time,
}

/// The nonces of the sessions of a loop that have ended.
///
/// Invariants: `ended` has the number in `order` of each nonce in it, the newest one of those that are there twice. `of_source`
/// has all numbers in `order`, oldest first, and no source without one. There are [`ENDED_NONCES`] at most, and `OF_SOURCE` of
/// one source (V10, V19).
#[derive(Clone, Debug, Default)]
pub(super) struct Nonces {
    /// The nonces of sessions that have ended, with their numbers.
    ended: HashMap<Nonce, u64>,
    /// The same by their numbers, which ascend.
    order: BTreeMap<u64, EndedNonce>,
    /// The numbers of each source.
    of_source: HashMap<Source, VecDeque<u64>>,
    /// The last number.
    last: u64,
}

impl Nonces {
    /// Returns what is known of a nonce with which no session was opened that stands.
    pub(super) fn find(&self, nonce: Nonce, now: Time) -> Known {
        match self.ended.get(&nonce).and_then(|number| self.order.get(number)) {
            Some(ended) if ended.forget_at > now => Known::Ended,
            _ => Known::Never,
        }
    }

    /// Notes that a session of this source has ended. Its nonce is remembered until `forget_at`, unless there is no room: then
    /// the source at its bound loses its own oldest one, so that one peer cannot make the server forget those of others.
    pub(super) fn end(&mut self, nonce: Nonce, source: Source, now: Time, forget_at: Time) {
        while let Some((number, oldest)) = self.order.first_key_value() {
            if oldest.forget_at > now && self.order.len() < ENDED_NONCES {
                break;
            }
            self.forget(*number);
        }
        let of_source = self.of_source.get(&source);
        if let Some(oldest) = of_source.filter(|numbers| numbers.len() >= OF_SOURCE).and_then(VecDeque::front)
        {
            self.forget(*oldest);
        }
        self.last += 1;
        self.ended.insert(nonce, self.last);
        self.order.insert(self.last, EndedNonce { nonce, source, forget_at });
        self.of_source.entry(source).or_default().push_back(self.last);
    }

    /// Forgets the nonce with this number, which is the oldest of its source.
    fn forget(&mut self, number: u64) {
        let Some(EndedNonce { nonce, source, .. }) = self.order.remove(&number) else { return };
        if self.ended.get(&nonce) == Some(&number) {
            self.ended.remove(&nonce); // else it has ended again, and has a later number
        }
        let Some(numbers) = self.of_source.get_mut(&source) else { return };
        debug_assert!(numbers.front() == Some(&number), "the oldest of all is the oldest of its source");
        numbers.pop_front();
        if numbers.is_empty() {
            self.of_source.remove(&source); // or the map would grow with every address that ever connected
        }
    }
}

#[cfg(feature = "__inspection")]
impl Nonces {
    /// Returns the nonces of ended sessions, oldest first.
    pub(super) fn ended(&self) -> impl Iterator<Item = (Time, Nonce)> {
        self.order.values().map(|ended| (ended.forget_at, ended.nonce))
    }

    /// Checks that the sums agree with their parts.
    pub(super) fn audit(&self) -> Result<(), String> {
        if self.ended.len() > self.order.len() || self.order.len() > ENDED_NONCES {
            return Err(format!("V10: {} nonces of ended sessions", self.order.len()));
        }
        let counted: usize = self.of_source.values().map(VecDeque::len).sum();
        let most = self.of_source.values().map(VecDeque::len).max().unwrap_or_default();
        if counted != self.order.len() || most > OF_SOURCE {
            return Err(format!("V19: {counted} of {} nonces, {most} of a source", self.order.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(number: usize) -> Nonce {
        Nonce((number as u128).to_le_bytes())
    }

    fn source(number: usize) -> Source {
        Some([10, 0, 0, number as u8].into())
    }

    #[test]
    fn v10_the_oldest_nonces_go_first_and_none_stays_for_ever() {
        let mut nonces = Nonces::default();
        for number in 0..=ENDED_NONCES {
            nonces.end(nonce(number), source(number % 8), Time(5), Time(1000));
        }
        assert_eq!(nonces.order.len(), ENDED_NONCES);
        assert_eq!(nonces.find(nonce(0), Time(5)), Known::Never, "the oldest one");
        assert_eq!(nonces.find(nonce(1), Time(999)), Known::Ended);
        assert_eq!(nonces.find(nonce(1), Time(1000)), Known::Never, "its time is over");
        nonces.end(nonce(0), source(0), Time(1000), Time(2000));
        assert_eq!((nonces.order.len(), nonces.ended.len(), nonces.of_source.len()), (1, 1, 1));
    }

    #[test]
    fn v19_a_source_that_ends_sessions_without_pause_makes_the_server_forget_none_of_others() {
        let mut nonces = Nonces::default();
        nonces.end(nonce(0), source(1), Time(5), Time(1000));
        for number in 1..=ENDED_NONCES + 9 {
            nonces.end(nonce(number), source(2), Time(5), Time(1000));
        }
        assert_eq!(nonces.find(nonce(0), Time(5)), Known::Ended, "of another source");
        assert_eq!(nonces.order.len(), 1 + OF_SOURCE);
        assert_eq!(nonces.find(nonce(ENDED_NONCES + 9), Time(5)), Known::Ended);
        let kept = ENDED_NONCES + 9 - OF_SOURCE;
        assert_eq!(nonces.find(nonce(kept), Time(5)), Known::Never, "its own oldest ones");
        assert_eq!(nonces.find(nonce(kept + 1), Time(5)), Known::Ended);
    }

    #[test]
    fn a_nonce_that_ends_twice_is_remembered_for_the_time_of_the_second_end() {
        let mut nonces = Nonces::default();
        nonces.end(nonce(1), source(1), Time(5), Time(1000));
        nonces.end(nonce(1), source(2), Time(10), Time(2000));
        nonces.end(nonce(2), source(1), Time(1000), Time(3000));
        assert_eq!(nonces.find(nonce(1), Time(1999)), Known::Ended);
        assert_eq!((nonces.order.len(), nonces.ended.len()), (2, 2));
    }
}
