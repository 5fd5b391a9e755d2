//! Layer 4: a call of a method that is known to be slow runs on a thread that gives the loop away first.

use std::sync::Arc;

use super::pool::Task;
use super::work::wake_or_spawn;
use crate::net::server::loop_owner::{Inner, LoopOwner, Stage};
use crate::net::sync::atomic::Ordering;
use crate::net::sync::{Instant, MutexGuard};
use crate::proto::server::CallKey;

/// Gives the parked loop to another thread, so that this thread can run a slow call without it. Returns the next stage of
/// the turn. If there is no other thread, or the caller has its share, the call is refused as busy and this thread keeps the
/// loop: the last thread must stay with it, since all progress is in the loop.
pub(in crate::net::server) fn detach<'a>(
    owner: &'a Arc<LoopOwner>,
    mut inner: MutexGuard<'a, Inner>,
    epoch: u64,
    key: CallKey,
) -> Stage<'a> {
    let caller = inner.caller(key);
    if !inner.slow.may_detach(&caller) {
        inner.refuse_busy(key);
        return Stage::Between(inner);
    }
    owner.stamp.store(inner.stamps, Ordering::Relaxed); // even, so that the watcher does not take the loop as well
    let since = inner.time_of_turn();
    inner.release_loop(epoch, since, Some(caller), false);
    if let Some(event_loop) = &mut inner.parked_loop {
        event_loop.read_clock(); // quick calls of this turn have run meanwhile
        event_loop.core.runs_beside(key, event_loop.now);
    }
    // The new owner begins with a flush, since replies of finished calls wait to be written.
    let chosen = inner.threads.request(Task::DriveLoop);
    drop(inner);
    if wake_or_spawn(owner, chosen, Task::DriveLoop) {
        return Stage::RunsDetached(Instant::now());
    }
    // No thread can be started, so this thread keeps the loop. No other thread knows the new epoch.
    let mut inner = owner.lock();
    inner.slow.remove(epoch);
    if inner.ended.is_some() {
        return Stage::Lost;
    }
    inner.epoch = epoch;
    inner.check();
    inner.refuse_busy(key);
    Stage::Between(inner)
}
