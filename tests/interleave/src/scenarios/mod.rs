//! The scenarios: what runs in one simulated process, and the rules that hold at its end.

mod callers;
mod held;
mod probe;
mod progress;
mod servers;
mod sessions;

/// A program for the scheduler.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line: what runs, and what must hold.
    pub about: &'static str,
    pub(crate) run: fn(),
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &all();

const fn all() -> [Scenario; 26] {
    let mut all = [callers::SCENARIOS[0]; 26];
    let parts: [&[Scenario]; 5] = [
        &callers::SCENARIOS,
        &sessions::SCENARIOS,
        &servers::SCENARIOS,
        &progress::SCENARIOS,
        &held::SCENARIOS,
    ];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            all[at] = parts[part][index];
            (index, at) = (index + 1, at + 1);
        }
        part += 1;
    }
    all
}
