//! Harm to one voter in the middle of a vote: its process is killed, or frozen. The first experiment with a collector that
//! does not wait for the dead.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::arguments::VoteOptions;
use crate::booths::Booth;

/// A voter that is harmed once, when the first other voter has answered.
#[derive(Debug)]
pub(crate) struct Strike {
    victim: String,
    signal: Signal,
    done: AtomicBool,
}

impl Strike {
    /// Returns the strike that the options ask for.
    pub(crate) fn wanted(options: &VoteOptions) -> Option<Self> {
        let killed = options.kill.map(|number| (number, Signal::SIGKILL));
        let (number, signal) = killed.or(options.freeze.map(|number| (number, Signal::SIGSTOP)))?;
        Some(Strike { victim: format!("voter {number}"), signal, done: AtomicBool::new(false) })
    }

    /// Called when `voter` has answered: strikes, if it is another voter and the first. Returns the victim and what has
    /// become of it.
    pub(crate) fn after(&self, voter: &Booth, all: &[Booth]) -> Option<(&str, &'static str)> {
        let victim = all.iter().find(|booth| booth.name == self.victim)?;
        if voter.name == self.victim || self.done.swap(true, Ordering::SeqCst) {
            return None;
        }
        let pid = Pid::from_raw(i32::try_from(victim.pid()?).ok()?);
        kill(pid, self.signal).ok()?; // fails if it has ended already: then there is nothing to do
        Some((&self.victim, if self.signal == Signal::SIGKILL { "KILLED (-9)" } else { "FROZEN (-STOP)" }))
    }
}
