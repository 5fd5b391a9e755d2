//! A healthy client beside an attack: a real client that calls `echo` all the time, and counts what it gets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rpc_core::Connector;

use super::service::TargetClient;

/// The deadline of its calls: a call that a flood delays for so long has failed.
const DEADLINE: Duration = Duration::from_secs(5);

/// The calls of one stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Calls that were answered.
    pub(super) calls: u64,
    /// Calls a second.
    pub(super) rate: f64,
    /// The 99th percentile of the answered calls' times; the whole stretch if none was answered.
    pub(super) p99: Duration,
    /// The longest of them; the whole stretch if there is none.
    pub(super) longest: Duration,
    /// The errors of the others.
    pub(super) errors: Vec<String>,
}

#[derive(Debug, Default)]
struct Tally {
    times: Vec<u32>,
    errors: Vec<String>,
}

/// A client that calls until it is stopped.
#[derive(Debug)]
pub(super) struct Healthy {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    thread: Option<JoinHandle<()>>,
}

impl Healthy {
    /// Connects and begins. Between two calls it pauses for so long.
    pub(super) fn start(to: SocketAddr, pause: Duration) -> Result<Self, String> {
        let client: TargetClient =
            Connector::new().deadline(DEADLINE).connect(to).map_err(|error| error.to_string())?;
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Tally::default())));
        let (over, counted) = (Arc::clone(&stop), Arc::clone(&tally));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let verdict = client.echo("0123456789abcdef");
                let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
                let mut tally = counted.lock().unwrap_or_else(PoisonError::into_inner);
                match verdict {
                    Ok(_) => tally.times.push(micros),
                    Err(error) => tally.errors.push(error.to_string()),
                }
                drop(tally);
                if !pause.is_zero() {
                    std::thread::sleep(pause);
                }
            }
        });
        Ok(Healthy { stop, tally, thread: Some(thread) })
    }

    /// Forgets what was counted so far.
    pub(super) fn begin(&self) {
        self.taken();
    }

    /// Returns what was counted since [`Healthy::begin`] or the last window.
    pub(super) fn end(&self, began: Instant) -> Window {
        let took = began.elapsed();
        let Tally { mut times, errors } = self.taken();
        times.sort_unstable();
        // Without an answer every call was slower than this: it must not look like the fastest.
        let micros =
            |index: usize| times.get(index).map_or(took, |micros| Duration::from_micros((*micros).into()));
        let last = times.len().saturating_sub(1);
        Window {
            calls: times.len() as u64,
            rate: times.len() as f64 / took.as_secs_f64(),
            p99: micros(last * 99 / 100),
            longest: micros(last),
            errors,
        }
    }

    /// Counts for so long.
    pub(super) fn window(&self, length: Duration) -> Window {
        self.begin();
        let began = Instant::now();
        std::thread::sleep(length);
        self.end(began)
    }

    fn taken(&self) -> Tally {
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Connects a new client and makes one call.
pub(super) fn one_call(to: SocketAddr) -> Result<(), String> {
    let client: TargetClient =
        Connector::new().deadline(DEADLINE).connect(to).map_err(|error| error.to_string())?;
    client.echo("x").map(drop).map_err(|error| error.to_string())
}

impl Drop for Healthy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // within the deadline of one call
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::Healthy;

    fn of(times: &[u32], stretch: Duration) -> super::Window {
        let healthy = Healthy { stop: Arc::default(), tally: Arc::default(), thread: None };
        healthy.tally.lock().expect("not poisoned").times.extend(times);
        healthy.end(Instant::now() - stretch)
    }

    #[test]
    fn a_window_without_an_answer_is_slow_and_not_fast() {
        let none = of(&[], Duration::from_secs(3));
        assert_eq!(none.calls, 0);
        assert!(none.p99 >= Duration::from_secs(3) && none.longest >= Duration::from_secs(3));
    }

    #[test]
    fn the_percentile_is_that_of_the_answered_calls() {
        let times: Vec<u32> = (1..=101).collect();
        let window = of(&times, Duration::from_secs(1));
        assert_eq!((window.p99, window.longest), (Duration::from_micros(100), Duration::from_micros(101)));
    }
}
