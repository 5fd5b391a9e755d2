//! The interleaving checker: the lessons' own files, compiled with the checker's threads and locks in place of the real
//! ones, and run under every schedule.

mod counter;
mod search;
#[allow(dead_code, reason = "the program asks which threads are stuck; the search shows all steps")]
#[path = "../../coordination/steps.rs"]
mod steps;
mod sync;

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
#[path = "../../coordination/stop.rs"]
mod stop;
#[path = "../../coordination/wait_group.rs"]
mod wait_group;

use search::{MOST_SCHEDULES, search};

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
}

/// All topics.
pub const TOPICS: [Topic; 8] = [
    Topic { name: "counter", broken: counter::broken, fixed: counter::fixed },
    Topic { name: "mutex", broken: mutex::broken, fixed: mutex::fixed },
    Topic { name: "condvar", broken: condvar::broken, fixed: condvar::fixed },
    Topic { name: "channel", broken: channel::broken, fixed: channel::fixed },
    Topic { name: "one-thread", broken: one_thread::broken, fixed: one_thread::fixed },
    Topic { name: "wait-group", broken: wait_group::broken, fixed: wait_group::fixed },
    Topic { name: "semaphore", broken: semaphore::broken, fixed: semaphore::fixed },
    Topic { name: "stop", broken: stop::broken, fixed: stop::fixed },
];

/// Returns the report on a topic, and true if the broken version went wrong and the fixed one did not.
pub fn report(topic: &Topic) -> (String, bool) {
    let mut text = String::new();
    let (broken, fixed) = (search(topic.broken), search(topic.fixed));
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
                let what = what.lines().next().unwrap_or_default();
                writeln!(text, "{name}, {which}: schedule {schedules} goes wrong: {what}\n{}", steps)
            }
        };
    }
    (text, asked)
}
