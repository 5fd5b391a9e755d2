//! Floor 4: one thread per process that drives what is owed and waited for by nobody: started calls, dirty slots, races,
//! futures, sessions that only resolve themselves. It starts with the first such debt and sleeps when there is none.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use slab::Slab;

use super::driver::{Driver, SOCKET, look};
use super::shared::Shared;
use super::state::{Driving, State, Wakes};
use super::wire::{Io, Wire, poll_limit};
use crate::ids::{Clock, Time};
use crate::limits::BACKGROUND_TICK;
use crate::net::MonotonicClock;
use crate::net::os::{self, Event, Events, Poll, Token};
use crate::net::sync::{Mutex, PoisonError, per_process, thread};

/// What the thread is asked.
#[derive(Debug)]
enum Order {
    /// Something is owed and nobody sleeps for it: drive, unless its owner comes back soon; or at once.
    LookAfter(Weak<Shared>, bool),
    /// Something is to be sent over a session that it drives.
    Turn(Weak<Shared>),
    /// A session that takes no new calls.
    Resolve(Weak<Shared>, Box<Wire>),
    /// A session that was closed while this thread drove it: its last words are to leave.
    Finish(Arc<Shared>),
}

#[derive(Debug)]
struct Desk {
    orders: Vec<Order>,
    waker: Option<os::Waker>, // there while the thread is
    process: u32,
}

per_process! {
    static DESK: Mutex<Desk> = Mutex::new(Desk { orders: Vec::new(), waker: None, process: 0 });
}

/// Asks the thread to drive for a client: at once, or if nobody does so within a tick. Says whether there is a thread.
pub(super) fn look_after(client: Weak<Shared>, at_once: bool) -> bool {
    order(Order::LookAfter(client, at_once))
}

/// Tells the thread that a session that it drives has something to send.
pub(super) fn turn(client: Weak<Shared>) {
    order(Order::Turn(client));
}

/// Gives the thread a session to be resolved.
pub(super) fn resolve(client: Weak<Shared>, wire: Wire) {
    order(Order::Resolve(client, Box::new(wire)));
}

/// Lets the thread say BYE for a session that it drives; the client is kept until then.
pub(super) fn finish(client: Arc<Shared>) {
    order(Order::Finish(client));
}

fn order(order: Order) -> bool {
    let mut desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
    if desk.waker.is_none() || desk.process != os::process_id() {
        desk.orders.clear(); // a forked child has its parent's desk but not its thread
        if let Err(error) = hire(&mut desk) {
            tracing::error!(%error, "the background thread could not be started");
            return false;
        }
    }
    desk.orders.push(order);
    if let Some(Err(error)) = desk.waker.as_ref().map(os::Waker::wake) {
        tracing::error!(%error, "the background thread could not be woken");
    }
    true
}

fn hire(desk: &mut Desk) -> io::Result<()> {
    let poll = Poll::new()?;
    let waker = os::Waker::new(poll.registry(), WAKER)?;
    thread::Builder::new().name("rpc-background".to_owned()).spawn(move || {
        let clients = Slab::new();
        Keeper { poll, clients, due: BTreeSet::new(), clock: MonotonicClock::new() }.run();
    })?;
    desk.waker = Some(waker);
    desk.process = os::process_id();
    Ok(())
}

const WAKER: Token = Token(usize::MAX);

/// What the thread does for a client.
#[derive(Debug)]
enum Duty {
    /// Waits whether its owner comes back; the count of turns driven when it last looked.
    Watch(u64),
    /// Drives.
    Drive(Box<Driver>),
    /// Drives a session that takes no new calls.
    Resolve(Box<Wire>),
}

#[derive(Debug)]
struct Client {
    shared: Weak<Shared>,
    duty: Duty,
    due: Time,
}

/// The thread.
struct Keeper {
    poll: Poll,
    clients: Slab<Client>,
    due: BTreeSet<(Time, usize)>,
    clock: MonotonicClock,
}

