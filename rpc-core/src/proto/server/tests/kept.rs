//! Rules of kept replies: which are kept, in what budget, which go when room is short, and what frees their bytes.

use super::*;
use crate::limits::REPLY_ROOM_SPARE;
use crate::proto::tests::{LITTLE, MUCH, READ, ms, secs};
use crate::wire::message::REPLY_NOT_KEPT;

fn bench_with(max_cached_reply: usize, reply_budget: usize) -> Bench {
    Bench::new(ServerLimits { max_cached_reply, reply_budget, ..ServerLimits::default() })
}

/// Sends a duplicate of the call. Returns true if its reply was kept.
fn is_kept(bench: &mut Bench, peer: &Peer, slot: Slot, seq: Seq, method: &Method) -> bool {
    bench.call_of(peer, slot, seq, method, b"arguments");
    match bench.read_replies(peer)[..] {
        [(at, number, Status::Done)] if (at, number) == (slot, seq) => true,
        [(at, number, Status::ReplyLost)] if (at, number) == (slot, seq) => false,
        ref other => panic!("not a reply to the duplicate: {other:?}"),
    }
}

#[test]
fn a_reply_is_kept_up_to_the_limit_and_one_byte_more_is_not() {
    for (size, kept) in [(0, true), (63, true), (64, true), (65, false)] {
        let mut bench = bench_with(64, 1000);
        let peer = bench.open();
        bench.served(&peer, 0, 1, PLAIN, size);
        assert_eq!(bench.kept(), if kept { size } else { 0 });
        assert_eq!(is_kept(&mut bench, &peer, 0, 1, PLAIN), kept, "{size} bytes");
    }
}

#[test]
fn a_methods_own_limit_stands_in_place_of_the_servers_be_it_lower_or_higher() {
    for (method, size, kept) in
        [(LITTLE, 8, true), (LITTLE, 9, false), (MUCH, 65, true), (MUCH, 200, true), (PLAIN, 65, false)]
    {
        let mut bench = bench_with(64, 1000);
        let peer = bench.open();
        bench.served(&peer, 0, 1, method, size);
        assert_eq!(is_kept(&mut bench, &peer, 0, 1, method), kept, "{} {size}", method.name);
    }
}

#[test]
fn the_reply_of_an_idempotent_method_is_not_kept() {
    let mut bench = bench_with(64, 1000);
    let peer = bench.open();
    bench.served(&peer, 0, 1, READ, 1);
    assert_eq!(bench.kept(), 0);
    assert!(!is_kept(&mut bench, &peer, 0, 1, READ));
}

