//! The facts about a call, and the comparison of its verdict with the runs that really happened.

use std::time::Duration;

use rpc_core::error::Reason;
use rpc_core::ids::Time;
use rpc_core::limits::ClientLimits;
use rpc_core::proto::{Outcome, UnknownCause};

use crate::ledger::{Does, Ledger, fails_fast};
use crate::setup::Setup;

/// The facts about a call.
#[derive(Debug)]
pub struct Call {
    /// The client that started it.
    pub client: usize,
    /// The method, with its arguments.
    pub does: Does,
    /// Its deadline, by its client's clock.
    pub deadline: Time,
    /// The same, from its start.
    pub within: Duration,
    /// Its caller gave it up.
    pub abandoned: bool,
    /// Its caller does not want to know any more what became of it.
    pub forgotten: bool,
    /// The network was whole, and there was time enough, so it must get an answer (V16).
    pub must_be_answered: bool,
    /// The failed rounds of its client when it started.
    pub rounds: u64,
    /// The verdict, once there is one.
    pub verdict: Option<Outcome>,
    /// The later outcome, if it was unknown first.
    pub resolved: Option<Outcome>,
}

/// The conditions under which a verdict is possible, beside the runs.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The setup of the run.
    pub setup: &'a Setup,
    /// The duplicate filter is switched off.
    pub filter_off: bool,
    /// The call's client was closed.
    pub closed: bool,
}

impl Call {
    /// Checks that 'unreachable' is said before the deadline only to a call that fails fast, and only after a failed round.
    /// `rounds`: the failed rounds of its client until now.
    ///
    /// # Errors
    /// The rule that the verdict breaks.
    pub fn is_early_for_a_reason(
        &self,
        tag: u64,
        at: Time,
        rounds: u64,
        outcome: &Outcome,
    ) -> Result<(), String> {
        let is_unreachable = matches!(
            outcome,
            Outcome::NotExecuted(Reason::Unreachable, _) | Outcome::Unknown(UnknownCause::Unreachable)
        );
        if is_unreachable && at < self.deadline && !(fails_fast(tag) && rounds > self.rounds) {
            return Err(format!("V11: call {tag} heard {outcome:?} before its deadline, for no reason"));
        }
        Ok(())
    }

    /// Checks that a verdict which says that the call ran comes before its deadline: what comes later is no verdict.
    ///
    /// # Errors
    /// The rule that the verdict breaks.
    pub fn is_in_time_if_it_ran(&self, tag: u64, at: Time, outcome: &Outcome) -> Result<(), String> {
        // A call that is repeated may have had a reply of an earlier attempt: that it was lost.
        let earlier = matches!(outcome, Outcome::ReplyLost(_)) && self.does == Does::Idempotent;
        if outcome.has_run() && !earlier && at >= self.deadline {
            return Err(format!(
                "V11: call {tag} was due at {:?}, heard {outcome:?} at {at:?}",
                self.deadline
            ));
        }
        Ok(())
    }

    /// Compares a verdict with what really ran.
    ///
    /// # Errors
    /// The rule that the verdict breaks.
    pub fn judge(
        &self,
        tag: u64,
        outcome: &Outcome,
        ledger: &Ledger,
        around: Surroundings<'_>,
    ) -> Result<(), String> {
        let runs = ledger.runs(tag);
        let any = self.does == Does::Idempotent || around.filter_off;
        let once = match (any, around.setup.may_change_bodies) {
            (true, false) => runs >= 1,
            (false, false) => runs == 1,
            (true, true) => true, // its arguments may have been changed on the way: it ran as another call
            (false, true) => runs <= 1,
        };
        let fits = match outcome {
            Outcome::Done(bytes) | Outcome::Failed(bytes) => {
                let failed = matches!(outcome, Outcome::Failed(_));
                let executions = ledger.by_tag.get(&tag).map(Vec::as_slice).unwrap_or_default();
                let mut first = executions.iter().take(if any { usize::MAX } else { 1 });
                let known = around.setup.may_change_bodies || first.any(|run| run.reply == bytes[..]);
                // A changed body may bear the number of another call, which then seems to have given up.
                let gave_up = ledger.gave_up.contains(&tag) && !any && !around.setup.may_change_bodies;
                once && known && !gave_up && failed == (self.does == Does::Fail)
            }
            Outcome::Panicked(_) => once && self.does == Does::Panic,
            Outcome::GivenUp(text) => {
                let shut_down = around.setup.trouble.drains > 0 && text.contains("shutting down");
                let known = ledger.gave_up.contains(&tag) || shut_down || around.setup.may_change_bodies;
                once && known && matches!(self.does, Does::Look | Does::Hold)
            }
            Outcome::ReplyLost(_) => once,
            Outcome::NotExecuted(Reason::Closed, _) => runs == 0 && around.closed,
            Outcome::NotExecuted(..) => runs == 0,
            Outcome::Unknown(UnknownCause::Deadline) => true,
            Outcome::Unknown(UnknownCause::Unreachable) => fails_fast(tag),
            Outcome::Unknown(UnknownCause::SessionLost) => around.setup.loses_sessions,
            Outcome::Unknown(UnknownCause::Closed) => around.closed,
            Outcome::Unknown(UnknownCause::BrokenServer) => around.setup.may_look_broken,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let rule = if matches!(outcome, Outcome::NotExecuted(..)) { "V7" } else { "V6" };
        Err(format!("{rule}: call {tag} ({:?}) ran {runs} times, its caller heard {outcome:?}", self.does))
    }
}

/// Returns true if a verdict is an answer: the server's word, and not the end of the client's patience. A lost session
/// answers too: no patience would help.
pub fn is_answer(outcome: &Outcome) -> bool {
    use Reason::{Deadline, NoFreeSlot, Unreachable};
    !matches!(
        outcome,
        Outcome::Unknown(UnknownCause::Deadline | UnknownCause::Unreachable)
            | Outcome::NotExecuted(Deadline | NoFreeSlot | Unreachable, _)
    )
}

/// Returns how often one call may run (V17): once, and once more after each pause that fits into its deadline.
pub fn most_runs(within: Duration, limits: &ClientLimits) -> usize {
    let (mut runs, mut pause, mut passed) = (1, limits.backoff_first, Duration::ZERO);
    while passed + pause < within && limits.retry_budget > 0.0 {
        passed += pause;
        pause = (pause * 2).min(limits.backoff_cap);
        runs += 1;
    }
    runs
}

/// Returns a verdict's name in a tally.
pub fn name_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(_) => "done".to_owned(),
        Outcome::Failed(_) => "failed".to_owned(),
        Outcome::Panicked(_) => "panicked".to_owned(),
        Outcome::GivenUp(_) => "given up".to_owned(),
        Outcome::ReplyLost(_) => "reply lost".to_owned(),
        Outcome::NotExecuted(reason, _) => format!("not executed: {reason:?}"),
        Outcome::Unknown(cause) => format!("unknown: {cause:?}"),
    }
}
