//! Layer 2: the records of a session's slots: one for each slot that was used, wherever it is.
//!
//! ```text
//! slot:    0  1  2  3  4  5 .. 1,023
//! used:    x  x  x     x       x
//!          '------'    '-------'
//!           dense         far          slot 3 is used: 3 and 4 are dense
//! ```

use std::collections::BTreeMap;

use super::record::Record;
use crate::ids::Slot;

/// The records of the slots used so far.
///
/// Most clients use the lowest slots first, so nearly every record is found by its index. A client that begins with its last slot
/// pays for one record, and not for all those below it.
///
/// Invariants: `dense` has the slots from 0 on, without a gap. Every slot in `far` is above `dense.len()`: the slot at
/// `dense.len()` was not used yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// The records of the lowest slots, by slot.
    dense: Vec<Record>,
    /// The records of slots beyond the first one that was not used, if there are any.
    far: Option<Box<Far>>,
}

/// The records of slots beyond the first one that was not used. Few sessions have any, so the others pay for a pointer.
#[derive(Clone, Debug, Default)]
struct Far(BTreeMap<Slot, Record>);

impl Records {
    /// Returns the record of a slot, made on first use. The caller has checked that there is such a slot.
    #[inline] // once for each frame about a call
    pub(super) fn of(&mut self, slot: Slot) -> Option<&mut Record> {
        if usize::from(slot) >= self.dense.len() {
            return self.of_far(slot);
        }
        self.dense.get_mut(usize::from(slot))
    }

    /// Returns the record of a slot that is not dense, made on first use.
    #[cold]
    fn of_far(&mut self, slot: Slot) -> Option<&mut Record> {
        if usize::from(slot) > self.dense.len() {
            return Some(self.far.get_or_insert_default().0.entry(slot).or_insert(Record::EMPTY));
        }
        if self.dense.is_empty() {
            self.dense.reserve_exact(1); // many clients make one call at a time, and a vector begins with room for four
        }
        self.dense.push(Record::EMPTY);
        while let Some(record) = self.take_next() {
            self.dense.push(record); // each record moves once
        }
        self.dense.get_mut(usize::from(slot))
    }

    /// Takes the record of the lowest slot that is not dense, if it was used.
    fn take_next(&mut self) -> Option<Record> {
        let next = Slot::try_from(self.dense.len()).ok()?;
        let far = &mut self.far.as_mut()?.0;
        let record = far.remove(&next);
        if far.is_empty() {
            self.far = None;
        }
        record
    }

    /// Returns the record of a slot, if it was used.
    pub(super) fn get(&self, slot: Slot) -> Option<&Record> {
        self.dense.get(usize::from(slot)).or_else(|| self.far.as_ref()?.0.get(&slot))
    }

    /// Returns the record of a slot, to be changed, if it was used.
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Record> {
        self.dense.get_mut(usize::from(slot)).or_else(|| self.far.as_mut()?.0.get_mut(&slot))
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.dense.len() + self.far.as_ref().map_or(0, |far| far.0.len())
    }

    /// Returns the number of dense records for which there is room.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.dense.capacity()
    }

    /// Returns the records in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Record)> {
        let dense = (0..).zip(&self.dense);
        dense.chain(self.far.iter().flat_map(|far| far.0.iter()).map(|(slot, record)| (*slot, record)))
    }

    /// Checks the invariants.
    #[cfg(any(test, feature = "__inspection"))]
    pub(super) fn audit(&self) -> Result<(), String> {
        let first = self.far.as_ref().and_then(|far| far.0.keys().next()).map(|slot| usize::from(*slot));
        if first.is_some_and(|first| first <= self.dense.len()) {
            return Err(format!("V10: slot {first:?} is far, although {} are dense", self.dense.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses a slot, and gives its record a number of its own.
    fn used(records: &mut Records, slot: Slot) {
        records.of(slot).expect("a record").last = u64::from(slot) + 1;
        records.audit().expect("the invariants hold");
    }

    fn slots(records: &Records) -> Vec<Slot> {
        assert!(records.iter().all(|(slot, record)| record.last == u64::from(slot) + 1));
        records.iter().map(|(slot, _)| slot).collect()
    }

    #[test]
    fn a_slot_costs_one_record_wherever_it_is() {
        let mut records = Records::default();
        used(&mut records, 1023);
        assert_eq!((records.len(), records.dense.capacity()), (1, 0));
        used(&mut records, 0);
        used(&mut records, 2);
        assert_eq!((records.len(), records.dense.len()), (3, 1));
    }

    #[test]
    fn a_gap_that_closes_makes_what_was_far_dense() {
        let mut records = Records::default();
        for slot in [0, 3, 2, 5, 1] {
            used(&mut records, slot);
        }
        assert_eq!(slots(&records), [0, 1, 2, 3, 5]);
        assert_eq!((records.dense.len(), records.len()), (4, 5));
        used(&mut records, 4);
        assert_eq!((records.dense.len(), records.len()), (6, 6));
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
            assert!(slots(&records) == (0..40).collect::<Vec<_>>() && records.far.is_none());
        }
    }
}
