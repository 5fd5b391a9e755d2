//! An unbuffered channel that nobody reads any more: whoever sends waits for ever. Mended: the receiver hangs up.

use crate::steps::{ENDS, Steps};
use crate::sync::{mpsc, thread};

pub(crate) fn broken(steps: &Steps) {
    let (votes, voters) = start_voters(steps);
    steps.say("main", "has enough after one vote, and listens no more");
    join(steps, voters);
    drop(votes); // too late: the voter that is stuck is waited for first
}

pub(crate) fn mended(steps: &Steps) {
    let (votes, voters) = start_voters(steps);
    drop(votes);
    steps.say("main", "has enough after one vote, and hangs up");
    join(steps, voters);
}

/// Two voters, and the receiver after the first vote.
fn start_voters(steps: &Steps) -> (mpsc::Receiver<bool>, Vec<thread::JoinHandle<()>>) {
    let (ch, votes) = mpsc::sync_channel(0);
    let voters = ["voter 1", "voter 2"].map(|who| {
        let (ch, steps) = (ch.clone(), steps.clone());
        thread::spawn(move || {
            steps.say(who, "sends its vote");
            if ch.send(true).is_err() {
                steps.say(who, "is told that nobody listens");
            }
            steps.say(who, ENDS);
        })
    });
    let _ = votes.recv(); // a vote: both voters send one
    (votes, voters.into())
}

fn join(steps: &Steps, voters: Vec<thread::JoinHandle<()>>) {
    steps.say("main", "waits until the voters have ended");
    for voter in voters {
        voter.join().expect("it does not panic");
    }
    steps.say("main", ENDS);
}
