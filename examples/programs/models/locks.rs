//! Coarse and fine locks: one mutex around the whole map, or one around each of its parts; with keys that threads share
//! and with a key for each thread; with critical sections that are short, that work and that wait.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Parts of the fine-grained map.
pub(crate) const PARTS: usize = 64;
/// The work under the lock besides the update.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    /// Nothing.
    Short,
    /// Work of some 20 us, as encoding a large value is.
    Works,
    /// Waits for 1 ms, as for a disk.
    Waits,
}

/// Steps of the work. A count and not a time, since a thread that is not running does no work.
const STEPS: u64 = 20_000;
/// The length of the wait.
const WAIT: Duration = Duration::from_millis(1);

/// The result of one kind of lock.
#[derive(Clone, Debug)]
pub(crate) struct LockRow {
    pub(crate) parts: usize,
    pub(crate) shared_key: bool,
    pub(crate) section: Section,
    pub(crate) per_second: f64,
}

/// A map in parts, each behind a lock. With one part this is the coarse lock.
struct Parts {
    hasher: RandomState,
    parts: Vec<Mutex<HashMap<String, u64>>>,
}

impl Parts {
    fn add_one(&self, key: &str, section: Section) {
        let part = self.hasher.hash_one(key) as usize % self.parts.len();
        let Some(part) = self.parts.get(part) else { return };
        let mut pairs = part.lock().unwrap_or_else(PoisonError::into_inner); // each step leaves it valid
        if let Some(count) = pairs.get_mut(key) {
            *count += 1;
        } else {
            pairs.insert(key.to_owned(), 1);
        }
        match section {
            Section::Short => {}
            Section::Works => {
                (0..STEPS).fold(1_u64, |state, step| black_box(state.wrapping_mul(31).wrapping_add(step)));
            }
            Section::Waits => thread::sleep(WAIT),
        }
    }
}

/// Slices of a measurement. The best one counts, since other programs on the machine can only make it slower.
const SLICES: u32 = 5;

/// Returns all rows, each measured for this time.
pub(crate) fn measure(time: Duration) -> Vec<LockRow> {
    let mut rows = Vec::new();
    for section in [Section::Short, Section::Works, Section::Waits] {
        for shared_key in [false, true] {
            for parts in [1, PARTS] {
                for threads in [1, 2, 4] {
                    let slices = (0..SLICES).map(|_| run(parts, shared_key, section, threads, time / SLICES));
                    let per_second = slices.fold(0.0, f64::max);
                    rows.push(LockRow { parts, shared_key, section, per_second });
                }
            }
        }
    }
    rows
}

fn run(parts: usize, shared_key: bool, section: Section, threads: usize, time: Duration) -> f64 {
    let map = Parts { hasher: RandomState::new(), parts: (0..parts).map(|_| Mutex::default()).collect() };
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let done: u64 = thread::scope(|scope| {
        let (map, stop) = (&map, &stop);
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let key = if shared_key { "shared".to_owned() } else { format!("key of thread {thread}") };
                scope.spawn(move || {
                    let mut done = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        map.add_one(&key, section);
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap_or(0)).sum() // they do not panic
    });
    done as f64 / began.elapsed().as_secs_f64()
}
