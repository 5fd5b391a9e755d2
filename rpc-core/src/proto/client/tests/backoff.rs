//! Rules of the pause before connecting again: it grows, has a cap, is drawn from its whole range, and begins anew after a reply.

use super::*;
use crate::limits::LONGEST_PAUSE_ASKED;
use crate::proto::tests::{ms, secs};

/// The pauses after so many failures in a row, for many seeds: the shortest and the longest of each.
fn pauses(limits: &ClientLimits, failures: usize, session: bool) -> Vec<(Duration, Duration)> {
    let mut ranges = vec![(Duration::MAX, Duration::ZERO); failures];
    for seed in 0..SEEDS {
        let mut bench = Bench::seeded(limits.clone(), seed);
        if session {
            bench.connect();
            bench.welcome(false);
            bench.send(1, LONG);
        } else {
            bench.wait_until_it_connects();
        }
        for range in &mut ranges {
            bench.core.handle_disconnected("refused", bench.now);
            let pause = bench.wait_until_it_connects();
            *range = (range.0.min(pause), range.1.max(pause));
        }
    }
    ranges
}

#[test]
fn v20_the_pause_is_drawn_from_nothing_to_a_bound_that_doubles_up_to_the_cap() {
    for (at, (least, most)) in pauses(&quiet(1), 12, false).into_iter().enumerate() {
        let bound = ms(50 << at).min(secs(1));
        assert!(most <= bound && most > bound.mul_f64(0.9), "failure {at}: {most:?} of {bound:?}");
        assert!(least < bound.mul_f64(0.1), "full jitter: {least:?} of {bound:?}");
    }
}

#[test]
fn v20_the_bounds_follow_their_limits() {
    let limits = ClientLimits { backoff_first: ms(10), backoff_cap: ms(35), ..quiet(1) };
    for (at, (_, most)) in pauses(&limits, 6, false).into_iter().enumerate() {
        let bound = ms(10 << at).min(ms(35));
        assert!(most <= bound && most > bound.mul_f64(0.9), "failure {at}: {most:?} of {bound:?}");
    }
}

#[test]
fn a_session_is_resumed_sooner_the_first_time_and_the_pause_grows_from_then_on() {
    for (at, (_, most)) in pauses(&quiet(1), 8, true).into_iter().enumerate() {
        let bound = if at == 0 { ms(50) / 8 } else { ms(50 << at).min(secs(1)) };
        assert!(most <= bound && most > bound.mul_f64(0.9), "failure {at}: {most:?} of {bound:?}");
    }
}

#[test]
fn hundreds_of_failures_wait_no_longer_than_the_cap() {
    let mut bench = Bench::new(quiet(1));
    bench.wait_until_it_connects();
    for failure in 1..=300 {
        bench.core.handle_disconnected("refused", bench.now);
        assert!(bench.wait_until_it_connects() <= secs(1), "failure {failure}");
        assert_eq!(bench.core.failed_attempts(), failure);
    }
}

#[test]
fn a_reply_ends_the_row_of_failures_and_a_welcome_does_not() {
    for replied in [false, true] {
        let mut longest = Duration::ZERO;
        for seed in 0..SEEDS {
            let mut bench = Bench::seeded(quiet(1), seed);
            bench.connect();
            bench.welcome(false);
            bench.send(1, LONG);
            for _ in 0..8 {
                bench.resume();
            }
            if replied {
                bench.done(0, 1);
                assert_eq!(bench.core.failed_attempts(), 0);
                bench.send(2, LONG);
            }
            bench.cut();
            longest = longest.max(bench.wait_until_it_connects());
        }
        let bound = if replied { ms(50) / 8 } else { secs(1) };
        assert!(longest <= bound && longest > bound.mul_f64(0.9), "replied: {replied}, {longest:?}");
    }
}

#[test]
fn a_server_that_knows_the_session_no_longer_is_there_so_the_pause_begins_anew() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    for _ in 0..8 {
        bench.cut();
        bench.connect();
    }
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert!(bench.core.wants_close());
    assert_eq!(bench.core.failed_attempts(), 0);
    bench.start(2, LONG);
    bench.cut();
    assert!(bench.wait_until_it_connects() <= ms(50));
}

