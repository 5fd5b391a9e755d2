//! Rules of the sign of life: asked for after 2 s of silence while a reply is due, three times, and then given up.

use super::*;
use crate::proto::tests::{ms, secs};

/// A client with one sent call, and retransmissions so rare that they do not disturb.
fn owed() -> Bench {
    let limits = ClientLimits { slots: 1, resend_first: LONG, ..ClientLimits::default() };
    let mut bench = Bench::up(limits);
    bench.send(1, LONG);
    bench
}

#[test]
fn v20_after_two_seconds_of_silence_three_pings_go_out_and_then_the_connection_is_given_up() {
    let mut bench = owed();
    let begin = bench.now;
    let pings = bench.times_of(Kind::Ping, secs(8) - ms(1));
    assert_eq!(pings, [begin.plus(secs(2)), begin.plus(secs(4)), begin.plus(secs(6))]);
    assert!(!bench.core.wants_close());
    bench.pass(ms(1));
    assert!(bench.core.wants_close());
    assert!(bench.core.last_failure().contains("did not answer 3 PINGs"));
    assert!(bench.events().is_empty(), "the call waits for the next connection");
    assert_eq!(bench.core.counters().broken_server, 0);
}

#[test]
fn any_byte_is_a_sign_of_life_and_the_count_begins_anew() {
    for heard in 1..=36 {
        let mut bench = owed();
        bench.pass(secs(7)); // three PINGs are out
        let pong = encoded(&Header::new(Kind::Pong), b"");
        bench.core.handle_input(pong.slice(..heard), bench.now);
        let begin = bench.now;
        let pings = bench.times_of(Kind::Ping, secs(8) - ms(1));
        assert_eq!(pings, [begin.plus(secs(2)), begin.plus(secs(4)), begin.plus(secs(6))], "{heard} bytes");
        assert!(!bench.core.wants_close());
        bench.pass(ms(1));
        assert!(bench.core.wants_close());
    }
}

#[test]
fn the_silence_is_counted_from_the_last_byte() {
    let mut bench = owed();
    for _ in 0..20 {
        assert!(bench.times_of(Kind::Ping, secs(2) - ms(1)).is_empty());
        bench.hears_kind(Kind::Pong);
    }
    assert!(!bench.core.wants_close());
}

#[test]
fn the_times_follow_their_limits() {
    let limits = ClientLimits { ping_after: ms(700), ping_limit: 5, ..quiet(1) };
    let mut bench = Bench::up(limits);
    bench.send(1, LONG);
    assert_eq!(bench.times_of(Kind::Ping, ms(6 * 700 - 1)).len(), 5);
    assert!(!bench.core.wants_close());
    bench.pass(ms(1));
    assert!(bench.core.wants_close());
}

#[test]
fn nothing_is_asked_while_nothing_is_owed_and_a_slot_whose_caller_has_gone_is_a_debt() {
    let mut bench = owed();
    bench.core.abandon(1, bench.now);
    bench.written();
    assert_eq!(bench.times_of(Kind::Ping, secs(2)).len(), 1);
    bench.done(0, 1);
    bench.pass(secs(2));
    assert!(bench.times_of(Kind::Ping, secs(1000)).is_empty());
    assert!(!bench.core.wants_close());
}

#[test]
fn a_call_that_is_sent_after_a_long_silence_gives_the_server_the_whole_time_to_reply() {
    let mut bench = owed();
    bench.done(0, 1);
    bench.pass(secs(1000));
    bench.send(2, LONG);
    let begin = bench.now;
    bench.pass(secs(6) - ms(1));
    assert!(!bench.core.wants_close(), "V16: it is not given up for a silence without a debt");
    assert!(bench.now.since(begin) < secs(6));
}

#[test]
fn a_new_connection_begins_without_pings() {
    let mut bench = owed();
    bench.pass(secs(7)); // three are out
    bench.resume();
    bench.written();
    let begin = bench.now;
    assert_eq!(bench.times_of(Kind::Ping, secs(8) - ms(1)).len(), 3);
    assert!(!bench.core.wants_close());
    bench.pass(ms(1));
    assert!(bench.core.wants_close() && bench.now.since(begin) == secs(8));
}

#[test]
fn while_a_table_is_awaited_a_sign_of_life_is_asked_for_and_the_table_again() {
    let mut bench = Bench::new(ClientLimits { slots: 1, ..ClientLimits::default() });
    bench.grants.agreements = vec![Agreement::Differs];
    bench.connect();
    bench.welcome(false);
    assert_eq!(kinds(&bench.written()), [Kind::Methods]);
    let frames: Vec<Frame> = bench.pass(secs(2)).into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(kinds(&frames), [Kind::Ping, Kind::Methods]);
}
