//! The simulated machine of one execution: its clock and timers, its process, its ports, and its random choices.
//!
//! All tasks of an execution run on one thread of the operating system, one at a time, so the machine is a value of that
//! thread. Nothing here is a point at which the scheduler may change the task, unless it says so.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::net::os::{BACKGROUND, CAPACITY, Line, PollState, Port};
use crate::net::sync::thread::{self, Parker};

/// An execution that takes longer than this does not end: no scenario has a timer beyond a minute.
const LONGEST: Duration = Duration::from_secs(900);

/// The virtual clock begins here, so that earlier moments can be named.
const BEGIN: u64 = 1_000_000;

/// The state of the machine.
pub(crate) struct World {
    pub(crate) random: fastrand::Rng,
    now: u64,
    timers: BTreeMap<u64, (u64, Waker)>,
    next_timer: u64,
    clock: Option<Waker>,
    over: bool,
    /// Time-outs fire only when no thread can go on, and no thread wakes for no reason.
    pub(crate) calm: bool,
    /// From here on time-outs may fire early, if the execution is not calm.
    pub(crate) early: bool,
    pub(crate) process: u32,
    pub(crate) ports: HashMap<SocketAddr, Arc<Port>>,
    pub(crate) next_port: u16,
    pub(crate) polls: Vec<Weak<PollState>>,
    pub(crate) lines: Vec<Weak<Mutex<Line>>>,
    /// Unread bytes that a connection holds in each direction.
    pub(crate) capacity: usize,
    /// Threads that wait in a poll.
    pub(crate) polling: HashSet<usize>,
    pub(crate) parkers: HashMap<usize, Arc<Parker>>,
    /// Threads that live, by the number that the scheduler gave them, with their names.
    pub(crate) threads: BTreeMap<usize, String>,
    /// Threads of a process that this one was forked from: they do not exist here.
    pub(crate) gone: Vec<usize>,
    /// The next read of a thread whose name begins so panics, as a defect of ours would.
    pub(crate) defect: Option<&'static str>,
    /// One in so many threads cannot be started; 0: all can.
    pub(crate) spawns_fail: u32,
}