#[test]
fn busy_says_how_long_to_stay_away_at_least() {
    for seed in 0..20 {
        let mut bench = Bench::seeded(quiet(1), seed);
        bench.connect();
        bench.hears(&Header { millis: 1500, ..Header::new(Kind::Busy) }, b"");
        assert!(bench.core.wants_close() && !bench.core.is_rejected());
        bench.cut();
        let pause = bench.wait_until_it_connects();
        assert!(pause >= ms(1500) && pause <= ms(1550), "{pause:?}");
    }
}

#[test]
fn what_busy_said_is_over_when_its_time_is() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    bench.hears(&Header { millis: 500, ..Header::new(Kind::Busy) }, b"");
    bench.cut();
    bench.connect();
    bench.welcome(false);
    bench.send(1, LONG);
    bench.done(0, 1);
    bench.send(2, LONG);
    bench.cut();
    assert!(bench.wait_until_it_connects() <= ms(50));
}

#[test]
fn bytes_that_are_no_frames_are_followed_by_half_a_second_of_rest() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.core.handle_input(garbled(), bench.now);
    assert!(bench.core.wants_close());
    bench.cut();
    let pause = bench.wait_until_it_connects();
    assert!(pause >= ms(500) && pause <= ms(550), "{pause:?}");
}

#[test]
fn a_client_that_wants_nothing_stays_away_and_comes_back_for_the_next_call() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.done(0, 1);
    bench.cut();
    bench.pass(secs(100));
    assert!(!bench.core.poll_connect(bench.now) && !bench.core.owes());
    bench.start(2, LONG);
    assert!(bench.core.owes() && bench.core.poll_connect(bench.now), "V16: at once");
}

#[test]
fn one_attempt_is_under_way_at_a_time() {
    let mut bench = Bench::new(quiet(1));
    assert!(bench.core.poll_connect(bench.now));
    assert!(!bench.core.poll_connect(bench.now));
    bench.core.handle_connected(bench.now);
    assert!(!bench.core.poll_connect(bench.now));
    bench.written();
    bench.welcome(false);
    assert!(!bench.core.poll_connect(bench.now));
}

#[test]
fn why_the_last_attempt_failed_is_told_and_what_closed_it_says_more_than_its_end() {
    let mut bench = Bench::new(quiet(1));
    assert_eq!(bench.core.last_failure(), "");
    bench.wait_until_it_connects();
    bench.core.handle_disconnected("refused", bench.now);
    assert_eq!(bench.core.last_failure(), "refused");
    bench.connect();
    bench.hears(&Header { millis: 1, ..Header::new(Kind::Busy) }, b"");
    bench.core.handle_disconnected("closed by this side", bench.now);
    assert!(bench.core.last_failure().contains("takes no new clients"));
}

#[test]
fn an_attempt_at_another_address_begins_without_a_pause_and_only_that_one() {
    let mut bench = Bench::new(quiet(1));
    bench.core.connect_at_once(bench.now);
    assert!(bench.core.poll_connect(bench.now));
    bench.core.handle_disconnected("refused", bench.now);
    bench.core.connect_at_once(bench.now);
    assert_eq!(bench.core.poll_timeout(), Some(bench.now), "the driver looks at once");
    assert!(bench.core.poll_connect(bench.now), "the next address");
    bench.core.handle_disconnected("refused", bench.now);
    assert!(!bench.core.poll_connect(bench.now), "the first address again: after a pause");
}

#[test]
fn no_frame_silences_a_client_for_longer_than_the_bound() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    bench.hears(&Header { millis: u32::MAX, ..Header::new(Kind::Busy) }, b"");
    bench.cut();
    let pause = bench.wait_until_it_connects();
    assert_eq!(pause, LONGEST_PAUSE_ASKED, "BUSY said 49 days");
}

#[test]
fn no_reply_delays_a_call_for_longer_than_the_bound() {
    let long = 10 * LONGEST_PAUSE_ASKED;
    let busy = (retrying(long), Status::Refused(Reason::Busy));
    for (request, status) in [busy, (repeating(long), Status::ReplyLost)] {
        let mut bench = Bench::with_slots(1);
        bench.ask(1, request);
        bench.written();
        bench.hears(&Header { millis: u32::MAX, ..reply(0, 1, status) }, b""); // 49 days
        assert!(bench.events().is_empty(), "{status:?}: it is tried again within its deadline");
        let frames = bench.pass(2 * LONGEST_PAUSE_ASKED); // the pause, and as long again at random
        let is_next = |frame: &Frame| frame.header.kind == Kind::Call && frame.header.seq == 2;
        assert!(frames.iter().any(|(_, frame)| is_next(frame)), "{status:?}: it is tried again");
    }
}
