//! Layer 4: the threads of one loop: the owner, the watcher, idle threads, and threads with slow handlers.
//!
//! ```text
//!                .--------- Task::DriveLoop: take_parked, serve <---------.
//!                |                                                        |
//!   start --> work                                                    next_task --> idle --> end (SPARE_IDLE is over)
//!                |                                                        |
//!                '--------- Task::Watch: watch, take_over, serve <--------'
//! ```
//! There is at most one watcher. It becomes the owner when it takes the loop from a slow handler, and requests another
//! watcher first. A thread that has lost the loop ends its handler and asks for its next task.
//!
//! `pool` has the lists of threads, `work` the life of a thread. A handler is slow in one of two ways: the `watcher` finds
//! it slow while it runs, or its method is in `slow_methods` and the call is given a thread of its own by `detach`. A session
//! and a source get a share of the threads: `shares`.

mod detach;
mod pool;
mod shares;
mod slow_methods;
mod watcher;
mod work;

pub(super) use detach::detach;
pub(super) use pool::ThreadPool;
pub(super) use shares::SlowCalls;
pub(super) use slow_methods::{Pace, SlowMethods};
pub(super) use work::start;
