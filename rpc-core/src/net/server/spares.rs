//! Floor 4: the threads around a loop that wait: for the loop, for the watch, or for their end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::ServeError;
use super::hands::{Hands, Held};
use super::runner;
use crate::limits::{SPARE_IDLE, SPARES_KEPT, WATCH_QUIET_TICKS, WATCH_TICK};
use crate::net::sync::Instant;
use crate::net::sync::atomic::Ordering;
use crate::net::sync::thread::{self, Thread};
use crate::service::panic_text;

/// What a thread is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Take the loop out of the slot, and drive it.
    Own,
    /// Watch whoever drives it.
    Watch,
}

/// Who comes.
pub(super) enum Hired {
    /// A thread that waits; it is woken after the lock is released.
    Waiting(Thread),
    /// None waits: one is started.
    New,
}

/// The threads of a loop.
#[derive(Debug, Default)]
pub(super) struct Spares {
    /// Those that wait; the one that came last leaves first, so that the others can end.
    waiting: Vec<(u64, Thread)>,
    /// Orders for threads that waited until just now.
    orders: Vec<(u64, Order)>,
    next_ticket: u64,
    watcher: Watcher,
    /// All threads, those in handlers included.
    pub(super) alive: usize,
}

#[derive(Debug, Default)]
enum Watcher {
    #[default]
    Missing,
    Awake,
    /// The loop was idle; whoever begins to run calls wakes it.
    Asleep(Thread),
}

impl Spares {
    /// Chooses a thread for an order. A new one counts as alive from here on.
    pub(super) fn hire(&mut self, order: Order) -> Hired {
        if order == Order::Watch {
            self.watcher = Watcher::Awake;
        }
        match self.waiting.pop() {
            Some((ticket, thread)) => {
                self.orders.push((ticket, order));
                Hired::Waiting(thread)
            }
            None => {
                self.alive += 1;
                Hired::New
            }
        }
    }

    /// The watcher, if it must be woken because calls begin to run.
    pub(super) fn wake_watcher(&mut self) -> Option<Thread> {
        if !matches!(self.watcher, Watcher::Asleep(_)) {
            return None;
        }
        match std::mem::replace(&mut self.watcher, Watcher::Awake) {
            Watcher::Asleep(thread) => Some(thread),
            Watcher::Missing | Watcher::Awake => None,
        }
    }

    pub(super) fn watcher_leaves(&mut self) {
        self.watcher = Watcher::Missing;
    }

    /// Everybody who waits, to be woken for the last time.
    pub(super) fn dismiss(&mut self) -> Vec<Thread> {
        let watcher = self.wake_watcher();
        self.waiting.drain(..).map(|(_, thread)| thread).chain(watcher).collect()
    }

    fn take_order(&mut self, ticket: u64) -> Option<Order> {
        let at = self.orders.iter().position(|(whose, _)| *whose == ticket)?;
        Some(self.orders.swap_remove(at).1)
    }
}

