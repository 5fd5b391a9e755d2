//! Layer 2: the records of a session's slots: one for each slot that was used, wherever it is.
//!
//! ```text
//! slot:    0  1  2  3  4  5 .. 1,023
//! used:    x  x  x     x       x
//!      first  '--'     '-------'
//!            dense        far          slot 3 is used: 3 and 4 are dense
//! ```

use std::collections::BTreeMap;

use super::record::{CallState, Record};
use crate::ids::Slot;

/// The records of the slots used so far.
///
/// Many clients make one call at a time: the record of slot 0 is here, and there is nothing else. Most others use the lowest slots first,
/// so nearly every record is found by its index. A client that begins with its last slot pays for one record, and not for all those
/// below it.
///
/// Invariants: `dense` has the slots from 1 on, without a gap. Every slot in `far` is above those: the slot behind the last dense one
/// was not used yet.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// The record of slot 0; empty if that was not used.
    first: Record,
    /// The records of the other slots, if any was used.
    others: Option<Box<Others>>,
}

/// The records of the slots from 1 on.
#[derive(Clone, Debug, Default)]
struct Others {
    /// The records of the lowest slots, by slot - 1.
    dense: Vec<Record>,
    /// The records of slots beyond the first one that was not used.
    far: BTreeMap<Slot, Record>,
}

impl Default for Records {
    fn default() -> Self {
        Records { first: Record::EMPTY, others: None }
    }
}

impl Records {
    /// Returns the record of a slot, made on first use. The caller has checked that there is such a slot.
    #[inline] // once for each frame about a call
    pub(super) fn of(&mut self, slot: Slot) -> Option<&mut Record> {
        let Some(at) = usize::from(slot).checked_sub(1) else { return Some(&mut self.first) };
        if self.others.as_ref().is_none_or(|others| at >= others.dense.len()) {
            return self.of_far(slot, at);
        }
        self.others.as_mut()?.dense.get_mut(at)
    }

    /// Returns the record of a slot that is not dense, made on first use. In `dense` it would be `at`.
    #[cold]
    fn of_far(&mut self, slot: Slot, at: usize) -> Option<&mut Record> {
        let others = self.others.get_or_insert_default();
        if at > others.dense.len() {
            return Some(others.far.entry(slot).or_insert(Record::EMPTY));
        }
        others.dense.push(Record::EMPTY);
        while let Some(record) = others.take_next() {
            others.dense.push(record); // each record moves once
        }
        others.dense.get_mut(at)
    }

    /// Returns the record of a slot, if it was used.
    pub(super) fn get(&self, slot: Slot) -> Option<&Record> {
        match usize::from(slot).checked_sub(1) {
            None => Some(&self.first).filter(|first| is_used(first)),
            Some(at) => {
                let others = self.others.as_ref()?;
                others.dense.get(at).or_else(|| others.far.get(&slot))
            }
        }
    }

    /// Returns the record of a slot, to be changed, if it was used.
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Record> {
        match usize::from(slot).checked_sub(1) {
            None => Some(&mut self.first).filter(|first| is_used(first)),
            Some(at) => {
                let others = self.others.as_mut()?;
                others.dense.get_mut(at).or_else(|| others.far.get_mut(&slot))
            }
        }
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| others.dense.len() + others.far.len());
        usize::from(is_used(&self.first)) + others
    }

    /// Returns the records in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Record)> {
        let first = Some((0, &self.first)).filter(|(_, first)| is_used(first));
        let dense = self.others.iter().flat_map(|others| (1..).zip(&others.dense));
        let far = self.others.iter().flat_map(|others| &others.far).map(|(slot, record)| (*slot, record));
        first.into_iter().chain(dense).chain(far)
    }

    /// Checks the invariants.
    #[cfg(any(test, feature = "__inspection"))]
    pub(super) fn audit(&self) -> Result<(), String> {
        let Some(others) = &self.others else { return Ok(()) };
        let first = others.far.keys().next().map(|slot| usize::from(*slot));
        if first.is_some_and(|first| first <= others.dense.len() + 1) {
            return Err(format!("V10: slot {first:?} is far, although {} are dense", others.dense.len()));
        }
        Ok(())
    }
}

/// Returns true if a record was used: it has had a call.
fn is_used(record: &Record) -> bool {
    record.state != CallState::Empty
}

impl Others {
    /// Takes the record of the lowest slot that is not dense, if it was used.
    fn take_next(&mut self) -> Option<Record> {
        self.far.remove(&Slot::try_from(self.dense.len() + 1).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses a slot, and gives its record a number of its own.
    fn used(records: &mut Records, slot: Slot) {
        records.of(slot).expect("a record").advance(u64::from(slot) + 1, 0);
        records.audit().expect("the invariants hold");
    }

    fn dense(records: &Records) -> usize {
        records.others.as_ref().map_or(0, |others| others.dense.len())
    }

    fn slots(records: &Records) -> Vec<Slot> {
        assert!(records.iter().all(|(slot, record)| record.last == u64::from(slot) + 1));
        records.iter().map(|(slot, _)| slot).collect()
    }

    #[test]
    fn a_slot_costs_one_record_wherever_it_is() {
        let mut records = Records::default();
        used(&mut records, 1023);
        assert_eq!((records.len(), dense(&records)), (1, 0));
        used(&mut records, 0);
        used(&mut records, 1);
        used(&mut records, 3);
        assert_eq!((records.len(), dense(&records)), (4, 1));
    }

    #[test]
    fn a_client_that_makes_one_call_at_a_time_has_one_record_and_nothing_beside_it() {
        let mut records = Records::default();
        assert_eq!((records.len(), records.iter().count(), records.get(0).is_some()), (0, 0, false));
        used(&mut records, 0);
        assert!(records.len() == 1 && records.others.is_none());
        assert!(size_of::<Records>() <= 40, "{}", size_of::<Records>());
    }

    #[test]
    fn a_gap_that_closes_makes_what_was_far_dense() {
        let mut records = Records::default();
        for slot in [0, 3, 2, 5, 1] {
            used(&mut records, slot);
        }
        assert_eq!(slots(&records), [0, 1, 2, 3, 5]);
        assert_eq!((dense(&records), records.len()), (3, 5));
        used(&mut records, 4);
        assert_eq!((dense(&records), records.len()), (5, 6));
    }

    #[test]
    fn every_order_of_first_use_ends_with_the_same_records() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..50 {
            let mut order: Vec<Slot> = (0..40).collect();
            random.shuffle(&mut order);
            let mut records = Records::default();
            for (count, slot) in order.into_iter().enumerate() {
                assert!(records.get(slot).is_none() && records.get_mut(slot).is_none());
                used(&mut records, slot);
                assert_eq!(records.len(), count + 1);
                assert_eq!(records.get(slot).map(|record| record.last), Some(u64::from(slot) + 1));
            }
            assert!(slots(&records) == (0..40).collect::<Vec<_>>() && dense(&records) == 39);
        }
    }
}
