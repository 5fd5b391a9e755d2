//! Layer 4: the watcher of a loop: it finds a slow handler, and takes the loop from its thread.
//!
//! The owner pays two relaxed stores for each call, and no clock. The watcher reads them once a tick:
//!
//! ```text
//!  stamp, at two ticks    turn       the owner                       the watcher
//!  ---------------------  ---------  ------------------------------  ------------------------------------------
//!  odd and the same       any        has run one handler for a tick  take_over: it drives the loop from here on
//!  odd and different      the same   runs many quick calls           requests that the owner polls its sockets
//!  even, for many ticks   any        waits for events                sleeps until the owner runs a call
//! ```

use std::sync::Arc;

use super::pool::{Task, Watcher};
use super::work::wake_or_spawn;
use crate::limits::{WATCH_QUIET_TICKS, WATCH_TICK};
use crate::net::server::loop_owner::{LoopOwner, OwnedLoop};
use crate::net::sync::Instant;
use crate::net::sync::atomic::Ordering;
use crate::net::sync::thread;

/// Watches until a handler is slow, and then takes the loop. Returns `None` if the loop has ended.
///
/// Each tick reads two counters, without a lock and without a clock. If two ticks in a row read the same odd stamp, one
/// handler has run for at least a tick: it is slow. If the stamp differs and the turn is the same, the owner runs many
/// quick calls and does not poll its sockets meanwhile, so the watcher requests that it does.
pub(super) fn watch(owner: &Arc<LoopOwner>) -> Option<OwnedLoop> {
    let mut last = (0, 0);
    let mut quiet = 0;
    loop {
        if quiet >= WATCH_QUIET_TICKS {
            sleep_until_calls_run(owner);
            quiet = 0;
        } else {
            park_for_a_tick();
        }
        let (stamp, turn) = (owner.stamp.load(Ordering::Relaxed), owner.turns.load(Ordering::Relaxed));
        let runs = stamp % 2 == 1;
        if (stamp, runs) == (last.0, true) {
            if let Some(owned) = take_over(owner, stamp) {
                return Some(owned);
            }
        } else if runs && turn == last.1 {
            owner.yield_requested.store(true, Ordering::Relaxed);
        }
        // After some ticks without a call the watcher sleeps without a timer.
        quiet = if runs || stamp != last.0 { 0 } else { quiet + 1 };
        last = (stamp, turn);
        if owner.lock().ended.is_some() {
            return None;
        }
    }
}

/// Sleeps without a timer until the owner runs calls, unless it runs one now. An idle server has no periodic wake-up.
fn sleep_until_calls_run(owner: &LoopOwner) {
    let mut inner = owner.lock();
    if inner.ended.is_some() || owner.stamp.load(Ordering::Relaxed) % 2 == 1 {
        return;
    }
    // Set under the lock under which `park` checks it, so that the owner cannot miss a sleeping watcher.
    inner.threads.watcher = Watcher::Asleep(thread::current());
    while matches!(inner.threads.watcher, Watcher::Asleep(_)) {
        drop(inner);
        thread::park();
        inner = owner.lock();
    }
}

/// Takes the loop from the slow handler with this stamp, for the watcher. Returns `None` if that handler has returned.
fn take_over(owner: &Arc<LoopOwner>, stamp: u64) -> Option<OwnedLoop> {
    let mut inner = owner.lock();
    if owner.stamp.load(Ordering::Relaxed) != stamp || !inner.slow.thread_left() {
        // If no thread is left, the loop waits for this handler.
        return None;
    }
    let key = inner.running?;
    let caller = inner.caller(key);
    let mut event_loop = inner.parked_loop.take()?;
    let since = event_loop.now;
    event_loop.read_clock(); // its time is that of a turn which began long ago
    let entry = event_loop.core.entry(key);
    owner.stamp.store(inner.stamps, Ordering::Relaxed);
    let epoch = inner.epoch;
    inner.release_loop(epoch, since, Some(caller), true);
    event_loop.core.runs_beside(key, event_loop.now);
    let owned = OwnedLoop { event_loop, epoch: inner.epoch };
    inner.threads.watcher_leaves();
    let chosen = inner.threads.request(Task::Watch);
    drop(inner);
    wake_or_spawn(owner, chosen, Task::Watch);
    if let Some(entry) = entry {
        owner.methods.record_run(&entry, true);
    }
    Some(owned)
}

/// Parks for one tick, however often this thread is unparked meanwhile: a shorter tick would take a quick handler for slow.
fn park_for_a_tick() {
    let began = Instant::now();
    while let Some(left) = WATCH_TICK.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