#[test]
fn w12_a_reply_that_was_not_kept_comes_with_a_pause_and_one_that_is_lost_for_good_without() {
    let limits = ServerLimits { retry_after: Duration::ZERO, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    for (slot, status, text, millis) in [
        (0, Status::Done, REPLY_NOT_KEPT, 1),
        (1, Status::ReplyLost, "", 0),
        (2, Status::Failed, REPLY_NOT_KEPT, 1),
    ] {
        bench.call_of(&peer, slot, 1, READ, b"arguments");
        let key = bench.begin().key;
        bench.core.finish(key, status, b"5 bytes are over the limit", bench.now);
        let first = bench.read(peer.conn);
        assert_eq!((replies(&first), first[0].header.millis), (vec![(slot, 1, status)], 0));
        bench.call_of(&peer, slot, 1, READ, b"arguments");
        let again = bench.read(peer.conn);
        assert_eq!(replies(&again), [(slot, 1, Status::ReplyLost)]);
        assert_eq!((again[0].header.millis, &again[0].body[..]), (millis, text.as_bytes()), "{status:?}");
    }
}

#[test]
fn panics_and_the_services_own_errors_are_kept_like_values() {
    for status in [Status::Panicked, Status::Failed] {
        let mut bench = bench_with(64, 1000);
        let peer = bench.open();
        bench.call(&peer, 0, 1);
        let key = bench.begin().key;
        bench.core.finish(key, status, b"text", bench.now);
        for _ in 0..2 {
            let frames = bench.read(peer.conn);
            assert_eq!((replies(&frames), &frames[0].body[..]), (vec![(0, 1, status)], &b"text"[..]));
            bench.call(&peer, 0, 1);
        }
        assert_eq!(bench.counters().panics, u64::from(status == Status::Panicked));
    }
}

#[test]
fn v10_kept_bytes_fill_the_budget_exactly_and_a_reply_that_does_not_fit_is_not_kept() {
    let mut bench = bench_with(64, 100);
    let (first, second) = (bench.open(), bench.open());
    bench.served(&first, 0, 1, PLAIN, 60);
    bench.served(&second, 0, 1, PLAIN, 41);
    assert!(!is_kept(&mut bench, &second, 0, 1, PLAIN), "101 bytes of 100");
    bench.served(&second, 1, 1, PLAIN, 40);
    assert!(is_kept(&mut bench, &second, 1, 1, PLAIN), "exactly 100");
    assert_eq!(bench.kept(), 100);
    let third = bench.open();
    bench.served(&third, 2, 1, PLAIN, 0);
    assert!(is_kept(&mut bench, &third, 2, 1, PLAIN), "no byte more");
}

#[test]
fn the_budget_is_divided_among_the_loops() {
    let limits = ServerLimits { reply_budget: 400, ..ServerLimits::default() };
    let mut bench = Bench::with(limits, 0, 4, true);
    let peer = bench.open();
    bench.served(&peer, 0, 1, PLAIN, 101);
    assert_eq!(bench.kept(), 0);
    bench.served(&peer, 0, 2, PLAIN, 100);
    assert_eq!(bench.kept(), 100);
}

#[test]
fn v19_a_session_keeps_its_slots_times_the_limit_and_no_more() {
    let mut bench = bench_with(100, 1_000_000);
    let peer = bench.try_open(None, &hello(2)).expect("room");
    bench.served(&peer, 0, 1, MUCH, 150);
    bench.served(&peer, 1, 1, MUCH, 51);
    assert_eq!(bench.kept(), 150, "201 bytes are over 2 slots x 100");
    assert!(!is_kept(&mut bench, &peer, 1, 1, MUCH));
    bench.served(&peer, 1, 2, MUCH, 50);
    assert_eq!(bench.kept(), 200, "exactly its share");
    let other = bench.try_open(None, &hello(2)).expect("room");
    bench.served(&other, 0, 1, MUCH, 200);
    assert_eq!(bench.kept(), 400, "another session has a share of its own");
}

#[test]
fn v19_the_share_follows_the_slots_that_were_granted_and_not_those_asked_for() {
    let limits = ServerLimits { slots: 2, max_cached_reply: 10, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.try_open(None, &hello(1000)).expect("room");
    bench.served(&peer, 0, 1, MUCH, 21);
    assert_eq!(bench.kept(), 0);
    bench.served(&peer, 0, 2, MUCH, 20);
    assert_eq!(bench.kept(), 20);
}

#[test]
fn v18_the_share_and_the_budget_are_free_again_after_ack_next_call_cancel_and_end() {
    type Free = fn(&mut Bench, &mut Peer);
    let ways: [Free; 5] = [
        |bench, peer| bench.ack(peer, 0, 1),
        |bench, peer| {
            bench.call(peer, 0, 2); // acknowledges the last reply
            assert_eq!(bench.kept(), 0, "when it comes, and not only when it has run");
            bench.cancel(peer, 0, 2);
        },
        |bench, peer| bench.cancel(peer, 0, 2),
        |bench, peer| bench.say(peer.conn, &call(0, 2, PLAIN), b""), // refused: late
        |bench, peer| {
            bench.bye(peer);
            *peer = bench.try_open(None, &hello(1)).expect("room");
        },
    ];
    for (way, free) in ways.into_iter().enumerate() {
        let mut bench = bench_with(100, 100);
        let mut peer = bench.try_open(None, &hello(1)).expect("room");
        bench.served(&peer, 0, 1, PLAIN, 100);
        assert_eq!(bench.kept(), 100);
        free(&mut bench, &mut peer);
        assert_eq!(bench.kept(), 0, "way {way}");
        bench.read_replies(&peer);
        bench.served(&peer, 0, 3, PLAIN, 100);
        assert_eq!(bench.kept(), 100, "way {way}: the whole share can be used again");
        assert!(is_kept(&mut bench, &peer, 0, 3, PLAIN));
    }
}

#[test]
fn v18_an_expired_and_an_evicted_session_leave_no_kept_bytes() {
    let mut bench = bench_with(100, 1000);
    for _ in 0..3 {
        let peer = bench.open();
        bench.served(&peer, 0, 1, PLAIN, 100);
        bench.served(&peer, 3, 1, PLAIN, 50);
        bench.cut(&peer);
    }
    assert_eq!(bench.kept(), 450);
    bench.pass(secs(60));
    let counters = bench.counters();
    assert_eq!((counters.kept_bytes, counters.records, counters.sessions, counters.expired), (0, 0, 0, 3));
}

#[test]
fn v20_a_reply_younger_than_the_age_is_not_let_go_when_room_is_short() {
    for (age, goes) in [(secs(60), false), (secs(60) + Duration::from_micros(1), true)] {
        let mut bench = bench_with(100, 100);
        let (old, new) = (bench.open(), bench.open());
        bench.served(&old, 0, 1, PLAIN, 100);
        bench.pass(age);
        bench.served(&new, 0, 1, PLAIN, 1);
        assert_eq!(is_kept(&mut bench, &old, 0, 1, PLAIN), !goes, "after {age:?}");
        assert_eq!(is_kept(&mut bench, &new, 0, 1, PLAIN), goes, "after {age:?}");
        assert_eq!(bench.kept(), if goes { 1 } else { 100 });
    }
}

#[test]
fn the_age_follows_its_limit() {
    let limits = ServerLimits { reply_age: secs(5), reply_budget: 100, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    bench.served(&peer, 0, 1, PLAIN, 100);
    bench.pass(secs(5) + ms(1));
    bench.served(&peer, 1, 1, PLAIN, 100);
    assert!(is_kept(&mut bench, &peer, 1, 1, PLAIN) && !is_kept(&mut bench, &peer, 0, 1, PLAIN));
}

#[test]
fn the_oldest_replies_go_first_and_no_more_of_them_than_needed() {
    let mut bench = bench_with(100, 100);
    let peers = [0; 4].map(|_| bench.open()); // a session for each slot: one alone may not keep all of the budget
    for (slot, seq) in [(2, 1), (0, 1), (1, 1), (3, 1), (2, 2)] {
        bench.served(&peers[usize::from(slot)], slot, seq, PLAIN, 25);
        bench.pass(secs(1));
    }
    bench.pass(secs(60));
    let other = bench.open();
    bench.served(&other, 0, 1, PLAIN, 50);
    let kept = [(0, 1), (1, 1), (2, 2), (3, 1)]
        .map(|(slot, seq)| is_kept(&mut bench, &peers[usize::from(slot)], slot, seq, PLAIN));
    assert_eq!(kept, [false, false, true, true], "slots 0 and 1 were the oldest; slot 2 was used again");
    assert_eq!(bench.kept(), 100);
}

#[test]
fn a_reply_that_was_let_go_leaves_its_record_so_that_its_call_never_runs_again() {
    let mut bench = bench_with(100, 100);
    let peer = bench.open();
    bench.served(&peer, 0, 1, PLAIN, 100);
    bench.pass(secs(61));
    bench.served(&peer, 1, 1, PLAIN, 100);
    bench.call(&peer, 0, 1);
    assert!(bench.nothing_to_run());
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::ReplyLost)]);
    assert_eq!(bench.counters().duplicates_not_kept, 1);
    bench.ack(&peer, 0, 1);
    bench.call(&peer, 0, 1);
    assert!(bench.read_replies(&peer).is_empty());
    bench.ack(&peer, 1, 1);
    assert_eq!(bench.kept(), 0);
}

