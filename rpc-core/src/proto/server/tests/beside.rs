//! Rules about calls that begin beside calls of the same session while the length of their replies is not known.

use super::*;
use crate::limits::{LEARN_PAUSE, LEARN_STEPS};
use crate::proto::tests::READ;

/// A session with `count` calls that wait, of which the first runs on a thread of its own.
fn bench_with(count: u16) -> (Bench, Peer, CallKey) {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &hello(count)).expect("room");
    (0..count).for_each(|slot| bench.call(&peer, slot, 1));
    let first = begin_beside(&mut bench);
    (bench, peer, first)
}

/// Begins the next call, and gives it a thread of its own.
fn begin_beside(bench: &mut Bench) -> CallKey {
    let key = bench.begin().key;
    bench.core.runs_beside(key, bench.now);
    key
}

#[test]
fn v10_a_session_has_one_call_of_a_method_that_has_not_replied_yet_however_late_the_loop_is() {
    let (mut bench, peer, first) = bench_with(10);
    // The machine has far too much to do: the loop runs once in ten seconds. Its connection is read and written meanwhile.
    for _ in 1..LEARN_STEPS {
        assert!(bench.nothing_to_run());
        bench.now = bench.now.plus(Duration::from_secs(10));
        bench.core.links.resume_calls(first.session);
        assert!(bench.nothing_to_run(), "only the timer is a step");
        bench.core.handle_timeout(bench.now);
    }
    assert!(bench.nothing_to_run());
    bench.finish(first, &vec![0; 4 << 20]);
    assert!(bench.nothing_to_run());
    bench.read(peer.conn);
    begin_beside(&mut bench);
    assert!(bench.nothing_to_run(), "its reply may be as long");
}

#[test]
fn v10_calls_begin_beside_one_that_waits_for_something_with_pauses_that_become_shorter() {
    let (mut bench, _, _) = bench_with(128);
    assert!(bench.nothing_to_run());
    for _ in 1..LEARN_STEPS {
        bench.pass(LEARN_PAUSE);
        assert!(bench.nothing_to_run());
    }
    bench.pass(LEARN_PAUSE);
    begin_beside(&mut bench);
    let began = bench.now;
    for running in 2..128_u32 {
        assert!(bench.nothing_to_run() && !bench.core.has_calls(), "{running} run");
        bench.pass(LEARN_PAUSE / running - Duration::from_micros(1));
        assert!(bench.nothing_to_run(), "a microsecond early");
        bench.pass(Duration::from_micros(1));
        assert!(bench.core.has_calls(), "a timer lets it take turns again");
        begin_beside(&mut bench);
    }
    let time = bench.now.since(began);
    assert!(time < Duration::from_millis(350), "{time:?}");
}

#[test]
fn v10_when_a_call_of_the_method_has_ended_the_others_begin_as_its_length_allows() {
    for (length, expected) in [(10, 9), (1 << 20, 4), (4 << 20, 1)] {
        let (mut bench, peer, first) = bench_with(10);
        assert!(bench.nothing_to_run());
        bench.finish(first, &vec![0; length]);
        bench.read(peer.conn);
        let mut begun = 0;
        while bench.core.poll_call(bench.now).is_some() {
            begun += 1;
        }
        assert_eq!(begun, expected, "{length} bytes");
        bench.check();
    }
}

#[test]
fn calls_of_other_methods_and_of_other_sessions_do_not_wait() {
    let (mut bench, _, _) = bench_with(2);
    let other = bench.open();
    bench.call(&other, 0, 1);
    bench.call_of(&other, 1, 1, READ, b"");
    assert_eq!(bench.begin().call.session, other.id, "none of its calls runs");
    assert_eq!(bench.begin().call.slot, 1, "another method");
    assert!(bench.nothing_to_run());
}

#[test]
fn a_pause_that_is_over_twice_sets_one_timer_and_ends_with_its_session() {
    let (mut bench, peer, first) = bench_with(3);
    let timers = |bench: &Bench| bench.core.links.timers.due.len();
    let before = timers(&bench);
    assert!(bench.nothing_to_run());
    bench.core.links.resume_calls(first.session);
    assert!(bench.nothing_to_run());
    assert_eq!(timers(&bench), before + 1);
    bench.bye(&peer);
    bench.pass(LEARN_PAUSE);
    assert!(bench.nothing_to_run() && !bench.core.has_calls());
    assert_eq!(timers(&bench), before);
}
