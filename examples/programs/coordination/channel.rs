//! An unbuffered channel without a reader: a thread that sends waits for ever. Fixed: the receiver is dropped.

use crate::steps::{ENDS, Steps};
use crate::sync::{mpsc, thread};

pub(crate) fn broken(steps: &Steps) {
    let (votes, voters) = start_voters(steps);
    steps.say("main", "has enough after one vote, and does not receive any more");
    join(steps, voters);
    drop(votes); // too late: the line above waits for the voter that is stuck
}

pub(crate) fn fixed(steps: &Steps) {
    let (votes, voters) = start_voters(steps);
    drop(votes);
    steps.say("main", "has enough after one vote, and drops the receiver");
    join(steps, voters);
}

/// Two voters, and the receiver after the first vote.
fn start_voters(steps: &Steps) -> (mpsc::Receiver<bool>, Vec<thread::JoinHandle<()>>) {
    let (ch, votes) = mpsc::sync_channel(0);
    let voters = ["voter 1", "voter 2"].map(|name| {
        let (ch, steps) = (ch.clone(), steps.clone());
        thread::spawn(move || {
            steps.say(name, "sends its vote");
            if ch.send(true).is_err() {
                steps.say(name, "is told that the receiver is dropped");
            }
            steps.say(name, ENDS);
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
