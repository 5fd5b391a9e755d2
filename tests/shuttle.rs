//! Who drives a client: `rpc-core/src/net/client/{state,driver,background}.rs` as a model of the same steps under the same
//! locks, run in thousands of interleavings; and what each rule is for: without it, somebody waits for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
use shuttle::thread::{self, Thread};
use shuttle::{Config, Runner};

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Whoever leaves does not pass the role on.
    NoHandOver,
    /// A caller that leaves because its time is over passes nothing on.
    NoHandOverInTime,
    /// 'I am about to sleep' is written down after the lock under which there was nothing to send.
    PollingTooLate,
    /// The background thread sees that a caller drives, and writes down that it left, under two locks.
    TwoLooks,
    /// Whoever parks writes its name down after the lock under which somebody drove.
    ParksTooLate,
}

#[derive(Clone, Copy, PartialEq)]
enum Driving {
    Nobody,
    Caller,
    Background,
}

#[derive(Default)]
struct Call {
    answered: bool,
    owed: bool,
    out_of_time: bool,
    sleeper: Option<Thread>,
    waker: Option<Thread>, // of a future: it never drives
}

struct State {
    driving: Driving,
    polling: bool,
    armed: bool,
    to_send: Vec<usize>,
    calls: Vec<Call>,
    parked: Vec<usize>,
}

impl State {
    fn owes(&self) -> bool {
        self.calls.iter().any(|call| call.owed)
    }
}

/// What the kernel has for whoever polls.
#[derive(Default)]
struct Events {
    replies: Vec<usize>,
    woken: bool,
}

#[derive(Default)]
struct Desk {
    orders: usize,
    closed: bool,
}

struct Client {
    fault: Fault,
    state: Mutex<State>,
    events: Mutex<Events>,
    event: Condvar,
    wire: Mutex<Vec<usize>>,
    written: Condvar,
    desk: Mutex<Desk>,
    order: Condvar,
}

type Wakes = Vec<Thread>;

