//! A clock that wakes tasks: one thread for any number of them that sleep.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// The sleeping tasks by the time at which they wake. The number makes equal times different.
#[derive(Default)]
struct Sleepers {
    by_time: BTreeMap<(Instant, u64), Waker>,
    last: u64,
}

/// The clock. Copies are the same clock.
#[derive(Clone, Default)]
pub(crate) struct Timer {
    shared: Arc<(Mutex<Sleepers>, Condvar)>,
}

/// The wait of one task.
pub(crate) struct Sleep {
    timer: Timer,
    until: Instant,
    is_known: bool,
}

impl Timer {
    /// Starts the thread that wakes. It ends with the process.
    pub(crate) fn start() -> io::Result<Self> {
        let timer = Timer::default();
        let waking = timer.clone();
        thread::Builder::new().name("timer".to_owned()).spawn(move || waking.wake_for_ever())?;
        Ok(timer)
    }

    /// Returns a wait of this length, for `await`.
    pub(crate) fn sleep(&self, length: Duration) -> Sleep {
        Sleep { timer: self.clone(), until: Instant::now() + length, is_known: false }
    }

    fn wake_for_ever(&self) {
        let (sleepers, changed) = &*self.shared;
        let mut sleepers = sleepers.lock().unwrap_or_else(PoisonError::into_inner); // valid at each step
        loop {
            let now = Instant::now();
            let later = sleepers.by_time.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut sleepers.by_time, later);
            due.into_values().for_each(Waker::wake);
            let next = sleepers.by_time.first_key_value().map(|((time, _), _)| *time);
            let wait = next.map_or(Duration::from_secs(3600), |time| time.saturating_duration_since(now));
            sleepers = changed.wait_timeout(sleepers, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        if !self.is_known {
            self.is_known = true;
            let (sleepers, changed) = &*self.timer.shared;
            let mut sleepers = sleepers.lock().unwrap_or_else(PoisonError::into_inner);
            sleepers.last += 1;
            let place = (self.until, sleepers.last);
            let is_first = sleepers.by_time.first_key_value().is_none_or(|(first, _)| place < *first);
            sleepers.by_time.insert(place, cx.waker().clone()); // a task has one waker for its whole life
            if is_first {
                changed.notify_one();
            }
        }
        Poll::Pending
    }
}