impl World {
    /// The threads that live.
    fn living(&self) -> Vec<String> {
        let named = self.threads.iter().filter(|(_, name)| !name.is_empty());
        named.map(|(number, name)| format!("{number} {name}")).collect()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

thread_local! {
    /// True if each step is printed: for a schedule that is shown again.
    pub(crate) static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// Prints what the running thread does, if it is to be shown.
pub(crate) fn note(what: impl FnOnce() -> String) {
    if SHOWN.get() {
        let number = thread::number();
        let name = with(|world| world.threads.get(&number).cloned().unwrap_or_else(|| "main".to_owned()));
        println!("{:>12.3} ms  {number:>2} {name:<16}{}", elapsed().as_secs_f64() * 1e3, what());
    }
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Unwinds a thread that has no end of its own, when the execution is over.
pub(crate) struct EndOfWorld;

/// Makes a new machine.
pub(crate) fn begin(seed: u64, calm: bool) {
    let world = World {
        random: fastrand::Rng::with_seed(seed),
        now: BEGIN,
        timers: BTreeMap::new(),
        next_timer: 0,
        clock: None,
        over: false,
        calm,
        early: false,
        process: 1,
        ports: HashMap::new(),
        next_port: 1,
        polls: Vec::new(),
        lines: Vec::new(),
        capacity: CAPACITY,
        polling: HashSet::new(),
        parkers: HashMap::new(),
        threads: BTreeMap::new(),
        gone: Vec::new(),
        defect: None,
        spawns_fail: 0,
    };
    let last = WORLD.with(|slot| slot.borrow_mut().replace(world));
    if let Some(failed) = last.filter(|last| !last.over) {
        std::mem::forget(failed); // its wakers belong to tasks that were never ended
    }
}

/// Looks at the machine, or changes it.
///
/// # Panics
/// If there is none: the caller is not a task of an execution.
pub(crate) fn with<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|slot| look(slot.borrow_mut().as_mut().expect("an execution has a machine")))
}

/// The scenario has ended: threads that have no end of their own end now.
pub(crate) fn end() {
    let (wakers, polls) = with(|world| {
        world.over = true;
        (world.clock.take(), world.polls.clone())
    });
    wakers.into_iter().for_each(Waker::wake);
    polls.iter().filter_map(Weak::upgrade).for_each(|poll| poll.wake_waiter());
}

/// Returns true if the scenario has ended.
pub(crate) fn is_over() -> bool {
    with(|world| world.is_over())
}

/// Returns true if time-outs fire only when no thread can go on.
pub(crate) fn is_calm() -> bool {
    with(|world| world.calm)
}

/// Returns the number of live threads whose name begins so.
pub(crate) fn live(name: &str) -> usize {
    with(|world| world.threads.values().filter(|known| known.starts_with(name)).count())
}

/// Becomes a child of this process: the background thread is not in it.
pub(crate) fn fork() {
    with(|world| {
        world.process += 1;
        let background = world.threads.iter().filter(|(_, name)| *name == BACKGROUND);
        world.gone.extend(background.map(|(number, _)| *number));
    });
}

/// The present, in microseconds.
pub(crate) fn now() -> u64 {
    with(|world| world.now)
}

/// The virtual time that has passed.
pub(crate) fn elapsed() -> Duration {
    Duration::from_micros(now() - BEGIN)
}

/// The moment that is `limit` from now.
pub(crate) fn after(limit: Duration) -> u64 {
    now().saturating_add(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
}

/// A choice that the seed decides: true once in `n` times; never in a calm execution.
pub(crate) fn once_in(n: u32) -> bool {
    with(|world| !world.calm && world.random.u32(0..n) == 0)
}

/// Lets the scheduler change the task.
pub(crate) fn switch() {
    shuttle::thread::sleep(Duration::ZERO);
}

/// A timer of a thread that waits.
struct Timer(u64);

impl Timer {
    fn set(&self, until: u64, waker: &Waker) {
        let clock = with(|world| {
            world.timers.insert(self.0, (until, waker.clone()));
            world.clock.take()
        });
        clock.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let _ = WORLD.try_with(|slot| {
            if let Ok(mut world) = slot.try_borrow_mut() {
                world.as_mut().map(|world| world.timers.remove(&self.0));
            }
        });
    }
}

/// Blocks the task until `ready` gives something, or until the time `until` (`None`: without limit).
///
/// `ready` leaves the waker where those find it that make it ready. From its look until the task sleeps no other task
/// runs.
pub(crate) fn wait<T>(until: Option<u64>, mut ready: impl FnMut(&Waker) -> Option<T>) -> Option<T> {
    let timer = with(|world| {
        world.next_timer += 1;
        Timer(world.next_timer)
    });
    shuttle::future::block_on(poll_fn(|context| {
        if let Some(found) = ready(context.waker()) {
            return Poll::Ready(Some(found));
        }
        if let Some(until) = until {
            if until <= now() {
                return Poll::Ready(None);
            }
            timer.set(until, context.waker());
        }
        Poll::Pending
    }))
}

/// As [`wait`] with a waker that is woken by a timer only.
pub(crate) fn notify_at<T>(until: u64, waker: &Waker, during: impl FnOnce() -> T) -> T {
    let timer = with(|world| {
        world.next_timer += 1;
        Timer(world.next_timer)
    });
    timer.set(until, waker);
    during()
}

enum Tick {
    Over,
    Idle,
    Fired(Vec<Waker>),
}

/// The life of the clock: whenever the scheduler lets it run, the time goes on to the next timer.
pub(crate) fn run_clock() {
    loop {
        let tick = with(|world| {
            if world.over {
                return Tick::Over;
            }
            let Some(due) = world.timers.values().map(|(due, _)| *due).min() else { return Tick::Idle };
            world.now = world.now.max(due);
            let now = world.now;
            Tick::Fired(
                world.timers.values().filter(|(due, _)| *due <= now).map(|(_, w)| w.clone()).collect(),
            )
        });
        match tick {
            Tick::Over => return,
            Tick::Fired(wakers) => {
                note(|| format!("the clock goes on and wakes {}", wakers.len()));
                assert!(elapsed() < LONGEST, "V11: after {LONGEST:?} these live: {:?}", with(|w| w.living()));
                wakers.into_iter().for_each(Waker::wake);
                shuttle::thread::yield_now();
            }
            Tick::Idle => {
                wait(None, |waker| {
                    with(|world| {
                        world.clock = Some(waker.clone());
                        (world.over || !world.timers.is_empty()).then_some(())
                    })
                });
            }
        }
    }
}

/// Blocks a thread that does not exist in this process, until the execution is over; then it unwinds.
pub(crate) fn vanish(poll: &PollState) -> ! {
    wait::<()>(None, |waker| {
        poll.leave_waker(waker);
        is_over().then_some(())
    });
    resume_unwind(Box::new(EndOfWorld))
}
