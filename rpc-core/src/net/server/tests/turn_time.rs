//! A turn of the loop ends in time while calls wait, so that the sockets are polled again. The clock is the test's.

use std::sync::Arc;
use std::time::Duration;

use super::super::event_loop::{EventLoop, ServerShared};
use super::super::open_connections::OpenConnections;
use super::{CONTRACT, PING};
use crate::contract::Directory;
use crate::ids::{Clock, Incarnation, Slot, Time};
use crate::limits::{CALLS_PER_TURN, ServerLimits, TURN};
use crate::net::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::proto::server::{ServerConfig, ServerCore};
use crate::wire::frame::{Header, Kind, append};
use crate::wire::message::{Hello, Status};

/// More calls than any turn of these tests runs.
const CALLS: usize = 900;

/// A clock that goes on by a step with each look at it.
struct Stepping(AtomicU64, Duration);

impl Clock for Stepping {
    fn now(&self) -> Time {
        Time(self.0.fetch_add(self.1.as_micros() as u64, Ordering::Relaxed))
    }
}

/// Returns a loop whose clock has this step, and in which the calls of one client wait.
fn with_calls(step: Duration) -> EventLoop {
    let limits = ServerLimits::default();
    let config = ServerConfig {
        limits: limits.clone(),
        directory: Directory::new(vec![&CONTRACT]).expect("one service"),
        incarnation: Incarnation(7),
        loop_number: 0,
        loops: 1,
        at_most_once: true,
    };
    let core = ServerCore::new(config, Box::new(|| [7; 32]));
    let (poll, commands) = EventLoop::open().expect("a poll");
    let clock = Arc::new(Stepping(AtomicU64::new(1_000_000), step));
    let open = OpenConnections::new(&limits, usize::MAX);
    let shared = Arc::new(ServerShared { clock, open, undrained: AtomicUsize::new(1) });
    let mut event_loop =
        EventLoop::new(0, poll, Vec::new(), core, Arc::from([commands]), shared).expect("a loop");
    let (core, now) = (&mut event_loop.core, event_loop.now);
    let mut bytes = Vec::new();
    let hello = Hello::new(CALLS as u16, 0, &[&CONTRACT]);
    append(&mut bytes, &Header::new(Kind::Hello), &hello.encode(), true);
    for slot in 0..CALLS as Slot {
        let call = Header { method: PING.id, millis: 60_000, ..Header::for_call(Kind::Call, slot, 1) };
        append(&mut bytes, &call, b"", true);
    }
    let conn = core.handle_connected_by(None, now);
    core.handle_input(conn, bytes.into(), now);
    while core.poll_timeout().is_some_and(|due| due <= now) {
        core.handle_timeout(now); // a connection has some frames acted on at a time
    }
    event_loop
}

/// Runs one turn. Returns the number of calls that it ran.
fn turn(event_loop: &mut EventLoop) -> usize {
    event_loop.receive().expect("the kernel has nothing to tell");
    let mut ran = 0;
    while let Some(call) = event_loop.poll_call() {
        event_loop.core.finish(call.key, Status::Done, b"", event_loop.now);
        ran += 1;
    }
    ran
}

#[test]
fn a_turn_ends_at_the_first_look_at_the_clock_after_its_time() {
    // A look after each row of calls: the third one is at 0.9 ms, and the fourth one at 1.2 ms.
    let mut event_loop = with_calls(TURN * 3 / 10);
    assert_eq!(turn(&mut event_loop), 4 * CALLS_PER_TURN);
    assert!(event_loop.core.has_calls(), "the others wait");
    assert_eq!(turn(&mut event_loop), CALLS - 4 * CALLS_PER_TURN, "in the next turn, which has its own time");
}

#[test]
fn a_turn_of_slow_calls_ends_after_one_row_and_one_of_quick_calls_runs_all() {
    assert_eq!(turn(&mut with_calls(TURN)), CALLS_PER_TURN);
    assert_eq!(turn(&mut with_calls(Duration::ZERO)), CALLS);
}
