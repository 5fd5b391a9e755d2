//! The states that one machine was seen in, each stored once, and what each step did to it: a machine is run once for each state and step.
//!
//! ```text
//! (state 17, step "CALL 0/1 arrives") --run once--> (state 23, effects "REPLY 0/1 is sent")
//! ```
//! Two states are one if their canonical forms are equal. A search of the whole system then only has to join numbers.
//!
//! That equal forms behave equally is looked at all the while: of one state in [`TWIN_EVERY`] a second specimen is kept,
//! which was reached in another way, and each step is done to both.

use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustc_hash::FxHashMap;

use super::bounds::Bounds;
use super::frames::Frames;
use super::quiet;

/// Names a state of a machine.
pub type MachineId = u32;

/// A machine of the system: a client or the server, with its clock.
pub trait Machine: Clone + fmt::Debug {
    /// A step that can be done to it.
    type Step: Copy + Eq + Hash + fmt::Debug;
    /// The effects of a step, as seen from outside.
    type Effects: Default + PartialEq + fmt::Debug;
    /// The facts that a search must know about a state.
    type Facts: Copy + fmt::Debug;

    /// Does a step.
    ///
    /// # Errors
    /// The rule that is broken then.
    fn step(
        &mut self,
        step: Self::Step,
        frames: &mut Frames,
        bounds: &Bounds,
    ) -> Result<Self::Effects, String>;

    /// Returns the name of the canonical form.
    fn canonical_hash(&self) -> u128;

    /// Returns the facts of this state.
    fn facts(&self) -> Self::Facts;
}

/// Of one state in so many a second specimen is kept: it takes as much memory as the first.
pub const TWIN_EVERY: MachineId = 4;

/// All states of one machine.
#[derive(Debug)]
pub struct States<M: Machine> {
    all: Vec<(M, u128, M::Facts)>,
    twins: FxHashMap<MachineId, M>,
    ids: FxHashMap<u128, MachineId>,
    done: FxHashMap<(MachineId, M::Step), (MachineId, u32)>,
    effects: Vec<Result<M::Effects, String>>,
}

impl<M: Machine> States<M> {
    /// Returns the states, and the name of the first one.
    pub fn new(first: M) -> (Self, MachineId) {
        let mut states = States {
            all: Vec::new(),
            twins: FxHashMap::default(),
            ids: FxHashMap::default(),
            done: FxHashMap::default(),
            effects: Vec::new(),
        };
        let id = states.id_of(first);
        (states, id)
    }

    /// Returns how many states were met.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns true if no state was met.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns how many steps were run.
    pub fn runs(&self) -> usize {
        self.done.len()
    }

    /// Returns the facts of a state.
    pub fn facts(&self, id: MachineId) -> M::Facts {
        self.all[id as usize].2
    }

    /// Returns the name of a state's canonical form.
    pub fn hash(&self, id: MachineId) -> u128 {
        self.all[id as usize].1
    }

    /// Returns a state.
    pub fn get(&self, id: MachineId) -> &M {
        &self.all[id as usize].0
    }

    /// Does a step, unless it is known what it does.
    ///
    /// # Errors
    /// The rule that is broken then.
    pub fn step(
        &mut self,
        id: MachineId,
        step: M::Step,
        frames: &mut Frames,
        bounds: &Bounds,
    ) -> Result<(MachineId, &M::Effects), &String> {
        let (next, effects) = match self.done.get(&(id, step)) {
            Some(known) => *known,
            None => {
                let (machine, mut effects) = run(self.get(id), step, frames, bounds);
                if let Some(twin) = self.twins.get(&id) {
                    let (other, same) = run(twin, step, frames, bounds);
                    if effects != same || machine.canonical_hash() != other.canonical_hash() {
                        effects = Err(format!("two states with one canonical form differ after {step:?}"));
                    }
                }
                let next = if effects.is_ok() { self.id_of(machine) } else { id };
                self.effects.push(effects);
                let place = (self.effects.len() - 1) as u32; // below 2^32: each takes more than a byte of memory
                self.done.insert((id, step), (next, place));
                (next, place)
            }
        };
        self.effects[effects as usize].as_ref().map(|effects| (next, effects))
    }

    fn id_of(&mut self, machine: M) -> MachineId {
        let hash = machine.canonical_hash();
        let next = self.all.len() as MachineId; // below 2^32, as above
        let id = *self.ids.entry(hash).or_insert(next);
        if id == next {
            let facts = machine.facts();
            self.all.push((machine, hash, facts));
        } else if id % TWIN_EVERY == 0 {
            self.twins.entry(id).or_insert(machine);
        }
        id
    }
}

/// Does a step to a copy. A panic in it is a broken rule.
fn run<M: Machine>(
    machine: &M,
    step: M::Step,
    frames: &mut Frames,
    bounds: &Bounds,
) -> (M, Result<M::Effects, String>) {
    let mut machine = machine.clone();
    let done = catch_unwind(AssertUnwindSafe(|| quiet::while_quiet(|| machine.step(step, frames, bounds))));
    let effects = done.unwrap_or_else(|panic| Err(format!("assertion: {}", text_of(&*panic))));
    (machine, effects)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::bounds::PLAIN;

    /// A machine with a number that its canonical form leaves out.
    #[derive(Clone, Debug)]
    struct Forgetful {
        shown: u8,
        hidden: u8,
    }

    impl Machine for Forgetful {
        type Step = u8;
        type Effects = u8;
        type Facts = ();

        fn step(&mut self, step: u8, _: &mut Frames, _: &Bounds) -> Result<u8, String> {
            match step {
                0 => self.hidden += 1,
                step => self.shown = step,
            }
            Ok(if step == 2 { self.hidden } else { 0 })
        }

        fn canonical_hash(&self) -> u128 {
            self.shown.into()
        }

        fn facts(&self) {}
    }

    #[test]
    fn a_canonical_form_that_leaves_something_out_is_found() {
        let (mut states, first) = States::new(Forgetful { shown: 0, hidden: 0 });
        let mut frames = Frames::default();
        let (same, _) = states.step(first, 0, &mut frames, &PLAIN).expect("it is not seen yet");
        assert_eq!(same, first);
        let differs = states.step(first, 2, &mut frames, &PLAIN).expect_err("the specimens differ");
        assert!(differs.contains("one canonical form"), "{differs}");
    }
}
