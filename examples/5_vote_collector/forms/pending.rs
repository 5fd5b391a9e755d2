//! Started calls in a race: ten questions at once, and one thread that takes the votes as they arrive.

use rpc_core::Race;

use crate::poll::{Poll, Tally};

pub(crate) fn collect(poll: &Poll) -> Tally {
    let mut race = Race::new();
    let mut tally = Tally::default();
    for voter in poll.voters() {
        match poll.start(voter) {
            Some(pending) => race.add(voter, pending),
            None => tally.finished += 1, // down
        }
    }
    while !poll.is_decided(&tally) {
        let Some((voter, reply)) = race.next() else { break };
        if poll.arrived(voter, reply) {
            tally.count += 1;
        }
        tally.finished += 1;
    }
    if race.left() > 0 {
        poll.say("the rest", "released: the race is dropped, and with it each call that is left");
    }
    drop(race); // cancels the questions that are still open, and frees what waits for them
    poll.decide(tally)
}
