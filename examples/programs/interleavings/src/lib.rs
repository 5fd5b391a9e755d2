//! The interleaving checker: the lessons' own files, compiled with the checker's threads and locks in place of the real
//! ones, and run under every schedule.

mod counter;
mod search;
#[allow(dead_code, reason = "the program asks who is stuck; the search shows all steps")]
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

/// A program and its twin.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// As on the command line.
    pub name: &'static str,
    /// The twin that goes wrong under some schedule.
    broken: fn(&Steps),
    /// The program that is right under all.
    mended: fn(&Steps),
}

/// All topics.
pub const TOPICS: [Topic; 8] = [
    Topic { name: "counter", broken: counter::broken, mended: counter::mended },
    Topic { name: "mutex", broken: mutex::broken, mended: mutex::mended },
    Topic { name: "condvar", broken: condvar::broken, mended: condvar::mended },
    Topic { name: "channel", broken: channel::broken, mended: channel::mended },
    Topic { name: "one-thread", broken: one_thread::broken, mended: one_thread::mended },
    Topic { name: "wait-group", broken: wait_group::broken, mended: wait_group::mended },
    Topic { name: "semaphore", broken: semaphore::broken, mended: semaphore::mended },
    Topic { name: "stop", broken: stop::broken, mended: stop::mended },
];

/// What the search says about a topic; whether the twin went wrong and the mended program did not.
pub fn report(topic: &Topic) -> (String, bool) {
    let mut text = String::new();
    let (broken, mended) = (search(topic.broken), search(topic.mended));
    let asked = broken.bad.is_some() && mended.bad.is_none();
    for (which, found) in [("broken", &broken), ("mended", &mended)] {
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
