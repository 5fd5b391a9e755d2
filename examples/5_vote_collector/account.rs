//! The account after a poll: what each voter saw, and what is left of its questions. A voter that has died, or that does not
//! answer, has no part in it: the decision stands without it, and the account must not wait for it either.

use std::time::{Duration, Instant};

use rpc_core::Pending;
use rpc_examples::status::{Failure, Status};

use crate::ballot::Seen;
use crate::booths::Booth;

/// Time for all voters together to say what they have seen. A voter that runs needs milliseconds, and a few hundred of them
/// over the bad network; a frozen one never answers.
const SETTLE: Duration = Duration::from_secs(2);
/// Time between two checks if a voter has died, or if a cancelled call is settled.
const LOOK: Duration = Duration::from_millis(2);

/// The sums over all clients and voters at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) seen: Seen,
    pub(crate) calls: u64,
    pub(crate) resent: u64,
    /// Calls to voters that answer which are not settled: none.
    pub(crate) waiting: u64,
    /// Voters that were reached once and cannot say what they saw, each with the reason.
    pub(crate) gone: Vec<(String, &'static str)>,
}

/// Asks the voters what they have seen, for the `rounds`th time, and our side what still waits: the proof that nothing
/// has leaked.
pub(crate) fn settle(booths: &[Booth], rounds: u32) -> Result<Account, Failure> {
    let until = Instant::now() + SETTLE;
    let mut sum = Account::default();
    // All are asked before the first answer is awaited, so that several silent voters cost the time of one. `seen`
    // answers when the voter has stopped thinking. It follows the cancel over the same connection.
    let asked: Vec<_> = booths
        .iter()
        .filter_map(|booth| Some((booth, booth.client.as_ref().ok()?)))
        .map(|(booth, voter)| (booth, voter, voter.call.with_deadline(SETTLE).start.seen()))
        .collect();
    for (booth, voter, pending) in asked {
        match answer(booth, pending, until)? {
            Ok(seen) => {
                while voter.call.counters().orphaned_slots > 0 && Instant::now() < until {
                    std::thread::sleep(LOOK); // the last word on a cancelled call is on its way
                }
                sum.seen.asked += seen.asked;
                sum.seen.voted += seen.voted;
                sum.seen.cancelled += seen.cancelled;
                sum.waiting += voter.call.counters().orphaned_slots;
            }
            Err(why) => sum.gone.push((booth.name.clone(), why)),
        }
        let stats = voter.call.counters();
        sum.calls += stats.calls.saturating_sub(u64::from(rounds)); // without our own question
        sum.resent += stats.resent;
    }
    Ok(sum)
}

/// Waits for the answer of one voter, or for the certainty that none will come in time: the inner error is its reason.
fn answer(
    booth: &Booth,
    mut pending: Pending<Seen>,
    until: Instant,
) -> Result<Result<Seen, &'static str>, Failure> {
    loop {
        let failure = match pending.wait_for(LOOK) {
            Some(Ok(seen)) => return Ok(Ok(seen)),
            Some(Err(error)) => Some(Failure::from(error).during(&booth.name)),
            None => None,
        };
        if booth.has_died() {
            return Ok(Err("its process has ended"));
        }
        match failure {
            // It has answered, and what it says is a fault.
            Some(failure) if matches!(failure.status, Status::Server | Status::Mismatch) => {
                return Err(failure);
            }
            Some(_) => return Ok(Err("it does not answer")),
            None if Instant::now() >= until => return Ok(Err("it does not answer")),
            None => {}
        }
    }
}
