//! One poll, which every form collects. `request_vote` is the lecture's function of that name, over real RPC.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rpc_core::NotExecuted;
use rpc_core::Reason;
use rpc_core::{CallError, Pending};
use rpc_examples::status::Failure;

use crate::arguments::VoteOptions;
use crate::booths::Booth;
use crate::measure::Meter;
use crate::strike::Strike;
use crate::watch::Watch;

/// Time between two checks of a thread that waits for a vote whether the vote is still needed. A thread cannot be
/// ended from outside: it must check.
const LOOK: Duration = Duration::from_millis(10);

const QUESTION: &str = "more cake?";

/// The lecture's two variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Voters that said yes.
    pub(crate) count: usize,
    /// Voters that have finished, with any result.
    pub(crate) finished: usize,
}

/// The voters, and the state of one question to all of them.
#[derive(Debug)]
pub(crate) struct Poll {
    booths: Vec<Booth>,
    need: usize,
    patience: Duration,
    pause: Duration,
    begun: Instant,
    decided: OnceLock<(Tally, Duration)>,
    released: AtomicBool,
    waiting: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    watch: Watch,
    meter: Meter,
    strike: Option<Strike>,
}

impl Poll {
    pub(crate) fn new(booths: Vec<Booth>, options: &VoteOptions, watch: Watch) -> Self {
        Poll {
            booths,
            need: options.need.into(),
            patience: options.patience,
            pause: options.pause,
            strike: Strike::wanted(options),
            begun: Instant::now(),
            decided: OnceLock::new(),
            released: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            failure: Mutex::default(),
            watch,
            meter: Meter::start(),
        }
    }

    /// The same voters, asked again.
    pub(crate) fn again(self, options: &VoteOptions, watch: Watch) -> Self {
        Poll::new(self.booths, options, watch)
    }

    /// The pause of the form `sleep`.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    pub(crate) fn voters(&self) -> &[Booth] {
        &self.booths
    }

    pub(crate) fn need(&self) -> usize {
        self.need
    }

    /// Returns true if the collector need not wait any longer: enough voters have said yes, or all have finished.
    pub(crate) fn is_decided(&self, tally: &Tally) -> bool {
        tally.count >= self.need || tally.finished == self.booths.len()
    }

    /// Asks a voter and waits for its vote. A voter that is down, too slow or no longer needed does not say yes.
    pub(crate) fn request_vote(&self, voter: &Booth) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let vote = self.ask(voter);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.meter.add_this_thread();
        vote
    }

    fn ask(&self, voter: &Booth) -> bool {
        let Some(mut pending) = self.start(voter) else { return false };
        loop {
            if let Some(vote) = pending.wait_for(LOOK) {
                return self.arrived(voter, vote);
            }
            if self.released.load(Ordering::SeqCst) {
                self.say(&voter.name, "released: its vote is no longer needed");
                return false; // `pending` is dropped, which cancels the call at the voter too
            }
        }
    }

    /// Asks a voter, and does not wait. `None`: it cannot be reached.
    pub(crate) fn start(&self, voter: &Booth) -> Option<Pending<Option<bool>>> {
        match &voter.client {
            Ok(client) => Some(client.call.with_deadline(self.patience).start.vote(QUESTION)),
            Err(why) => {
                self.say(&voter.name, &format!("no vote: {why}"));
                None
            }
        }
    }

    /// Returns the vote that a reply stands for.
    pub(crate) fn arrived(&self, voter: &Booth, reply: Result<Option<bool>, CallError>) -> bool {
        let text = match &reply {
            Ok(Some(true)) => "yes".to_owned(),
            Ok(Some(false)) => "no".to_owned(),
            Ok(None) => "no vote: this voter was not waited for any longer".to_owned(),
            Err(error) => format!("no vote: {error}"),
        };
        self.say(&voter.name, &text);
        if let Some((victim, fate)) =
            self.strike.as_ref().and_then(|strike| strike.after(voter, &self.booths))
        {
            self.say(victim, fate);
        }
        if let Err(error @ CallError::NotExecuted(NotExecuted { reason, .. })) = &reply {
            if matches!(reason, Reason::Contract | Reason::NoSuchMethod) {
                let failure = Failure::new(rpc_examples::status::Status::Mismatch, error);
                self.fail(failure.during(&voter.name));
            }
        }
        matches!(reply, Ok(Some(true)))
    }

    /// Records the collector's decision and releases the threads that still wait. Later time is not the collector's.
    pub(crate) fn decide(&self, tally: Tally) -> Tally {
        if self.decided.set((tally, self.begun.elapsed())).is_ok() {
            let Tally { count, finished } = tally;
            let left = self.booths.len() - finished;
            let verdict = if count >= self.need { "majority" } else { "no majority" };
            self.watch.decided(
                self.begun.elapsed(),
                &format!(
                    "{verdict}: {count} yes among the {finished} that have finished; {left} not waited for"
                ),
            );
        }
        self.released.store(true, Ordering::SeqCst);
        tally
    }

    pub(crate) fn say(&self, voter: &str, what: &str) {
        if let Err(error) = self.watch.said(self.begun.elapsed(), voter, what) {
            self.fail(error.into());
        }
    }

    /// Keeps the first failure for the end of the poll.
    fn fail(&self, failure: Failure) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    pub(crate) fn take_failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns the decision and its time.
    pub(crate) fn decided(&self) -> (Tally, Duration) {
        self.decided.get().copied().unwrap_or_default()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }
}
