//! Exercise 7: a vote that is decided by the majority, and leaves no thread behind.
//!
//! A collector asks all voters at the same time, one thread for each. It returns true as soon as `need` of them have said yes, and
//! false as soon as so many have said no that `need` is impossible. Some voters are slow, and are not waited for.
//!
//! The trap: the threads of slow voters go on when the collector has returned. Each has an answer, and must be able to end. A thread that
//! waits for ever to send its vote is a leak: in a server, one more with each vote.
//!
//! Write `majority`. You have threads, locks and channels that the judge controls (`rpc_course::threads`):
//! * `spawn("voter 1", move || ..)` starts a thread.
//! * `voter.ask()` waits for the answer of a voter.
//! * `channel(capacity)` is Go's `make(chan bool, capacity)`: `send` waits while the channel is full, also if no thread receives any more;
//!   with the capacity 0 it waits until the value is received. `receive` waits for a value.
//! * `Mutex` and `Condvar` are those of the standard library, but that `lock` and `wait` return no errors.
//!
//! The judge tries schedules of the threads. `cargo run -p rpc-course -- check 7`

#[allow(unused_imports, reason = "the hole needs them")]
use rpc_course::threads::{Condvar, Mutex, channel, spawn};
use rpc_course::vote::{Vote, Voter};

/// The collector.
pub struct Mine;

impl Vote for Mine {
    // ---- Your part begins here.
    fn majority(voters: Vec<Voter>, need: usize) -> bool {
        let (sender, receiver) = channel(0);
        let count = voters.len();
        for voter in voters {
            let sender = sender.clone();
            spawn(format!("the thread of voter {}", voter.number()), move || sender.send(voter.ask()));
        }
        let yes = (0..count).filter(|_| receiver.receive()).count();
        yes >= need
    }
    // ---- Your part ends here.
}
