//! Rules of the shares of kept replies: what one session may keep, alone and beside others (V19).

use super::*;
use crate::proto::tests::{MUCH, ms, secs};

/// A server that keeps 400 bytes, or as many replies.
fn bench_of(reply_budget: usize, replies: usize) -> Bench {
    Bench::new(ServerLimits { max_cached_reply: 100, reply_budget, replies, ..ServerLimits::default() })
}

/// Calls in a new slot. Returns true if its reply of `size` bytes was kept.
fn keeps(bench: &mut Bench, peer: &Peer, slot: Slot, size: usize) -> bool {
    let before = (bench.kept(), bench.core.calls.kept.len());
    bench.served(peer, slot, 1, PLAIN, size);
    let after = (bench.kept(), bench.core.calls.kept.len());
    assert!(after == before || after == (before.0 + size, before.1 + 1), "all of it or nothing");
    after != before
}

fn open(bench: &mut Bench) -> Peer {
    bench.try_open(None, &hello(64)).expect("room")
}

#[test]
fn v19_a_session_keeps_no_more_than_its_bound_whatever_its_slots() {
    let limits = ServerLimits { max_cached_reply: 100, session_replies: 250, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = open(&mut bench);
    assert!(keeps(&mut bench, &peer, 0, 100) && keeps(&mut bench, &peer, 1, 100));
    assert!(!keeps(&mut bench, &peer, 2, 51), "251 bytes");
    assert!(keeps(&mut bench, &peer, 3, 50), "exactly 250");
    let few = bench.try_open(None, &hello(2)).expect("room");
    bench.served(&few, 0, 1, MUCH, 201);
    assert_eq!(bench.kept(), 250, "its slots times the limit is less");
}

#[test]
fn v19_half_of_the_budget_is_for_all_and_the_other_half_in_equal_shares() {
    let mut bench = bench_of(400, 1000);
    let greedy = open(&mut bench);
    assert!(keeps(&mut bench, &greedy, 0, 100) && keeps(&mut bench, &greedy, 1, 100), "half of the budget");
    assert!(!keeps(&mut bench, &greedy, 2, 1), "alone it has the other half, of which it has more already");
    let second = open(&mut bench);
    assert!(keeps(&mut bench, &second, 0, 60), "a session that keeps nothing may keep one");
    assert!(!keeps(&mut bench, &second, 1, 41), "101 bytes of 200 for two sessions");
    assert!(keeps(&mut bench, &second, 2, 40), "exactly 100");
    let third = open(&mut bench);
    assert!(keeps(&mut bench, &third, 0, 60));
    assert!(!keeps(&mut bench, &third, 1, 7), "67 of 200 for three");
    assert!(keeps(&mut bench, &third, 2, 6));
}

#[test]
fn v19_the_number_of_replies_has_a_bound_and_equal_shares_as_the_bytes_have() {
    let mut bench = bench_of(1_000_000, 8);
    let (greedy, second) = (open(&mut bench), open(&mut bench));
    assert!((0..4).all(|slot| keeps(&mut bench, &greedy, slot, 0)), "half of them");
    assert!(!keeps(&mut bench, &greedy, 4, 0));
    assert!(keeps(&mut bench, &second, 0, 0) && keeps(&mut bench, &second, 1, 0), "four for two sessions");
    assert!(!keeps(&mut bench, &second, 2, 0));
    let (third, fourth, fifth) = (open(&mut bench), open(&mut bench), open(&mut bench));
    assert!(keeps(&mut bench, &third, 0, 0) && keeps(&mut bench, &fourth, 0, 0));
    assert!(!keeps(&mut bench, &fifth, 0, 0), "V10: eight, and not one more");
}

#[test]
fn v19_nineteen_sessions_do_not_take_the_budget_from_another() {
    // In proportion to the defaults: 19 sessions with 64 slots each would fill the budget without a bound of their own.
    let limits = ServerLimits { session_replies: 400, reply_budget: 256 * 400, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    for _ in 0..19 {
        let peer = open(&mut bench);
        for slot in 0..64 {
            keeps(&mut bench, &peer, slot, 100);
        }
    }
    let stranger = open(&mut bench);
    assert!((0..4).all(|slot| keeps(&mut bench, &stranger, slot, 100)), "{} are kept", bench.kept());
}

#[test]
fn v18_a_share_is_free_again_when_sessions_end_and_replies_are_acknowledged() {
    let mut bench = bench_of(400, 8);
    let (first, second) = (open(&mut bench), open(&mut bench));
    assert!(keeps(&mut bench, &first, 0, 100) && keeps(&mut bench, &first, 1, 100));
    assert!(keeps(&mut bench, &second, 0, 100) && !keeps(&mut bench, &second, 1, 100));
    bench.bye(&first);
    assert!(keeps(&mut bench, &second, 2, 100), "half is free again");
    bench.ack(&second, 0, 1);
    bench.ack(&second, 2, 1);
    let calls = &bench.core.calls;
    assert_eq!((calls.kept.len(), calls.keepers, calls.kept_bytes()), (0, 0, 0));
}

#[test]
fn v19_old_replies_of_others_are_not_released_for_a_session_that_has_its_share() {
    let mut bench = bench_of(400, 1000);
    let (old, greedy) = (open(&mut bench), open(&mut bench));
    assert!(keeps(&mut bench, &old, 0, 100));
    bench.pass(secs(61));
    assert!(keeps(&mut bench, &greedy, 0, 100));
    assert!(!keeps(&mut bench, &greedy, 1, 100), "200 bytes of 200 for two sessions");
    assert_eq!(bench.kept(), 200, "the old reply stays");
    bench.call(&old, 0, 1);
    assert_eq!(bench.read_replies(&old), [(0, 1, Status::Done)], "and no other one of that length");
    bench.pass(secs(61));
    assert!(keeps_one_more(&mut bench, &greedy), "its own old reply makes room");
    bench.served(&old, 0, 2, PLAIN, 0);
    bench.pass(ms(1));
}

/// Returns true if a session's reply of 100 bytes is kept, in place of older ones.
fn keeps_one_more(bench: &mut Bench, peer: &Peer) -> bool {
    bench.served(peer, 2, 1, PLAIN, 100);
    bench.call(peer, 2, 1);
    bench.read_replies(peer) == [(2, 1, Status::Done)]
}
