//! Counts the calls of a load, and tells the measuring process where the counted time begins and ends: lines on the
//! standard output, which every load program of this project writes.
//!
//! ```text
//! begin 1200                 the counted time begins: 1200 calls are done
//! end 51200 250114203        it ends: 51200 calls are done, and it took so many nanoseconds
//! latency 9152 4711          4711 calls took 9152 nanoseconds
//! ```

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Latencies are told to three digits, up to this many nanoseconds: a minute, longer than any measurement.
const LONGEST: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// The length of a load.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// So many calls, in equal parts for each lane.
    Calls(u64),
    /// A time that does not count, and then one that does.
    Time(Duration, Duration),
}

/// Calls done by one lane, on a cache line of its own.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Done(AtomicU64);

/// Counts the calls of all lanes of a load. A lane is a thread or a task that makes calls one after the other.
#[derive(Debug)]
pub struct Meter {
    length: Length,
    stop: AtomicBool,
    counts: AtomicBool,
    is_timed: bool,
    done: Vec<Done>,
    latencies: Mutex<Option<Histogram<u64>>>,
}

impl Meter {
    /// Returns a meter for so many lanes. `is_timed`: each call is timed.
    pub fn new(lanes: usize, is_timed: bool, length: Length) -> Arc<Self> {
        Arc::new(Meter {
            length,
            stop: AtomicBool::new(false),
            counts: AtomicBool::new(false),
            is_timed,
            done: (0..lanes).map(|_| Done::default()).collect(),
            latencies: Mutex::new(None),
        })
    }

    /// Returns the lane with this number.
    pub fn lane(self: &Arc<Self>, number: usize) -> Lane {
        let limit = match self.length {
            Length::Calls(calls) => calls / self.done.len() as u64,
            Length::Time(..) => u64::MAX,
        };
        Lane { meter: Arc::clone(self), number, done: 0, limit, latencies: None }
    }

    /// Starts the thread that begins and ends the counted time. It ends at once if the load is a number of calls.
    ///
    /// # Errors
    /// Returns an error if no thread can be started.
    pub fn start(self: &Arc<Self>) -> io::Result<thread::JoinHandle<io::Result<()>>> {
        let meter = Arc::clone(self);
        thread::Builder::new().name("meter".to_owned()).spawn(move || meter.time())
    }

    fn time(&self) -> io::Result<()> {
        let Length::Time(warm, counted) = self.length else { return Ok(()) };
        thread::sleep(warm);
        self.counts.store(true, Ordering::Relaxed);
        let began = Instant::now();
        say(format_args!("begin {}", self.total()))?;
        thread::sleep(counted);
        let (total, took) = (self.total(), began.elapsed().as_nanos());
        let said = say(format_args!("end {total} {took}"));
        self.stop.store(true, Ordering::Relaxed);
        said
    }

    fn total(&self) -> u64 {
        self.done.iter().map(|done| done.0.load(Ordering::Relaxed)).sum()
    }

    /// Writes the latencies, after all lanes have ended.
    ///
    /// # Errors
    /// Returns an error if the standard output is closed.
    pub fn finish(&self) -> io::Result<()> {
        let latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        for step in latencies.iter().flat_map(Histogram::iter_recorded) {
            writeln!(out, "latency {} {}", step.value_iterated_to(), step.count_at_value())?;
        }
        out.flush()
    }
}

/// Writes a line for the measuring process at once.
fn say(line: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Tells the measuring process that a step is done, and waits until it has looked: it writes a line then.
///
/// # Errors
/// Returns an error if that process has ended.
pub fn step(name: &str) -> io::Result<()> {
    say(format_args!("{name}"))?;
    match io::stdin().read_line(&mut String::new())? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the measuring process has ended")),
        _ => Ok(()),
    }
}

/// One thread or task of a load.
#[derive(Debug)]
pub struct Lane {
    meter: Arc<Meter>,
    number: usize,
    done: u64,
    limit: u64,
    latencies: Option<Histogram<u64>>,
}

impl Lane {
    /// Returns true if there is a call to make after so many that are under way.
    #[inline]
    pub fn goes_on(&self, under_way: usize) -> bool {
        self.done + (under_way as u64) < self.limit && !self.meter.stop.load(Ordering::Relaxed)
    }

    /// Returns the time at which a call begins, if it is timed.
    #[inline]
    pub fn begins(&self) -> Option<Instant> {
        self.meter.is_timed.then(Instant::now)
    }

    /// Counts a call that has its reply.
    #[inline]
    pub fn ends(&mut self, began: Option<Instant>) {
        if let Some(began) = began.filter(|_| self.meter.counts.load(Ordering::Relaxed)) {
            let took = began.elapsed().as_nanos() as u64;
            if self.latencies.is_none() {
                self.latencies = Histogram::new_with_bounds(1, LONGEST, DIGITS).ok();
            }
            if let Some(latencies) = &mut self.latencies {
                latencies.saturating_record(took);
            }
        }
        self.done += 1;
        self.meter.done[self.number].0.store(self.done, Ordering::Relaxed);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let Some(mine) = self.latencies.take() else { return };
        let mut all = self.meter.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *all {
            None => *all = Some(mine),
            Some(all) => {
                let _ = all.add(mine); // both have the same bounds
            }
        }
    }
}
