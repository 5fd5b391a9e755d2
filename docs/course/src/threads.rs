//! Threads, locks, signals and channels whose schedule is a list: one thread runs at a time, and the list says when another goes on.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{MutexGuard, PoisonError};
use std::thread;

use fastrand::Rng;

use crate::judge::{Fault, Stopped, last_panic};
use crate::story::tell;

mod sync;

pub use sync::{Condvar, Guard, Mutex, Receiver, Sender, channel};

/// The most steps of a story. Those that end take a few hundred.
const MOST_STEPS: usize = 4_000;
/// The stories of an exercise with threads: a switch between threads of the operating system takes some microseconds.
pub(crate) const STORIES: u64 = 400;
/// The choice that lets a thread wake up from a condition variable without a signal.
const SPURIOUS: u8 = 255;

/// A thing that threads wait for.
pub(crate) type Object = usize;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Waits { object: Object, what: String },
    Ended,
}

struct Thread {
    name: String,
    state: State,
    /// The thread of the operating system, once it runs.
    real: Option<thread::Thread>,
}

/// The threads of the story that goes on.
struct World {
    threads: Vec<Thread>,
    /// The one that runs.
    current: usize,
    choices: VecDeque<u8>,
    steps: usize,
    objects: Object,
    /// True when no thread can go on, or a rule was broken: all threads unwind.
    is_over: bool,
    /// The end, when it is over.
    ending: Ending,
    fault: Option<Fault>,
    real: Vec<thread::JoinHandle<()>>,
}

static WORLD: std::sync::Mutex<World> = std::sync::Mutex::new(World::new());

thread_local! {
    static ME: Cell<usize> = const { Cell::new(0) };
}

/// The payload by which a thread of a story that is over unwinds.
struct Over;

impl World {
    const fn new() -> Self {
        World {
            threads: Vec::new(),
            current: 0,
            choices: VecDeque::new(),
            steps: 0,
            objects: 0,
            is_over: false,
            ending: Ending { is_main_done: false, waiting: Vec::new() },
            fault: None,
            real: Vec::new(),
        }
    }

    /// Returns the threads that can go on, except this one.
    fn others(&self, me: usize) -> Vec<usize> {
        (0..self.threads.len()).filter(|at| *at != me && self.threads[*at].state == State::Ready).collect()
    }

    fn end(&mut self) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        let waiting = self.threads.iter().filter_map(|thread| match &thread.state {
            State::Waits { what, .. } => Some(format!("{} waits {what}", thread.name)),
            State::Ready | State::Ended => None,
        });
        self.ending.waiting = waiting.collect();
        self.ending.is_main_done = self.threads.first().is_some_and(|main| main.state == State::Ended);
        self.threads.iter().filter_map(|thread| thread.real.as_ref()).for_each(thread::Thread::unpark);
    }

    fn hand_over(&mut self, next: usize) {
        self.current = next;
        if let Some(real) = &self.threads[next].real {
            real.unpark();
        }
    }

    /// This thread cannot go on: another one does, or the story is over.
    fn leave(&mut self, me: usize) {
        let others = self.others(me);
        let choice = self.choices.pop_front().unwrap_or(0);
        match others.len() {
            0 => self.end(),
            count => self.hand_over(others[usize::from(choice) % count]),
        }
    }
}

fn world() -> MutexGuard<'static, World> {
    WORLD.lock().unwrap_or_else(PoisonError::into_inner) // the functions above do not panic half-way
}

fn me() -> usize {
    ME.with(Cell::get)
}

/// Returns the name of the thread that runs.
pub fn name() -> String {
    world().threads.get(me()).map_or(String::new(), |thread| thread.name.clone())
}

/// Waits until this thread is the one that runs. Unwinds if the story is over.
fn await_turn() {
    loop {
        {
            let world = world();
            if world.is_over {
                break;
            }
            if world.current == me() {
                return;
            }
        }
        thread::park();
    }
    if !thread::panicking() {
        panic::resume_unwind(Box::new(Over));
    }
}

/// A point at which another thread may go on.
pub(crate) fn point() {
    let me = me();
    {
        let mut world = world();
        world.steps += 1;
        if world.steps > MOST_STEPS && world.fault.is_none() {
            let sentence = format!(
                "the threads take {MOST_STEPS} steps and do not end: a loop asks again and again. Wait for a signal instead"
            );
            world.fault = Some(Fault { rule: "spins", sentence });
            world.end();
        }
        let choice = usize::from(world.choices.pop_front().unwrap_or(0));
        let others = world.others(me);
        if !world.is_over && choice > 0 && !others.is_empty() {
            world.hand_over(others[(choice - 1) % others.len()]);
        }
    }
    await_turn();
}

