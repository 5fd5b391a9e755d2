//! A channel instead of shared memory: the counts belong to the main thread alone, and nothing is locked.

use std::sync::mpsc;
use std::thread;

use crate::poll::{Poll, Tally};

pub(crate) fn collect(poll: &Poll) -> Tally {
    let (ch, votes) = mpsc::sync_channel(0); // unbuffered, like `make(chan bool)`
    thread::scope(|scope| {
        for voter in poll.voters() {
            let ch = ch.clone();
            scope.spawn(move || {
                let vote = poll.request_vote(voter);
                let _ = ch.send(vote); // fails when the receiver is dropped, instead of blocking for ever
            });
        }
        let mut tally = Tally::default();
        while !poll.is_decided(&tally) {
            let vote = votes.recv().expect("this thread still has a sender");
            if vote {
                tally.count += 1;
            }
            tally.finished += 1;
        }
        drop(votes); // the other senders get an error. In Go they would wait for ever: `--form leak`
        poll.decide(tally)
    })
}