impl Keeper {
    fn run(mut self) {
        let mut events = Events::with_capacity(256);
        loop {
            let now = self.clock.now();
            let limit = self.due.first().map(|(due, _)| due.since(now));
            if let Err(error) = self.poll.poll(&mut events, poll_limit(limit)) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "the background thread cannot wait; it pauses");
                    thread::sleep(BACKGROUND_TICK);
                }
                continue;
            }
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.step(event.token().0, Some(event));
            }
            let orders = {
                let mut desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut desk.orders)
            };
            orders.into_iter().for_each(|order| self.obey(order));
            let now = self.clock.now();
            while let Some((_, key)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
                self.set_due(key, Time::NEVER);
                self.step(key, None);
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::LookAfter(shared, at_once) => {
                let key = self.find(&shared).unwrap_or_else(|| self.take_on(shared, Duty::Watch(u64::MAX)));
                if at_once {
                    self.adopt(key);
                } else {
                    self.set_due(key, self.clock.now().plus(BACKGROUND_TICK));
                }
            }
            Order::Turn(shared) => {
                if let Some(key) = self.find(&shared) {
                    self.step(key, None);
                }
            }
            Order::Finish(shared) => {
                let shared = Arc::downgrade(&shared);
                let of_it = self.clients.iter().filter(|(_, client)| client.shared.ptr_eq(&shared));
                let keys: Vec<usize> = of_it.map(|(key, _)| key).collect();
                for key in keys {
                    self.step(key, None); // BYE,
                    self.step(key, None); // and then the end of the socket
                }
            }
            Order::Resolve(shared, mut wire) => {
                let key = self.clients.vacant_key();
                if let Err(error) = wire.join(self.poll.registry(), Token(key)) {
                    tracing::warn!(%error, "a socket could not be taken over");
                }
                let key = self.take_on(shared, Duty::Resolve(wire));
                self.step(key, None);
            }
        }
    }

    /// The place where a client's current session is looked after.
    fn find(&self, shared: &Weak<Shared>) -> Option<usize> {
        let mut known = self.clients.iter();
        known.find_map(|(key, client)| {
            let current = !matches!(client.duty, Duty::Resolve(_));
            (current && client.shared.ptr_eq(shared)).then_some(key)
        })
    }

    fn take_on(&mut self, shared: Weak<Shared>, duty: Duty) -> usize {
        self.clients.insert(Client { shared, duty, due: Time::NEVER })
    }

    fn set_due(&mut self, key: usize, due: Time) {
        let Some(client) = self.clients.get_mut(key) else { return };
        self.due.remove(&(client.due, key));
        client.due = due;
        if due < Time::NEVER {
            self.due.insert((due, key));
        }
    }

    fn dismiss(&mut self, key: usize) -> Option<Client> {
        self.set_due(key, Time::NEVER);
        self.clients.try_remove(key)
    }

    /// One look at a client, after an event of its socket or without one. A panic costs this client its session, and no other client anything.
    fn step(&mut self, key: usize, event: Option<&Event>) {
        let shared = self.clients.get(key).and_then(|client| client.shared.upgrade());
        if catch_unwind(AssertUnwindSafe(|| self.look_at(key, event))).is_err() {
            self.dismiss(key);
            if let Some(shared) = shared {
                shared.recover();
            }
        }
    }

    fn look_at(&mut self, key: usize, event: Option<&Event>) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let Some(shared) = client.shared.upgrade() else {
            self.dismiss(key); // the client is gone; its sockets go with the duty
            return;
        };
        let mut io = Io::default();
        match (&mut client.duty, event) {
            (Duty::Drive(driver), Some(event)) => look(&mut driver.wire, event, &mut io),
            (Duty::Resolve(wire), Some(event)) => look(wire, event, &mut io),
            (Duty::Watch(_), Some(_)) => return, // its socket is not in this poll any more
            (_, None) => {}
        }
        match client.duty {
            Duty::Watch(turns) => self.watch(key, &shared, turns),
            Duty::Drive(_) => self.drive(key, &shared, io),
            Duty::Resolve(_) => self.resolve(key, &shared, io),
        }
    }

    /// Takes the driver up unless the client's own threads are at it.
    fn watch(&mut self, key: usize, shared: &Arc<Shared>, turns: u64) {
        let mut state = shared.lock();
        if !matches!(state.driving, Driving::Nobody(_)) || !state.core.owes() {
            state.armed = false; // whoever drives asks again when it leaves
            drop(state);
            self.dismiss(key);
        } else if state.turns != turns {
            let turns = state.turns;
            drop(state);
            if let Some(client) = self.clients.get_mut(key) {
                client.duty = Duty::Watch(turns);
            }
            self.set_due(key, self.clock.now().plus(BACKGROUND_TICK));
        } else {
            drop(state);
            self.adopt(key);
        }
    }

    fn adopt(&mut self, key: usize) {
        let Some(client) = self.clients.get_mut(key).filter(|c| matches!(c.duty, Duty::Watch(_))) else {
            return;
        };
        let Some(shared) = client.shared.upgrade() else {
            self.dismiss(key);
            return;
        };
        let mut state = shared.lock();
        shared.notice_fork(&mut state);
        let Some(mut driver) = state.take_driver(Driving::Background) else {
            state.armed = false; // a caller drives, and asks again when it leaves: seen and said under one lock
            drop(state);
            self.dismiss(key);
            return;
        };
        drop(state);
        let Driver { poll, wire, .. } = &mut *driver;
        if let Err(error) = wire.move_to(poll.registry(), self.poll.registry(), Token(key)) {
            tracing::warn!(%error, "a socket could not be taken over");
        }
        client.duty = Duty::Drive(driver);
        self.step(key, None);
    }

    fn drive(&mut self, key: usize, shared: &Arc<Shared>, mut io: Io) {
        let registry = self.poll.registry();
        let Some(Client { duty: Duty::Drive(driver), .. }) = self.clients.get_mut(key) else { return };
        driver.wire.read_on(&mut io);
        let mut wakes = Wakes::default();
        let now = shared.clock.now();
        let mut state = shared.lock();
        state.polling = false;
        state.turns += 1;
        shared.apply(&mut state.core, &mut driver.wire, io, registry, now);
        shared.pump(&mut state.core, &mut driver.wire, registry, Token(key), now);
        let retired = state.retire_if_stuck(&mut driver.wire, now, || shared.fresh_core());
        let mut io = Io::default();
        driver.wire.flush(&mut io);
        shared.apply(&mut state.core, &mut driver.wire, io, registry, now);
        state.deliver(&mut wakes); // of the writing as well: it may have ended the connection, and calls with it
        let more = state.core.wants_transmit() && driver.wire.is_connected() && driver.wire.out.is_empty();
        let again = state.core.wants_close() || more || driver.wire.is_unread();
        let due = if again { now } else { state.core.poll_timeout().unwrap_or(Time::NEVER) };
        let idle = !state.core.owes() && !again;
        state.polling = !idle;
        state.sleeps_until = due;
        if idle {
            self.give_back(key, &mut state);
        }
        drop(state);
        wakes.send();
        if let Some(mut wire) = retired {
            wire.leave(self.poll.registry());
            self.obey(Order::Resolve(Arc::downgrade(shared), Box::new(wire)));
        }
        if !idle {
            let ahead = due.since(now); // the client's clock is not ours
            self.set_due(key, self.clock.now().plus(ahead));
        }
    }

    fn give_back(&mut self, key: usize, state: &mut State) {
        let Some(Client { duty: Duty::Drive(mut driver), .. }) = self.dismiss(key) else { return };
        let Driver { poll, wire, .. } = &mut *driver;
        if let Err(error) = wire.move_to(self.poll.registry(), poll.registry(), SOCKET) {
            tracing::warn!(%error, "a socket could not be given back");
        }
        state.driving = Driving::Nobody(driver);
        state.armed = false;
        state.urgent = false;
    }

    fn resolve(&mut self, key: usize, shared: &Arc<Shared>, mut io: Io) {
        let registry = self.poll.registry();
        let Some(Client { duty: Duty::Resolve(wire), .. }) = self.clients.get_mut(key) else { return };
        wire.read_on(&mut io);
        let mut wakes = Wakes::default();
        let now = shared.clock.now();
        let mut state = shared.lock();
        let Some(core) = state.retired.as_mut() else {
            drop(state);
            self.dismiss(key);
            return;
        };
        shared.apply(core, wire, io, registry, now);
        if core.dirty_slots() == 0 {
            core.close(now); // every question is answered: BYE
        }
        shared.pump(core, wire, registry, Token(key), now);
        let mut io = Io::default();
        wire.flush(&mut io);
        shared.apply(core, wire, io, registry, now);
        let due = if wire.is_unread() { now } else { core.poll_timeout().unwrap_or(Time::NEVER) };
        let done = core.dirty_slots() == 0;
        if state.deliver(&mut wakes) {
            shared.wake_driver(&mut state); // whoever drives the other session may wait for this answer
        }
        if done {
            wire.close(registry);
            state.retired = None;
        }
        drop(state);
        wakes.send();
        if done {
            self.dismiss(key);
        } else {
            self.set_due(key, self.clock.now().plus(due.since(now))); // the client's clock is not ours
        }
    }
}