/// Waits for an object: until [`wake`] or [`wake_one`] names it.
pub(crate) fn block(object: Object, what: &str) {
    let me = me();
    {
        let mut world = world();
        tell(format!("{} waits {what}", world.threads[me].name));
        world.threads[me].state = State::Waits { object, what: what.to_owned() };
        world.leave(me);
    }
    await_turn();
}

/// Lets all threads go on that wait for an object.
pub(crate) fn wake(object: Object) {
    for thread in &mut world().threads {
        if matches!(&thread.state, State::Waits { object: waits, .. } if *waits == object) {
            thread.state = State::Ready;
        }
    }
}

/// Lets one thread go on that waits for an object, if there is one.
pub(crate) fn wake_one(object: Object) {
    let mut world = world();
    let waits = |thread: &&mut Thread| matches!(&thread.state, State::Waits { object: waits, .. } if *waits == object);
    if let Some(thread) = world.threads.iter_mut().find(waits) {
        thread.state = State::Ready;
    }
}

/// Returns true if the schedule lets a thread wake up without a signal here.
fn is_spurious() -> bool {
    let mut world = world();
    let is_next = world.choices.front() == Some(&SPURIOUS);
    if is_next {
        world.choices.pop_front();
    }
    is_next
}

/// Returns a new object.
pub(crate) fn object() -> Object {
    let mut world = world();
    world.objects += 1;
    world.objects
}

/// Starts a thread.
pub fn spawn(name: impl Into<String>, work: impl FnOnce() + Send + 'static) {
    let number = {
        let mut world = world();
        world.threads.push(Thread { name: name.into(), state: State::Ready, real: None });
        world.threads.len() - 1
    };
    let real = thread::spawn(move || {
        ME.with(|me| me.set(number));
        world().threads[number].real = Some(thread::current());
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            await_turn();
            work();
        }));
        ended(number, result.err());
    });
    world().real.push(real);
}

/// A thread has ended: by itself, by a panic, or since the story is over.
fn ended(number: usize, panic: Option<Box<dyn std::any::Any + Send>>) {
    let mut world = world();
    world.threads[number].state = State::Ended;
    if let Some(payload) = panic.filter(|payload| !payload.is::<Over>()) {
        let fault = match payload.downcast::<Stopped>() {
            Ok(stopped) => stopped.0,
            Err(_) => Fault { rule: "panic", sentence: format!("your code panics: {}", last_panic()) },
        };
        world.fault.get_or_insert(fault);
        world.end();
    }
    if !world.is_over {
        world.leave(number);
    }
}

/// Ends the story: a rule was broken.
pub(crate) fn broken(rule: &'static str, sentence: impl Into<String>) -> ! {
    panic::panic_any(Stopped(Fault { rule, sentence: sentence.into() }))
}

/// The end of a story.
#[derive(Clone)]
pub(crate) struct Ending {
    /// True if the first thread has ended by itself.
    pub(crate) is_main_done: bool,
    /// The threads that wait for ever, each with what it waits for.
    pub(crate) waiting: Vec<String>,
}

/// Plays a story with this schedule: `main` in the first thread, and all that it spawns.
///
/// # Errors
/// A rule was broken, or a thread panicked.
pub(crate) fn play(
    choices: &[u8],
    name: &str,
    main: impl FnOnce() + Send + 'static,
) -> Result<Ending, Fault> {
    *world() = World { choices: choices.iter().copied().collect(), ..World::new() };
    spawn(name, main);
    loop {
        let Some(real) = world().real.pop() else { break };
        let _ = real.join(); // its panic was caught, and is in the world
    }
    let world = world();
    world.fault.clone().map_or_else(|| Ok(world.ending.clone()), Err)
}

/// Draws a schedule: mostly a thread goes on, sometimes another one does.
pub(crate) fn draw(random: &mut Rng, size: usize) -> Vec<u8> {
    let length = random.usize(0..=6 + 10 * size);
    let calm = random.u8(1..=6); // how seldom another thread goes on
    let choice = |random: &mut Rng| match random.u8(0..30) {
        0 => SPURIOUS,
        _ if random.u8(0..=calm) == 0 => random.u8(1..=6),
        _ => 0,
    };
    (0..length).map(|_| choice(random)).collect()
}

/// Returns schedules that are simpler by one thing: shorter, or with one thread that goes on.
pub(crate) fn simpler(choices: &[u8]) -> Vec<Vec<u8>> {
    let half = (choices.len() > 3).then(|| choices[..choices.len() / 2].to_vec());
    let shorter = choices.split_last().map(|(_, rest)| rest.to_vec());
    let calmer = (0..choices.len()).filter(|at| choices[*at] != 0).map(|at| {
        let mut choices = choices.to_vec();
        choices[at] = 0;
        choices
    });
    half.into_iter().chain(shorter).chain(calmer).collect()
}
