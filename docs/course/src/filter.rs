//! Exercise 5: the duplicate filter of a server.

use std::marker::PhantomData;
use std::sync::Arc;

use fastrand::Rng;

use crate::judge::{Fault, Judge};
use crate::orphans::Reference as ReferenceSlots;
use crate::tiny::{self, Plan};

/// The server's next step for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Run the handler. Its reply is then given to [`Filter::finish`].
    Run,
    /// Send this kept reply again.
    Reply(Arc<str>),
    /// Do nothing.
    Ignore,
}

/// The part that the reader writes.
pub trait Filter {
    /// Decides about a request that has arrived.
    fn admit(&mut self, slot: usize, seq: u64) -> Decision;

    /// The handler of this call has returned with this reply.
    fn finish(&mut self, slot: usize, seq: u64, reply: Arc<str>);
}

/// A right filter, for the judges of other exercises.
#[derive(Default)]
pub(crate) struct Reference(Vec<(u64, Option<Arc<str>>)>);

impl Reference {
    fn record(&mut self, slot: usize) -> &mut (u64, Option<Arc<str>>) {
        if self.0.len() <= slot {
            self.0.resize(slot + 1, (0, None));
        }
        &mut self.0[slot]
    }
}

impl Filter for Reference {
    fn admit(&mut self, slot: usize, seq: u64) -> Decision {
        let record = self.record(slot);
        if seq > record.0 {
            *record = (seq, None);
            return Decision::Run;
        }
        match &record.1 {
            Some(reply) if seq == record.0 => Decision::Reply(Arc::clone(reply)),
            _ => Decision::Ignore,
        }
    }

    fn finish(&mut self, slot: usize, seq: u64, reply: Arc<str>) {
        let record = self.record(slot);
        if record.0 == seq {
            record.1 = Some(reply);
        }
    }
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: Filter + Default> Judge for Course<M> {
    type Case = Plan;

    fn draw(random: &mut Rng, size: usize) -> Plan {
        Plan::draw(random, size, false)
    }

    fn simpler(case: &Plan) -> Vec<Plan> {
        case.simpler()
    }

    fn play(case: &Plan) -> Result<(), Fault> {
        tiny::play(case, &mut ReferenceSlots::new(case.slots), &mut M::default())
    }
}
