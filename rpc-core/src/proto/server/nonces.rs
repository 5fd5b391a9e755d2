//! Layer 2: the nonces with which sessions were opened: of those that stand, and for a while of those that have ended.

use std::collections::{HashMap, VecDeque};

use super::keys::SessionKey;
use crate::ids::{Nonce, Time};
use crate::limits::ENDED_NONCES;

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

/// The nonces of a loop.
///
/// Invariants: `order` has each entry of `ended` with its time, oldest first, and [`ENDED_NONCES`] entries at most (V10).
#[derive(Clone, Debug, Default)]
pub(super) struct Nonces {
    /// The sessions that stand, by their nonces.
    open: HashMap<Nonce, SessionKey>,
    /// The nonces of sessions that have ended, with the times at which they are forgotten.
    ended: HashMap<Nonce, Time>,
    /// The same, in the order in which they ended.
    order: VecDeque<(Time, Nonce)>,
}

impl Nonces {
    /// Returns the session that a nonce stands for.
    pub(super) fn find(&self, nonce: Nonce, now: Time) -> Known {
        match (self.open.get(&nonce), self.ended.get(&nonce)) {
            (Some(key), _) => Known::Open(*key),
            (None, Some(forget_at)) if *forget_at > now => Known::Ended,
            (None, _) => Known::Never,
        }
    }

    /// Notes that a session was opened.
    pub(super) fn open(&mut self, nonce: Nonce, key: SessionKey) {
        self.open.insert(nonce, key);
    }

    /// Notes that a session has ended. Its nonce is remembered until `forget_at`.
    pub(super) fn end(&mut self, nonce: Nonce, now: Time, forget_at: Time) {
        self.open.remove(&nonce);
        while let Some((due, oldest)) = self.order.front().copied() {
            if due > now && self.order.len() < ENDED_NONCES {
                break;
            }
            self.order.pop_front();
            if self.ended.get(&oldest) == Some(&due) {
                self.ended.remove(&oldest); // else it has ended again, and has a later entry
            }
        }
        self.ended.insert(nonce, forget_at);
        self.order.push_back((forget_at, nonce));
        debug_assert!(self.order.len() <= ENDED_NONCES, "V10: nonces of ended sessions");
    }
}

#[cfg(feature = "__inspection")]
impl Nonces {
    /// Returns the nonces of ended sessions, oldest first.
    pub(super) fn ended(&self) -> impl Iterator<Item = (Time, Nonce)> {
        self.order.iter().copied()
    }

    /// Checks that the sums agree with their parts. `sessions`: those that were opened with a nonce and stand.
    pub(super) fn audit(&self, sessions: usize) -> Result<(), String> {
        if self.open.len() != sessions {
            return Err(format!("{} nonces stand for {sessions} sessions", self.open.len()));
        }
        if self.ended.len() > self.order.len() || self.order.len() > ENDED_NONCES {
            return Err(format!("V10: {} nonces of ended sessions", self.order.len()));
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

    #[test]
    fn v10_the_oldest_nonces_go_first_and_none_stays_for_ever() {
        let mut nonces = Nonces::default();
        for number in 0..=ENDED_NONCES {
            nonces.end(nonce(number), Time(5), Time(1000));
        }
        assert_eq!(nonces.order.len(), ENDED_NONCES);
        assert_eq!(nonces.find(nonce(0), Time(5)), Known::Never, "the oldest one");
        assert_eq!(nonces.find(nonce(1), Time(999)), Known::Ended);
        assert_eq!(nonces.find(nonce(1), Time(1000)), Known::Never, "its time is over");
        nonces.end(nonce(0), Time(1000), Time(2000));
        assert_eq!((nonces.order.len(), nonces.ended.len()), (1, 1));
    }
}
