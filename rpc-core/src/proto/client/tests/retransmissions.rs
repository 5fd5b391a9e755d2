//! Rules of retransmissions: the times at which a call, and a CANCEL, is sent again.

use super::*;
use crate::proto::tests::{ms, secs};

/// Asserts that the times lie 1 s, and then each twice as far apart as the ones before, up to 30 s, with 20 % jitter.
fn double_up_to_the_cap(sent: Time, times: &[Time]) {
    assert!(times.len() > 8, "{times:?}");
    assert_eq!(times[0].since(sent), secs(1), "V20: the first retransmission after 1 s");
    let all = std::iter::once(sent).chain(times.iter().copied()).collect::<Vec<_>>();
    let gaps: Vec<f64> = all.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
    for pair in gaps.windows(2) {
        let middle = (2.0 * pair[0]).min(30.0);
        assert!(pair[1] >= 0.7999 * middle && pair[1] <= 1.2001 * middle, "V20: {gaps:?}");
    }
    assert!(gaps.iter().all(|gap| *gap <= 36.0) && gaps.iter().any(|gap| *gap > 20.0), "V20: {gaps:?}");
}

#[test]
fn v20_a_call_goes_out_again_after_one_second_and_then_twice_as_long_up_to_thirty() {
    for seed in 0..20 {
        let mut bench = Bench::seeded(quiet(1), seed);
        bench.connect();
        bench.welcome(false);
        bench.send(1, LONG);
        let sent = bench.now;
        double_up_to_the_cap(sent, &bench.times_of(Kind::Call, secs(400)));
    }
}

#[test]
fn v20_a_cancel_goes_out_again_at_the_same_times() {
    for seed in 0..20 {
        let mut bench = Bench::seeded(quiet(1), seed);
        bench.connect();
        bench.welcome(false);
        bench.send(1, LONG);
        bench.core.abandon(1, bench.now);
        assert_eq!(names(&bench.written()), [(Kind::Cancel, 0, 1)]);
        let sent = bench.now;
        let again = bench.times_of(Kind::Cancel, secs(400));
        double_up_to_the_cap(sent, &again);
        assert!(bench.core.orphaned_slots() == 1);
        bench.done(0, 1);
        assert!(bench.times_of(Kind::Cancel, secs(400)).is_empty(), "it has its reply");
    }
}

#[test]
fn v20_the_pause_before_the_second_retransmission_is_spread_over_the_whole_range() {
    let mut gaps = Vec::new();
    for seed in 0..SEEDS {
        let mut bench = Bench::seeded(quiet(1), seed);
        bench.connect();
        bench.welcome(false);
        bench.send(1, LONG);
        let again = bench.times_of(Kind::Call, secs(4));
        gaps.push(again[1].since(again[0]).as_secs_f64());
    }
    let (least, most) = (gaps.iter().copied().fold(9.0, f64::min), gaps.iter().copied().fold(0.0, f64::max));
    assert!((1.6..1.64).contains(&least) && (2.36..=2.4).contains(&most), "{least} to {most}");
}

#[test]
fn the_times_of_retransmissions_follow_their_limits() {
    let limits = ClientLimits { resend_first: ms(100), resend_cap: ms(400), ..quiet(1) };
    let mut bench = Bench::up(limits);
    bench.send(1, LONG);
    let sent = bench.now;
    let again = bench.times_of(Kind::Call, secs(10));
    assert_eq!(again[0].since(sent), ms(100));
    let gaps = again.windows(2).map(|pair| pair[1].since(pair[0]));
    assert!(gaps.clone().all(|gap| gap <= ms(480)) && gaps.clone().any(|gap| gap >= ms(320)));
    assert_eq!(again.len() as u64, bench.core.counters().resent);
}

#[test]
fn the_time_of_a_retransmission_is_counted_from_the_last_byte_that_left() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, LONG);
    assert_eq!(kinds(&bench.transmitted()), [Kind::Call]);
    for _ in 0..20 {
        bench.now = bench.now.plus(secs(1));
        bench.core.handle_timeout(bench.now);
        assert!(bench.transmitted().is_empty(), "the first one is still in the buffer");
    }
    bench.core.handle_flushed(bench.now);
    let flushed = bench.now;
    assert_eq!(bench.times_of(Kind::Call, secs(2)), [flushed.plus(secs(1))]);
}

