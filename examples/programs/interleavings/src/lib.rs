//! The interleaving checker: the lessons' own files, compiled with the checker's threads and locks in place of the real
//! ones, and run under every schedule.

mod counter;
mod search;
#[path = "../../coordination/steps.rs"]
mod steps;
mod sync;
mod visibility;

#[path = "../../coordination/channel.rs"]
mod channel;
#[path = "../../coordination/condvar.rs"]
mod condvar;
#[path = "../../coordination/mutex.rs"]
mod mutex;
#[path = "../../coordination/one_thread.rs"]
mod one_thread;
#[path = "../../coordination/semaphore.rs"]
mod semaphore;
#[path = "../../coordination/signal.rs"]
mod signal;
#[path = "../../coordination/stop.rs"]
mod stop;
#[path = "../../coordination/wait_group.rs"]
mod wait_group;
#[path = "../../coordination/wait_if.rs"]
mod wait_if;

use search::{Found, MOST_SCHEDULES, search, search_with_memory};

use std::fmt::Write;

use steps::Steps;

/// A program and its broken version.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// The name on the command line.
    pub name: &'static str,
    /// The version that goes wrong under some schedule.
    broken: fn(&Steps),
    /// The version that is right under all schedules.
    fixed: fn(&Steps),
    /// The checker: the one of all topics but one.
    check: fn(fn(&Steps)) -> Found,
}

impl Topic {
    const fn new(name: &'static str, broken: fn(&Steps), fixed: fn(&Steps)) -> Self {
        Topic { name, broken, fixed, check: search }
    }
}

/// All topics.
pub const TOPICS: [Topic; 11] = [
    Topic::new("counter", counter::broken, counter::fixed),
    Topic::new("mutex", mutex::broken, mutex::fixed),
    Topic::new("condvar", condvar::broken, condvar::fixed),
    Topic::new("wait-if", wait_if::broken, wait_if::fixed),
    Topic::new("signal", signal::broken, signal::fixed),
    Topic::new("channel", channel::broken, channel::fixed),
    Topic::new("one-thread", one_thread::broken, one_thread::fixed),
    Topic::new("wait-group", wait_group::broken, wait_group::fixed),
    Topic::new("semaphore", semaphore::broken, semaphore::fixed),
    Topic::new("stop", stop::broken, stop::fixed),
    Topic {
        name: "visibility",
        broken: visibility::broken,
        fixed: visibility::fixed,
        check: search_with_memory,
    },
];

/// Returns the report on a topic, and true if the broken version went wrong and the fixed one did not.
pub fn report(topic: &Topic) -> (String, bool) {
    let mut text = String::new();
    let (broken, fixed) = ((topic.check)(topic.broken), (topic.check)(topic.fixed));
    let asked = broken.bad.is_some() && fixed.bad.is_none();
    for (which, found) in [("broken", &broken), ("fixed", &fixed)] {
        let (name, schedules) = (topic.name, found.schedules);
        // Writing to a String does not fail.
        let _ = match &found.bad {
            None if schedules < MOST_SCHEDULES => {
                writeln!(text, "{name}, {which}: all {schedules} schedules tried, none goes wrong")
            }
            None => writeln!(
                text,
                "{name}, {which}: {schedules} schedules tried, none goes wrong; there are more"
            ),
            Some((steps, what)) => {
                let (what, steps) = (in_plain_words(what, steps), steps.as_text());
                writeln!(text, "{name}, {which}: schedule {schedules} goes wrong: {what}\n{steps}")
            }
        };
    }
    (text, asked)
}

/// Returns a mistake without the checker's own words: the text of an assertion, or the threads of a deadlock.
fn in_plain_words(what: &str, steps: &Steps) -> String {
    if what.starts_with("deadlock!") {
        let stuck = steps.stuck().into_iter().map(|(name, what)| format!("{name} {what}"));
        return format!("deadlock: {}", stuck.collect::<Vec<_>>().join("; "));
    }
    let line = what.lines().next().unwrap_or_default();
    line.strip_prefix("assertion `left == right` failed: ").unwrap_or(line).to_owned()
}
