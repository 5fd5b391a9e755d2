//! Exercise 8: a vote that is decided by the majority, and leaves no thread behind.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;

use crate::judge::{Fault, Judge, fault};
use crate::story::tell;
use crate::threads::{self, block, broken, object, point, wake};

/// A voter.
pub struct Voter {
    number: usize,
    says: bool,
    is_slow: bool,
    /// The time at which slow voters answer: when the collector has returned.
    late: Arc<Late>,
}

impl Voter {
    /// Asks the voter, and waits for its answer.
    pub fn ask(&self) -> bool {
        point();
        while self.is_slow && !self.late.has_come.load(Ordering::SeqCst) {
            block(self.late.waits, "for the answer of a slow voter");
        }
        tell(format!("voter {} says {}", self.number, if self.says { "yes" } else { "no" }));
        self.says
    }

    /// Returns its number, for the name of a thread.
    pub fn number(&self) -> usize {
        self.number
    }
}

/// A time: has it come, and what waits for it.
struct Late {
    has_come: AtomicBool,
    waits: threads::Object,
}

/// The part that the reader writes.
pub trait Vote {
    /// Asks all voters at the same time. Returns true as soon as `need` of them have said yes, and false as soon as that is impossible.
    fn majority(voters: Vec<Voter>, need: usize) -> bool;
}

/// The voters, and a schedule.
#[derive(Clone)]
pub struct Ballot {
    /// The answer of each voter, and true if it is slow.
    voters: Vec<(bool, bool)>,
    schedule: Vec<u8>,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

fn need(count: usize) -> usize {
    count / 2 + 1
}

impl<M: Vote> Judge for Course<M> {
    type Case = Ballot;
    const STORIES: u64 = threads::STORIES;

    fn draw(random: &mut Rng, size: usize) -> Ballot {
        let voters =
            (0..random.usize(1..=3 + size / 2)).map(|_| (random.bool(), random.u8(0..3) == 0)).collect();
        Ballot { voters, schedule: threads::draw(random, size) }
    }

    fn simpler(case: &Ballot) -> Vec<Ballot> {
        let mut simpler = Vec::new();
        for at in 0..case.voters.len() {
            let mut fewer = case.clone();
            fewer.voters.remove(at);
            simpler.push(fewer);
            if case.voters[at].1 {
                let mut quicker = case.clone();
                quicker.voters[at].1 = false;
                simpler.push(quicker);
            }
        }
        simpler.extend(
            threads::simpler(&case.schedule).into_iter().map(|schedule| Ballot { schedule, ..case.clone() }),
        );
        simpler.retain(|ballot| !ballot.voters.is_empty());
        simpler
    }

    fn play(case: &Ballot) -> Result<(), Fault> {
        let (count, need) = (case.voters.len(), need(case.voters.len()));
        let yes = case.voters.iter().filter(|(says, _)| *says).count();
        let quick = |wanted: bool| case.voters.iter().filter(|(says, slow)| *says == wanted && !slow).count();
        let decided = quick(true) >= need || quick(false) > count - need;
        let voters = case.voters.clone();
        let ending = threads::play(&case.schedule, "the collector", move || {
            let late = Arc::new(Late { has_come: AtomicBool::new(false), waits: object() });
            let voters = voters.into_iter().enumerate();
            let voters = voters.map(|(at, (says, is_slow))| {
                // a voter whose answer is needed is not slow
                Voter { number: at + 1, says, is_slow: is_slow && decided, late: Arc::clone(&late) }
            });
            let said = M::majority(voters.collect(), need);
            tell(format!("the collector returns {said}"));
            if said != (yes >= need) {
                broken(
                    "wrong",
                    format!("{yes} of {count} say yes, {need} are needed, and the collector returns {said}"),
                );
            }
            late.has_come.store(true, Ordering::SeqCst);
            wake(late.waits);
        })?;
        if !ending.is_main_done {
            let of = ending.waiting.join("; ");
            return fault(
                "stuck",
                format!(
                    "the answers that have arrived decide the vote, and the collector does not return. No thread can go on: {of}"
                ),
            );
        }
        match ending.waiting.first() {
            Some(waits) => fault(
                "leak",
                format!(
                    "the vote is over, and {waits}, for ever: a thread is left behind with each vote. Give the channel room for all votes, or count them behind a lock"
                ),
            ),
            None => Ok(()),
        }
    }
}