impl Client {
    fn new(fault: Fault, calls: usize) -> Arc<Self> {
        let calls = (0..calls).map(|_| Call::default()).collect();
        let (driving, to_send, parked) = (Driving::Nobody, Vec::new(), Vec::new());
        Arc::new(Client {
            fault,
            state: Mutex::new(State { driving, polling: false, armed: false, to_send, calls, parked }),
            events: Mutex::default(),
            event: Condvar::new(),
            wire: Mutex::default(),
            written: Condvar::new(),
            desk: Mutex::default(),
            order: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    fn begin(&self, state: &mut State, id: usize) {
        state.to_send.push(id);
        state.calls[id].owed = true;
    }

    /// A blocking call.
    fn call(&self, id: usize) {
        let mut state = self.lock();
        self.begin(&mut state, id);
        let wakes = self.attend(state, id);
        send(wakes);
    }

    /// A started call that is waited for with a limit: it may run out of time at any moment.
    fn start_and_wait(&self, id: usize) {
        let mut state = self.lock();
        self.begin(&mut state, id);
        self.wake_driver(&mut state);
        let wakes = self.attend(state, id);
        send(wakes);
    }

    /// A started call that is awaited: its thread never drives.
    fn start_and_await(&self, id: usize) {
        let mut state = self.lock();
        self.begin(&mut state, id);
        self.wake_driver(&mut state);
        let mut wakes = Wakes::new();
        self.leave(&mut state, &mut wakes);
        drop(state);
        send(wakes);
        loop {
            let mut state = self.lock();
            if state.calls[id].answered {
                return;
            }
            state.calls[id].waker = Some(thread::current());
            drop(state);
            thread::park();
        }
    }

    fn attend<'a>(&'a self, mut state: MutexGuard<'a, State>, id: usize) -> Wakes {
        let mut wakes = Wakes::new();
        loop {
            if state.calls[id].answered || state.calls[id].out_of_time {
                if self.fault != Fault::NoHandOverInTime || state.calls[id].answered {
                    self.leave(&mut state, &mut wakes);
                }
                return wakes;
            }
            if state.driving == Driving::Nobody {
                state.driving = Driving::Caller;
                return self.drive(state, Some(id), wakes);
            }
            self.wake_driver(&mut state);
            if self.fault == Fault::ParksTooLate {
                drop(state);
                state = self.lock();
            }
            state.calls[id].sleeper = Some(thread::current());
            state.parked.push(id);
            drop(state);
            thread::park();
            state = self.lock();
            state.calls[id].sleeper = None;
            state.parked.retain(|parked| *parked != id);
        }
    }

    /// Drives until the call `id` has ended, or, in the background, until nothing is owed.
    fn drive<'a>(&'a self, mut state: MutexGuard<'a, State>, id: Option<usize>, mut wakes: Wakes) -> Wakes {
        loop {
            let done = match id {
                Some(id) => state.calls[id].answered || state.calls[id].out_of_time,
                None => !state.owes(),
            };
            if done {
                break;
            }
            let sent: Vec<usize> = state.to_send.drain(..).collect();
            state.polling = self.fault != Fault::PollingTooLate;
            drop(state);
            send(std::mem::take(&mut wakes));
            self.write(sent);
            if self.fault == Fault::PollingTooLate {
                self.lock().polling = true;
            }
            let replies = self.poll();
            state = self.lock();
            state.polling = false;
            for reply in replies {
                let call = &mut state.calls[reply];
                (call.answered, call.owed) = (true, false);
                wakes.extend(call.sleeper.clone());
                wakes.extend(call.waker.take());
            }
        }
        state.driving = Driving::Nobody;
        if id.is_none() {
            state.armed = false; // the background gives back: nothing is owed
        } else {
            self.leave(&mut state, &mut wakes);
        }
        wakes
    }

    fn leave(&self, state: &mut State, wakes: &mut Wakes) {
        if state.driving != Driving::Nobody || self.fault == Fault::NoHandOver {
            return;
        }
        if let Some(id) = state.parked.last() {
            wakes.extend(state.calls[*id].sleeper.clone());
        } else if state.owes() && !state.armed {
            state.armed = true;
            self.desk.lock().expect("not poisoned").orders += 1; // the order of the locks: state, then desk
            self.order.notify_one();
        }
    }

    fn wake_driver(&self, state: &mut State) {
        if std::mem::take(&mut state.polling) {
            self.wake();
        }
    }

    fn wake(&self) {
        self.events.lock().expect("not poisoned").woken = true;
        self.event.notify_one();
    }

    fn poll(&self) -> Vec<usize> {
        let mut events = self.events.lock().expect("not poisoned");
        while events.replies.is_empty() && !events.woken {
            events = self.event.wait(events).expect("not poisoned");
        }
        events.woken = false;
        std::mem::take(&mut events.replies)
    }

    fn write(&self, sent: Vec<usize>) {
        self.wire.lock().expect("not poisoned").extend(sent);
        self.written.notify_one();
    }

    /// Answers one by one, and none before all have come: a call that was not sent holds up the others.
    fn serve(&self, calls: usize) {
        let mut wire = self.wire.lock().expect("not poisoned");
        while wire.len() < calls {
            wire = self.written.wait(wire).expect("not poisoned");
        }
        let all = std::mem::take(&mut *wire);
        drop(wire);
        for id in all {
            self.events.lock().expect("not poisoned").replies.push(id);
            self.event.notify_one();
        }
    }

    /// Time is over for a call: its thread wakes by itself, wherever it sleeps.
    fn run_out_of_time(&self, id: usize) {
        let mut state = self.lock();
        state.calls[id].out_of_time = true;
        let sleeper = state.calls[id].sleeper.clone();
        drop(state);
        sleeper.iter().for_each(Thread::unpark);
        self.wake(); // if it drives, its poll ends in time
    }

    fn background(&self) {
        loop {
            let mut desk = self.desk.lock().expect("not poisoned");
            while desk.orders == 0 && !desk.closed {
                desk = self.order.wait(desk).expect("not poisoned");
            }
            if desk.orders == 0 {
                return;
            }
            desk.orders -= 1;
            drop(desk);
            let mut state = self.lock();
            if state.driving == Driving::Nobody {
                state.driving = Driving::Background;
                send(self.drive(state, None, Wakes::new()));
                continue;
            }
            if self.fault == Fault::TwoLooks {
                drop(state);
                state = self.lock();
            }
            state.armed = false; // whoever drives asks again when it leaves
        }
    }

    fn close(&self) {
        self.desk.lock().expect("not poisoned").closed = true;
        self.order.notify_one();
    }
}

fn send(wakes: Wakes) {
    wakes.iter().for_each(Thread::unpark);
}

/// Two callers, one of which may run out of time, two futures, and a server that answers all: everybody comes home.
fn all_come_home(fault: Fault) {
    let client = Client::new(fault, 4);
    let run = |work: fn(&Client)| {
        let client = Arc::clone(&client);
        thread::spawn(move || work(&client))
    };
    let helpers = [run(|client| client.serve(4)), run(Client::background)];
    let clock = run(|client| client.run_out_of_time(0));
    let callers = [
        run(|client| client.start_and_wait(0)),
        run(|client| client.call(1)),
        run(|client| client.start_and_await(2)),
        run(|client| client.start_and_await(3)),
    ];
    for thread in callers.into_iter().chain([clock]) {
        thread.join().expect("it comes home");
    }
    client.close();
    for thread in helpers {
        thread.join().expect("it comes home");
    }
}

/// The searches are seeded, so that what passed here passes everywhere. `RPC_SEED=N` searches elsewhere.
fn seed() -> u64 {
    std::env::var("RPC_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The search that finds rare orders: few changes of thread, at moments drawn anew for each interleaving.
fn few_changes(seed: u64, interleavings: usize) -> Runner<PctScheduler> {
    Runner::new(PctScheduler::new_from_seed(seed, 3, interleavings), Config::default())
}

/// Looks for an interleaving in which somebody waits for ever.
fn is_found(fault: Fault) -> bool {
    let search = || few_changes(seed(), 20_000).run(move || all_come_home(fault));
    catch_unwind(AssertUnwindSafe(search)).is_err()
}

#[test]
fn whatever_the_order_everybody_who_waits_comes_home() {
    let any_change = RandomScheduler::new_from_seed(seed(), 3_000);
    Runner::new(any_change, Config::default()).run(|| all_come_home(Fault::None));
    few_changes(seed(), 3_000).run(|| all_come_home(Fault::None));
}

#[test]
fn a_leaver_that_does_not_pass_the_role_on_leaves_somebody_waiting() {
    assert!(is_found(Fault::NoHandOver));
    assert!(is_found(Fault::NoHandOverInTime));
}

#[test]
fn a_flag_set_outside_the_critical_section_loses_a_wake_up() {
    assert!(is_found(Fault::PollingTooLate));
    assert!(is_found(Fault::ParksTooLate));
}

#[test]
fn seeing_who_drives_and_writing_it_down_is_one_step() {
    assert!(is_found(Fault::TwoLooks));
}
