//! Exercise 6: the slots of a client, some of whose callers give up.

use std::marker::PhantomData;

use fastrand::Rng;

use crate::filter::Reference as ReferenceFilter;
use crate::judge::{Fault, Judge};
use crate::tiny::{self, Plan};

/// The part that the reader writes.
pub trait Slots {
    /// Gives a new call a slot and a number, or `None` if no slot is free.
    fn take(&mut self) -> Option<(usize, u64)>;

    /// A reply has arrived. Returns true if its caller waits for it.
    fn reply(&mut self, slot: usize, seq: u64) -> bool;

    /// The caller of the call in this slot no longer waits.
    fn give_up(&mut self, slot: usize);
}

/// The reader's slots, made for a number of them.
pub trait New: Slots {
    /// Returns `count` slots, all free.
    fn new(count: usize) -> Self;
}

/// Right slots without callers that give up, for the judges of other exercises: the number of the last call, and if it is under way.
pub(crate) struct Reference(Vec<(u64, bool)>);

impl Reference {
    pub(crate) fn new(count: usize) -> Self {
        Reference(vec![(0, false); count])
    }
}

impl Slots for Reference {
    fn take(&mut self) -> Option<(usize, u64)> {
        let (at, slot) = self.0.iter_mut().enumerate().find(|(_, slot)| !slot.1)?;
        *slot = (slot.0 + 1, true);
        Some((at, slot.0))
    }

    fn reply(&mut self, slot: usize, seq: u64) -> bool {
        let slot = &mut self.0[slot];
        slot.0 == seq && std::mem::take(&mut slot.1)
    }

    fn give_up(&mut self, _: usize) {}
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: New> Judge for Course<M> {
    type Case = Plan;

    fn draw(random: &mut Rng, size: usize) -> Plan {
        Plan::draw(random, size, true)
    }

    fn simpler(case: &Plan) -> Vec<Plan> {
        case.simpler()
    }

    fn play(case: &Plan) -> Result<(), Fault> {
        tiny::play(case, &mut M::new(case.slots), &mut ReferenceFilter::default())
    }
}
