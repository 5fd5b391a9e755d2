//! The channel form that stops receiving at the majority: a thread that sends afterwards waits for ever, unless the
//! program prevents it. Four channels side by side, and the threads that each of them leaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::poll::{Poll, Tally};

/// Time limit for what will certainly happen, so that a busy machine does not look like a leak.
const SURELY: Duration = Duration::from_secs(60);
/// Time in which threads that should be stuck may still end.
const GRACE: Duration = Duration::from_millis(200);

/// One way to make the channel and to stop receiving.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    buffered: bool,
    hangs_up: bool,
}

pub(crate) const WAYS: [Way; 4] = [
    Way { name: "unbuffered, receiver lives on", buffered: false, hangs_up: false },
    Way { name: "unbuffered, receiver dropped", buffered: false, hangs_up: true },
    Way { name: "buffered, receiver lives on", buffered: true, hangs_up: false },
    Way { name: "buffered, receiver dropped", buffered: true, hangs_up: true },
];

/// The counts of one way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leak {
    pub(crate) tally: Tally,
    /// Threads that had not ended when every vote had arrived, and never would have ended.
    pub(crate) leaked: usize,
    /// Threads that were still there at the end, after the receiver was dropped: none.
    pub(crate) left: usize,
}

/// Collects, stops receiving at the decision, and counts the threads that are stuck. It frees them before it returns,
/// so that the program itself does not leak.
pub(crate) fn collect(poll: &Arc<Poll>, way: Way) -> Leak {
    let room = if way.buffered { poll.voters().len() } else { 0 };
    let (ch, votes) = mpsc::sync_channel(room);
    let alive = Arc::new(AtomicUsize::new(poll.voters().len()));
    for number in 0..poll.voters().len() {
        let (poll, ch, alive) = (Arc::clone(poll), ch.clone(), Arc::clone(&alive));
        // Not in a scope, which would wait for it: a detached thread, like the lecture's `go func()`.
        thread::spawn(move || {
            let vote = poll.request_vote(&poll.voters()[number]);
            drop(poll); // before it counts as ended: the caller takes the poll back after that
            let _ = ch.send(vote); // unbuffered: blocks until it is received, or until the receiver is dropped
            alive.fetch_sub(1, Ordering::SeqCst);
        });
    }
    let mut tally = Tally::default();
    while !poll.is_decided(&tally) {
        let vote: bool = votes.recv().expect("this thread still has a sender");
        tally.count += usize::from(vote);
        tally.finished += 1;
    }
    poll.decide(tally);
    let listening = Some(votes).filter(|_| !way.hangs_up); // filtered out: dropped here and now

    let unheard = poll.voters().len() - tally.finished;
    let stuck = if way.buffered || way.hangs_up { 0 } else { unheard };
    wait_until(SURELY, || poll.waiting() == 0 && alive.load(Ordering::SeqCst) <= stuck);
    wait_until(GRACE, || alive.load(Ordering::SeqCst) == 0);
    let leaked = alive.load(Ordering::SeqCst);
    drop(listening);
    wait_until(SURELY, || alive.load(Ordering::SeqCst) == 0);
    Leak { tally, leaked, left: alive.load(Ordering::SeqCst) }
}

fn wait_until(limit: Duration, done: impl Fn() -> bool) {
    let until = Instant::now() + limit;
    while !done() && Instant::now() < until {
        thread::sleep(Duration::from_millis(1));
    }
}
