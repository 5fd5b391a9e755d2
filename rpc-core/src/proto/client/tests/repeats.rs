//! Rules of idempotent calls that are repeated: their pauses, their budget, and the end of the repeats (V17).

use super::*;
use crate::proto::tests::{ms, secs};
use crate::wire::message::{REPLY_NOT_KEPT, REPLY_NOT_KEPT_BEFORE};

/// A client with so many slots, whose calls are retransmitted so seldom that what is written are first attempts.
fn fresh(slots: u16) -> ClientLimits {
    ClientLimits { resend_first: LONG, ..quiet(slots) }
}

/// The server says that the call ran, and that its reply is gone.
fn lose(bench: &mut Bench, slot: Slot, seq: Seq) {
    bench.hears(&Header { millis: 1, ..reply(slot, seq, Status::ReplyLost) }, REPLY_NOT_KEPT.as_bytes());
}

#[test]
fn v17_each_repeat_waits_twice_as_long_as_the_one_before_up_to_the_cap() {
    let middles = [50, 100, 200, 400, 800, 1000, 1000, 1000];
    for seed in 0..SEEDS {
        let mut bench = Bench::seeded(fresh(1), seed);
        bench.connect();
        bench.welcome(false);
        bench.ask(1, repeating(LONG));
        bench.written();
        for (seq, least) in (1..).zip(middles.map(ms)) {
            let begin = bench.now;
            lose(&mut bench, 0, seq);
            assert!(bench.core.owes() && bench.events().is_empty(), "V16: it is driven while it pauses");
            let calls = bench.times_of(Kind::Call, 2 * least + ms(1));
            assert_eq!(calls.len(), 1, "repeat {seq}, as a new call");
            let pause = calls[0].since(begin);
            assert!(least <= pause && pause <= 2 * least, "repeat {seq} after {pause:?}");
        }
        assert_eq!(bench.core.counters().repeated, 8);
        bench.done(0, 9);
        assert_eq!(bench.verdict(), (1, done()));
    }
}

#[test]
fn v17_repeats_and_busy_calls_share_one_budget() {
    let mut bench = Bench::up(fresh(12));
    for tag in 0..12 {
        bench.ask(tag, if tag % 2 == 0 { repeating(LONG) } else { retrying(LONG) });
    }
    bench.written();
    for slot in 0..12 {
        match slot % 2 {
            0 => lose(&mut bench, slot, 1),
            _ => bench.busy(slot, 1, 60_000),
        }
    }
    let events = bench.events();
    assert!(matches!(events[0], (10, false, Outcome::ReplyLost(_))), "{events:?}");
    assert_eq!((events[1].0, reason(&events[1].2)), (11, Some(Reason::Busy)));
    assert_eq!(events.len(), 2, "ten attempts were saved up");
    let counters = bench.core.counters();
    assert_eq!((counters.repeated, counters.busy_retries), (5, 5));
}

#[test]
fn v17_a_reply_that_is_lost_again_and_again_is_not_asked_for_without_end() {
    let mut bench = Bench::up(ClientLimits { retry_budget: 1.0, ..fresh(1) });
    let begin = bench.now;
    bench.ask(1, repeating(secs(1000)));
    let mut attempts = 0;
    let outcome = loop {
        for frame in bench.written() {
            if frame.header.kind == Kind::Call {
                attempts += 1;
                lose(&mut bench, 0, frame.header.seq);
            }
        }
        if let Some((_, _, outcome)) = bench.events().pop() {
            break outcome;
        }
        let due = bench.core.poll_timeout().expect("V16: it wakes");
        bench.now = bench.now.max(due);
        bench.core.handle_timeout(bench.now);
    };
    assert_eq!(attempts, 2, "the first, and the one that was saved up");
    assert!(matches!(&outcome, Outcome::ReplyLost(text) if text.contains("at least 2 times")), "{outcome:?}");
    assert!(bench.now.since(begin) <= ms(100) && !bench.core.owes());
}

#[test]
fn v11_a_repeat_that_would_begin_after_the_deadline_is_none() {
    let mut bench = Bench::up(fresh(1));
    bench.ask(1, repeating(ms(50)));
    bench.written();
    lose(&mut bench, 0, 1);
    assert!(matches!(bench.verdict(), (1, Outcome::ReplyLost(_))));
    assert_eq!((bench.core.counters().repeated, bench.core.owes()), (0, false));
}

#[test]
fn a_reply_over_a_limit_is_over_it_the_next_time_too_so_its_call_is_not_repeated() {
    let mut bench = Bench::up(fresh(1));
    bench.ask(1, repeating(LONG));
    bench.written();
    bench.reply(0, 1, Status::ReplyLost, b"9 bytes are over the limit of 8");
    assert!(matches!(bench.verdict(), (1, Outcome::ReplyLost(_))));
    assert_eq!((bench.core.counters().repeated, bench.core.owes()), (0, false));
}

#[test]
fn w12_a_lost_reply_is_repeated_if_the_server_gives_a_pause_and_after_that_pause() {
    for (millis, text, repeats) in [
        (0, "", false),
        (0, "any other", false),
        (1, "", true),
        (300, "any other", true),
        (0, REPLY_NOT_KEPT, false),
        (700, REPLY_NOT_KEPT, true),
        (0, REPLY_NOT_KEPT_BEFORE, true),
    ] {
        let mut bench = Bench::up(fresh(1));
        bench.ask(1, repeating(LONG));
        bench.written();
        bench.hears(&Header { millis, ..reply(0, 1, Status::ReplyLost) }, text.as_bytes());
        if !repeats {
            assert!(matches!(bench.verdict(), (1, Outcome::ReplyLost(_))), "{millis} {text}");
            continue;
        }
        let begin = bench.now;
        let calls = bench.times_of(Kind::Call, secs(5));
        let (least, pause) = (ms(u64::from(millis)).max(ms(50)), calls[0].since(begin));
        assert!(calls.len() == 1 && least <= pause && pause <= 2 * least, "{millis}: {pause:?}");
    }
}

#[test]
fn v10_a_call_that_finds_too_many_waiting_is_not_tried_again() {
    for waiting in [1, 2] {
        let mut bench = Bench::up(ClientLimits { waiting, ..fresh(2) });
        bench.ask(1, retrying(LONG));
        bench.ask(2, retrying(LONG));
        bench.start(3, LONG);
        assert_eq!(kinds(&bench.written()), [Kind::Call, Kind::Call]);
        bench.busy(0, 1, 60_000); // and one call waits for its slot already
        let ended = usize::from(waiting == 1);
        assert_eq!(bench.events().len(), ended, "of {waiting}");
    }
}
