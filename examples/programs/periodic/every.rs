//! A thread that repeats some work and ends when it is asked to: at once, not after its sleep.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Work that is repeated at an interval, on its own thread. Dropping it stops the work and waits for the thread.
#[derive(Debug)]
pub(crate) struct Every {
    /// Nothing is ever sent: dropping it is the message.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<u64>>,
}

impl Every {
    /// Starts it. `work` gets the number of the round, from 1.
    pub(crate) fn start(
        name: &str,
        pause: Duration,
        mut work: impl FnMut(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut due = Instant::now() + pause;
            let mut rounds = 0;
            // The wait for the next round is a wait for the end with a time limit, so that the end is noticed at once.
            while stopped.recv_timeout(due.saturating_duration_since(Instant::now()))
                == Err(RecvTimeoutError::Timeout)
            {
                rounds += 1;
                work(rounds);
                // Later rounds do not shift by the time that the work takes. A round that took too long is not made up for.
                due = (due + pause).max(Instant::now());
            }
            rounds
        })?;
        Ok(Every { stop: Some(stop), thread: Some(thread) })
    }

    /// Stops it, waits until its thread has ended, and returns the number of rounds. `None`: the work panicked.
    pub(crate) fn stop(mut self) -> Option<u64> {
        self.end()
    }

    fn end(&mut self) -> Option<u64> {
        drop(self.stop.take());
        self.thread.take()?.join().ok()
    }
}

impl Drop for Every {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_does_not_wait_for_the_next_round() {
        let began = Instant::now();
        let every = Every::start("test", Duration::from_secs(3600), |_| {}).expect("a thread");
        assert_eq!(every.stop(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn rounds_are_numbered_and_counted() {
        let (say, rounds) = mpsc::channel();
        let every = Every::start("test", Duration::from_millis(1), move |round| {
            let _ = say.send(round);
        });
        let first: Vec<u64> = rounds.iter().take(3).collect();
        assert_eq!(first, [1, 2, 3]);
        assert!(every.expect("a thread").stop().expect("no panic") >= 3);
    }
}