#[test]
fn a_call_that_has_its_reply_is_not_sent_again_and_the_next_one_begins_with_one_second() {
    let mut bench = Bench::with_slots(1);
    for seq in 1..=3 {
        bench.send(seq, LONG);
        let sent = bench.now;
        let again = bench.pass(secs(4)); // at 1 s, and at 2.6 to 3.4 s
        assert_eq!((again[0].0, again.len()), (sent.plus(secs(1)), 2));
        assert!(again.iter().all(|(_, frame)| (frame.header.kind, frame.header.seq) == (Kind::Call, seq)));
        bench.done(0, seq);
        assert!(bench.times_of(Kind::Call, secs(100)).is_empty());
    }
}

#[test]
fn after_a_resume_a_call_goes_out_at_once_and_its_retransmissions_begin_with_one_second_again() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.send(2, LONG);
    bench.core.abandon(2, bench.now);
    bench.pass(secs(100)); // both pauses are at the cap
    assert!(!bench.core.is_resumed(), "its first connection opened the session");
    bench.resume();
    assert!(bench.core.is_resumed());
    let mut again = names(&bench.written());
    again.sort_by_key(|(_, slot, _)| *slot);
    assert_eq!(again, [(Kind::Call, 0, 1), (Kind::Cancel, 1, 1)]);
    let resumed = bench.now;
    let frames = bench.pass(secs(4));
    for kind in [Kind::Call, Kind::Cancel] {
        let times: Vec<Time> =
            frames.iter().filter(|(_, f)| f.header.kind == kind).map(|(at, _)| *at).collect();
        assert_eq!(
            (times.len(), times[0]),
            (2, resumed.plus(secs(1))),
            "{kind:?}: after 1 s, and 1.6 to 2.4 s more"
        );
    }
}

#[test]
fn v20_a_call_that_is_given_up_late_sends_its_cancel_again_after_one_second_all_the_same() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.pass(secs(100)); // its retransmissions are half a minute apart
    bench.core.abandon(1, bench.now);
    bench.written();
    let begin = bench.now;
    assert_eq!(bench.times_of(Kind::Cancel, secs(2)), [begin.plus(secs(1))]);
}

#[test]
fn nothing_is_sent_again_while_there_is_no_session() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.send(2, LONG);
    bench.core.abandon(2, bench.now);
    bench.written();
    bench.cut();
    bench.connect();
    let kinds = bench.pass(ms(1900)).into_iter().map(|(_, frame)| frame.header.kind);
    assert!(kinds.into_iter().all(|kind| kind == Kind::Hello));
}

#[test]
fn retransmissions_carry_the_time_that_is_left_rounded_up_and_end_with_the_deadline() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, ms(5000));
    bench.now = bench.now.plus(Duration::from_micros(300));
    let frames = bench.written();
    assert_eq!(frames[0].header.millis, 5000, "4999.7 ms, rounded up: never 0 while there is time");
    let again = bench.pass(secs(20));
    let left: Vec<u32> =
        again.iter().filter(|(_, f)| f.header.kind == Kind::Call).map(|(_, f)| f.header.millis).collect();
    assert_eq!((left[0], left.len()), (4000, 2), "then its deadline has passed");
    assert!(left[1] < 3000);
    assert_eq!(bench.verdict(), (1, unknown(UnknownCause::Deadline)));
}

#[test]
fn a_time_left_that_no_header_can_say_is_said_as_the_most() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, Duration::MAX);
    assert_eq!(bench.written()[0].header.millis, u32::MAX);
}

#[test]
fn a_retransmission_is_the_same_bytes_but_for_the_time_left() {
    let mut bench = Bench::with_slots(1);
    bench.ask(1, request(PLAIN, &[9; 1000], LONG));
    let first = bench.written().remove(0);
    let again = bench.pass(secs(1)).remove(0).1;
    assert_eq!((again.body, again.body_crc), (first.body, first.body_crc));
    assert_eq!(Header { millis: 0, ..again.header }, Header { millis: 0, ..first.header });
}
