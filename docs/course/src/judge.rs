//! Plays the stories of all seeds, makes the first failures as short as it can, and watches for code that does not return.

use std::any::Any;
use std::env;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::story;
use crate::verdict::{Kind, Verdict};

/// The stories that a judge plays: enough that each wrong solution of the tests is found many times over, in under a second.
const STORIES: u64 = 3_000;
/// The failures that are shortened, of which the shortest is told: one may end in a long story where another does not.
const MOST_FAILURES: usize = 8;
/// The most steps of shortening one story: a bound for judges whose cases have many parts.
const MOST_STEPS: usize = 400;
/// A story that takes longer than this has not ended by itself: the longest that ends takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The variable with another patience, in milliseconds, for tests of code that hangs.
pub(crate) const PATIENCE_VARIABLE: &str = "RPC_COURSE_PATIENCE_MS";
/// The time between two looks at a story that goes on.
const LOOK: Duration = Duration::from_millis(20);

/// A rule that the reader's code broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the rule: a shorter story must break the same one.
    pub rule: &'static str,
    /// The mistake, in a sentence.
    pub sentence: String,
}

/// Returns an error: the rule, and the sentence that the reader is told.
///
/// # Errors
/// Always: the rule is broken.
pub fn fault<T>(rule: &'static str, sentence: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { rule, sentence: sentence.into() })
}

/// The judge of an exercise.
pub trait Judge {
    /// Everything that a story depends on.
    type Case: Clone;
    /// The stories that are played. Those with threads take longer, and have fewer.
    const STORIES: u64 = STORIES;

    /// Draws a case. A larger `size` (0 to 9) makes a longer story, so that the first ones are short.
    fn draw(random: &mut Rng, size: usize) -> Self::Case;

    /// Returns cases that are simpler by one thing, the simplest first.
    fn simpler(case: &Self::Case) -> Vec<Self::Case>;

    /// Plays a story with the reader's code, and tells it.
    ///
    /// # Errors
    /// The reader's code broke a rule.
    fn play(case: &Self::Case) -> Result<(), Fault>;
}

/// A panic by which a judge ends code of the reader that would go on for ever.
pub(crate) struct Stopped(pub(crate) Fault);

/// Counts the stories that were begun, for the watch.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// The text and place of the last panic.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// The `main` of a judged program: judges, and writes the verdict to the file that the first argument names.
pub fn run<J: Judge>() {
    let Some(file) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("this program is run by `cargo run -p rpc-course -- check N`");
        process::exit(2);
    };
    let patience = env::var(PATIENCE_VARIABLE).ok().and_then(|text| text.parse().ok());
    let verdict = watched(patience.map_or(PATIENCE, Duration::from_millis), verdict::<J>);
    if let Err(error) = fs::write(&file, verdict.to_text()) {
        eprintln!("cannot write the verdict: {error}");
        process::exit(2);
    }
    process::exit(0); // also if a thread of the reader's still runs
}

/// Runs a judge in a thread of its own. If one of its stories does not end, that is the verdict.
fn watched(patience: Duration, judge: fn() -> Verdict) -> Verdict {
    let judging = thread::spawn(judge);
    let (mut seen, mut since) = (0, Instant::now());
    while !judging.is_finished() {
        let begun = BEGUN.load(Ordering::Relaxed);
        if begun != seen {
            (seen, since) = (begun, Instant::now());
        } else if since.elapsed() > patience {
            let sentence = "your code does not return: it loops, or waits for what never comes";
            return Verdict::new(Kind::Hangs, sentence, story::so_far());
        }
        thread::sleep(LOOK);
    }
    judging.join().unwrap_or_else(|_| Verdict::new(Kind::Panicked, last_panic(), story::so_far()))
}

/// Plays all stories.
fn verdict<J: Judge>() -> Verdict {
    panic::set_hook(Box::new(|info| {
        let place = info.location().filter(|place| !place.file().starts_with("/rustc/")); // not a place of the reader's
        let place = place.map_or(String::new(), |place| format!(" (at line {})", place.line()));
        let payload = info.payload();
        let text =
            payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("a panic without a text").trim_end_matches('.');
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = format!("{text}{place}");
    }));
    let mut failures: Vec<(J::Case, Fault)> = Vec::new();
    for seed in 0..J::STORIES {
        let mut random = Rng::with_seed(seed);
        let case = J::draw(&mut random, (seed * 10 / J::STORIES) as usize); // 0 to 9
        if let Err(found) = play::<J>(&case) {
            failures.push((case, found));
            if failures.len() == MOST_FAILURES {
                break;
            }
        }
    }
    if failures.is_empty() {
        return Verdict::new(Kind::Passed, format!("{} stories went well", J::STORIES), Vec::new());
    }
    let shortened = failures.into_iter().map(|(case, found)| shortened::<J>(case, found.rule));
    let shortest = shortened.min_by_key(|(_, length)| *length);
    let Some((case, _)) = shortest else { return Verdict::new(Kind::Passed, "", Vec::new()) }; // there is a failure
    let (kind, sentence) = match play::<J>(&case) {
        Err(Fault { rule: "panic", sentence }) => (Kind::Panicked, sentence),
        Err(found) => (Kind::Failed, found.sentence),
        Ok(()) => (Kind::Failed, "your code does something else each time, for the same story".to_owned()),
    };
    Verdict::new(kind, sentence, story::so_far())
}

/// Plays one story. A panic of the reader's code is a fault.
fn play<J: Judge>(case: &J::Case) -> Result<(), Fault> {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    story::begin();
    match panic::catch_unwind(AssertUnwindSafe(|| J::play(case))) {
        Ok(result) => result,
        Err(payload) => Err(of_panic(payload)),
    }
}

fn of_panic(payload: Box<dyn Any + Send>) -> Fault {
    match payload.downcast::<Stopped>() {
        Ok(stopped) => stopped.0,
        Err(_) => Fault { rule: "panic", sentence: format!("your code panics: {}", last_panic()) },
    }
}

pub(crate) fn last_panic() -> String {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Takes away one thing after the other while the same rule is broken. Returns the case and the lines of its story.
fn shortened<J: Judge>(mut case: J::Case, rule: &'static str) -> (J::Case, usize) {
    let mut steps = 0;
    'simpler: while steps < MOST_STEPS {
        for candidate in J::simpler(&case) {
            steps += 1;
            if play::<J>(&candidate).is_err_and(|found| found.rule == rule) {
                case = candidate;
                continue 'simpler;
            }
        }
        break;
    }
    let _ = play::<J>(&case); // for its length
    (case, story::length())
}