impl Hands {
    /// Starts the loop: a thread to drive it and one to watch.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        // The watcher first: a thread that finds the watch missing would take it as well, and there must be one.
        for order in [Order::Watch, Order::Own] {
            let _ = self.lock().spares.hire(order); // nobody waits yet
            self.start_thread(order)?;
        }
        Ok(())
    }

    /// Starts a thread that was hired.
    pub(super) fn start_thread(self: &Arc<Self>, order: Order) -> io::Result<()> {
        let hands = Arc::clone(self);
        let name = format!("rpc-loop-{}", self.number);
        let started = thread::Builder::new().name(name).spawn(move || hands.work(order));
        if let Err(error) = &started {
            tracing::warn!(%error, "a thread could not be started");
            self.one_less(order);
        }
        started.map(|_| ())
    }

    fn one_less(&self, order: Order) {
        let mut inner = self.lock();
        inner.spares.alive -= 1;
        if order == Order::Watch {
            inner.spares.watcher_leaves(); // the next thread that has nothing to do takes the watch
        }
        drop(inner);
        self.bell.ring();
    }

    /// The life of a thread: it drives, watches and waits, as it is wanted.
    fn work(self: Arc<Self>, first: Order) {
        let lived = catch_unwind(AssertUnwindSafe(|| {
            let mut reply = Vec::new();
            let mut order = Some(first);
            while let Some(wanted) = order {
                let held = match wanted {
                    Order::Own => self.claim(),
                    Order::Watch => self.watch(),
                };
                if let Some(held) = held {
                    runner::serve(&self, held, &mut reply);
                }
                order = self.wait_for_order();
            }
        }));
        if let Err(panic) = lived {
            let text = panic_text(panic);
            tracing::error!(panic = %text, "a loop's own code panicked; the loop ends");
            self.end(None, Some(ServeError::Failed(text)));
        }
        self.one_less(Order::Own);
    }

    /// Waits to be wanted. `None`: this thread is wanted no more.
    fn wait_for_order(&self) -> Option<Order> {
        let mut inner = self.lock();
        if matches!(inner.spares.watcher, Watcher::Missing) && inner.ended.is_none() {
            inner.spares.watcher = Watcher::Awake;
            return Some(Order::Watch);
        }
        inner.spares.next_ticket += 1;
        let ticket = inner.spares.next_ticket;
        inner.spares.waiting.push((ticket, thread::current()));
        let mut idle_since = Instant::now();
        loop {
            if let Some(order) = inner.spares.take_order(ticket) {
                return Some(order);
            }
            let idle = idle_since.elapsed() >= SPARE_IDLE;
            if inner.ended.is_some() || (idle && inner.spares.waiting.len() > SPARES_KEPT) {
                inner.spares.waiting.retain(|(whose, _)| *whose != ticket);
                return None;
            }
            if idle {
                idle_since = Instant::now();
            }
            drop(inner);
            thread::park_timeout(SPARE_IDLE);
            inner = self.lock();
        }
    }

    /// Watches until a handler is late, and then has the loop. `None`: the loop has ended.
    ///
    /// It looks at two counters without a lock and without a clock of its own; the same odd stamp at two looks in a
    /// row is a handler that has run for one tick at least.
    fn watch(self: &Arc<Self>) -> Option<Held> {
        let mut last = (0, 0);
        let mut quiet = 0;
        loop {
            if quiet >= WATCH_QUIET_TICKS {
                self.sleep_until_calls_run();
                quiet = 0;
            } else {
                park_for_a_tick();
            }
            let (stamp, turn) = (self.stamp.load(Ordering::Relaxed), self.turn.load(Ordering::Relaxed));
            let runs = stamp % 2 == 1;
            if (stamp, runs) == (last.0, true) {
                if let Some(held) = self.steal(stamp) {
                    return Some(held);
                }
            } else if runs && turn == last.1 {
                self.look_up.store(true, Ordering::Relaxed);
            }
            quiet = if runs || stamp != last.0 { 0 } else { quiet + 1 };
            last = (stamp, turn);
            if self.lock().ended.is_some() {
                return None;
            }
        }
    }

    /// Sleeps without a timer until somebody begins to run calls, unless somebody already does.
    fn sleep_until_calls_run(&self) {
        let mut inner = self.lock();
        if inner.ended.is_some() || self.stamp.load(Ordering::Relaxed) % 2 == 1 {
            return;
        }
        inner.spares.watcher = Watcher::Asleep(thread::current());
        while matches!(inner.spares.watcher, Watcher::Asleep(_)) {
            drop(inner);
            thread::park();
            inner = self.lock();
        }
    }
}

/// One tick, however often this thread is unparked meanwhile: a tick cut short would make a quick handler look late.
fn park_for_a_tick() {
    let began = Instant::now();
    while let Some(left) = WATCH_TICK.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
