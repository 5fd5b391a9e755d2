//! Scenes of real processes, each with a seed of its own: played two at a time, summed up, and the first broken rule kept.

use std::sync::{Mutex, PoisonError};

use super::{Failure, Options, Progress, Report};

/// Scenes that are played at once: more than a small machine has processors are only slower.
const AT_ONCE: usize = 2;

/// The name that plants a fault: a run must fail.
const FILTER_OFF: &str = "filter-off";

/// Returns false if the duplicate filter is to be switched off; `None` if there is a name that is none.
pub(super) fn filter(options: &Options) -> Option<bool> {
    let known = options.names.iter().all(|name| name == FILTER_OFF);
    known.then_some(options.names.is_empty())
}

/// Returns the report of a part that was given a name that is none.
pub(super) fn filter_refused(part: &'static str) -> Report {
    Report::refused(part, format!("the only name is {FILTER_OFF:?}, which switches the filter off"))
}

/// Returns the end of the command that plays a scene again, with the filter or without.
pub(super) fn filter_word(filter: bool) -> &'static str {
    if filter { "" } else { " filter-off" }
}

/// The sum of the outcomes of scenes.
pub(super) trait Sum: Default + Send {
    /// The outcome of one scene.
    type Outcome;

    /// Adds an outcome. Returns the first rule that it broke.
    fn add(&mut self, outcome: Self::Outcome) -> Option<String>;

    /// Returns how far the scenes have come, for the progress line.
    fn progress(&self) -> String;
}

/// The scenes that were played.
#[derive(Debug, Default)]
pub(super) struct Scenes<S> {
    /// The sum of their outcomes.
    pub(super) sum: S,
    /// The number of scenes.
    pub(super) played: u64,
    /// The seed of the first scene that broke a rule or could not be played, and the reason.
    failure: Option<(u64, String)>,
}

impl<S: Sum> Scenes<S> {
    /// Plays scenes with the seeds `first`, `first + 1`, .. until one has failed, or `next` returns `None` for the sum so far and
    /// the number of scenes that were begun. What `next` returns is handed to `play`.
    pub(super) fn play<D>(
        first: u64,
        progress: &mut Progress,
        next: impl Fn(&S, u64) -> Option<D> + Sync,
        play: impl Fn(u64, D) -> Result<S::Outcome, String> + Sync,
    ) -> Self {
        let shared = Mutex::new((Scenes::<S>::default(), 0, progress));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Ok(mut state) = shared.lock() else { return };
                        let (scenes, begun, _) = &mut *state;
                        let next = next(&scenes.sum, *begun).filter(|_| scenes.failure.is_none());
                        let Some(next) = next else { return };
                        let seed = first.wrapping_add(*begun);
                        *begun += 1;
                        drop(state);
                        let outcome = play(seed, next);
                        let Ok(mut state) = shared.lock() else { return };
                        let (scenes, _, progress) = &mut *state;
                        progress.clear();
                        scenes.add(seed, outcome);
                        progress.show(|| scenes.sum.progress());
                    }
                });
            }
        });
        shared.into_inner().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Adds the outcome of the scene of a seed, or the reason why it could not be played.
    pub(super) fn add(&mut self, seed: u64, outcome: Result<S::Outcome, String>) {
        self.played += 1;
        let rule = match outcome {
            Ok(outcome) => self.sum.add(outcome),
            Err(why) => Some(format!("the scene could not be played to its end: {why}")),
        };
        if let Some(rule) = rule {
            println!("seed {seed}: {rule}");
            self.failure.get_or_insert((seed, rule));
        }
    }

    /// Returns the failure of a part whose scenes began at seed `first`. `nothing`: the reason why they have shown nothing, if
    /// that is so. `words`: the part, and the names that it was given.
    pub(super) fn failure(
        &self,
        first: u64,
        part: &str,
        words: &str,
        nothing: Option<&str>,
    ) -> Option<Failure> {
        let broken = self.failure.as_ref().map(|(seed, rule)| Failure {
            seed: seed.to_string(),
            rule: rule.clone(),
            replay: format!("replay {part} --seed {seed}{words}"),
        });
        broken.or_else(|| {
            nothing.map(|rule| Failure {
                seed: first.to_string(),
                rule: rule.to_owned(),
                replay: part.to_owned(),
            })
        })
    }
}