#[test]
fn v19_replies_that_were_let_go_count_no_longer_in_their_sessions_share() {
    let limits = ServerLimits { max_cached_reply: 100, reply_budget: 100, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.try_open(None, &hello(1)).expect("room");
    bench.served(&peer, 0, 1, PLAIN, 100);
    bench.pass(secs(61));
    let other = bench.try_open(None, &hello(1)).expect("room");
    bench.served(&other, 0, 1, PLAIN, 100); // the first one's bytes go
    bench.ack(&other, 0, 1);
    bench.served(&peer, 0, 2, PLAIN, 100);
    assert_eq!(bench.kept(), 100);
}

#[test]
fn old_replies_are_looked_for_once_a_second_at_most() {
    let mut bench = bench_with(100, 100);
    let peer = bench.open();
    bench.served(&peer, 0, 1, PLAIN, 100);
    bench.pass(secs(60) - ms(500));
    bench.served(&peer, 1, 1, PLAIN, 1); // the search finds none
    bench.pass(ms(501));
    bench.served(&peer, 2, 1, PLAIN, 1);
    assert!(!is_kept(&mut bench, &peer, 2, 1, PLAIN), "501 ms after the last search");
    bench.pass(ms(499));
    bench.served(&peer, 2, 2, PLAIN, 1);
    assert!(is_kept(&mut bench, &peer, 2, 2, PLAIN));
}

#[test]
fn a_kept_reply_has_its_own_bytes_although_a_longer_one_lay_in_its_place() {
    let mut bench = bench_with(1000, 10_000);
    let peer = bench.open();
    for (seq, byte, size) in [(1, b'a', 900), (2, b'b', 3), (3, b'c', 0), (4, b'd', 899)] {
        bench.call(&peer, 0, seq);
        let key = bench.begin().key;
        bench.finish(key, &vec![byte; size]);
        bench.read(peer.conn);
        bench.call(&peer, 0, seq);
        assert_eq!(bench.read(peer.conn)[0].body[..], vec![byte; size]);
        assert_eq!(bench.kept(), size);
    }
}

#[test]
fn a_kept_reply_is_not_stored_in_the_room_of_a_much_longer_one() {
    for (spare, is_same) in [(0, true), (1, false)] {
        let mut bench = Bench::plain();
        let peer = bench.open();
        bench.call(&peer, 0, 1);
        let key = bench.begin().key;
        let room = 2 * 10 + REPLY_ROOM_SPARE + spare;
        // A slot's last call leaves its room to the next one.
        for (_, data) in bench.core.calls.calls.iter_mut() {
            data.room = Vec::with_capacity(room);
        }
        bench.finish(key, &[b'r'; 10]);
        for (_, reply) in bench.core.calls.kept.iter() {
            assert_eq!((reply.body.len(), reply.body.capacity() == room), (10, is_same));
        }
    }
}

/// A server whose budget of 100 bytes is full of one reply, old enough to go.
fn full() -> (Bench, Peer) {
    let mut bench = bench_with(100, 100);
    let peer = bench.open();
    bench.served(&peer, 0, 1, PLAIN, 100);
    bench.pass(secs(3600));
    (bench, peer)
}

#[test]
fn no_reply_is_released_for_one_that_is_not_kept() {
    for method in [LITTLE, READ] {
        let (mut bench, peer) = full();
        bench.served(&peer, 1, 1, method, 9);
        assert_eq!(bench.kept(), 100, "{}", method.name);
    }
    let (mut bench, peer) = full();
    bench.call(&peer, 1, 1);
    let key = bench.begin().key;
    bench.core.finish(key, refused(Reason::BadArguments), b"a text", bench.now);
    assert_eq!(bench.read_replies(&peer), [(1, 1, refused(Reason::BadArguments))]);
    assert_eq!(bench.kept(), 100, "a refusal");
    bench.served(&peer, 2, 1, PLAIN, 9);
    assert_eq!(bench.kept(), 9, "it was old enough");
}
