//! The search: runs a scenario once for each seed until a rule is broken, the seeds are used up, or the time is over.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Instant;

use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::scenarios::Scenario;
use crate::schedule::{RUNNING, STEPS, Seeds};
use crate::world;

/// Steps after which an execution counts as one that does not end: the longest takes a tenth of that.
const MOST_STEPS: usize = 200_000;

/// The stack of each task: the codec and the formatting of messages take most of it.
const STACK: usize = 512 << 10;

/// A seed under which a rule is broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed: a search that begins with it shows the same again.
    pub seed: u64,
    /// The rule and what broke it.
    pub rule: String,
}

/// The end of a search.
#[derive(Clone, Debug)]
pub struct Searched {
    /// Executions, the broken one included.
    pub schedules: u64,
    /// Steps of all executions together: each is a choice of the scheduler.
    pub steps: u64,
    /// The first seed under which a rule is broken.
    pub broken: Option<Broken>,
}

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Runs a scenario once, and prints what its threads do.
pub fn show(scenario: &Scenario, seed: u64) -> Searched {
    world::SHOWN.set(true);
    let shown = search(scenario, seed, 1, None);
    world::SHOWN.set(false);
    shown
}

/// Runs a scenario for `count` seeds from `first` on, until `until` at the latest.
pub fn search(scenario: &Scenario, first: u64, count: u64, until: Option<Instant>) -> Searched {
    silence_panics();
    let run = scenario.run;
    let mut config = Config::new();
    config.stack_size = STACK;
    config.failure_persistence = FailurePersistence::None; // the seed is all that is needed
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    let runner = Runner::new(Seeds::new(first, count, until), config);
    SILENT.set(true);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runner.run(move || {
            let clock = shuttle::thread::spawn(world::run_clock);
            run();
            world::end();
            clock.join().expect("the clock does not panic");
        })
    }));
    SILENT.set(false);
    let (seed, schedules) = RUNNING.get();
    let steps = STEPS.get();
    let broken = ended.err().map(|panic| Broken { seed, rule: text_of(&*panic) });
    Searched { schedules, steps, broken }
}

/// Panics that a scenario wants, and those that the search reports, are not printed by the thread that searches.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        Runner::new(Seeds::new(0, 1, None), Config::new()).run(|| {}); // the checker sets a hook at its first run
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !SILENT.get() {
                before(panic);
            }
        }));
    });
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a panic whose payload is no text".to_owned(),
    }
}
