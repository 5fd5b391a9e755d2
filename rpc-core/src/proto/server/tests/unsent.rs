//! Rules about replies that are still unsent: no second one is added to them, and after a resume they are given again.

use super::*;
use crate::limits::HEADER;
use crate::proto::server::connection::Connection;

#[test]
fn a_duplicate_adds_no_second_reply_until_the_last_byte_of_the_first_has_left() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    bench.run(100);
    for left in (1..=136).rev() {
        bench.call(&peer, 0, 1);
        assert_eq!(bench.unsent(peer.conn).len(), left, "nothing is added");
        bench.core.handle_written(peer.conn, 1, bench.now);
    }
    assert_eq!(bench.counters().duplicates_without_reply, 136);
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
    assert_eq!(bench.counters().duplicates_replayed, 1);
}

#[test]
fn v16_a_reply_that_died_unsent_with_its_connection_is_given_again_after_the_resume() {
    for size in [0, 10, 200, 5000] {
        for lost in [false, true] {
            let (mut bench, mut peer) = Bench::with_peer();
            bench.call(&peer, 0, 1);
            bench.run(size);
            if lost {
                bench.cut(&peer);
            }
            assert!(bench.resume(&mut peer)); // or the newer connection takes the session over
            bench.call(&peer, 0, 1);
            let frames = bench.read(peer.conn);
            assert_eq!(replies(&frames), [(0, 1, Status::Done)], "{size} bytes, lost: {lost}");
            assert_eq!(frames[0].body.len(), size);
            bench.cancel(&peer, 0, 1);
            assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)], "and to a CANCEL too");
        }
    }
}

#[test]
fn v16_a_refusal_that_died_unsent_is_given_again_after_each_resume() {
    let (mut bench, mut peer) = Bench::with_peer();
    for _ in 0..3 {
        bench.cancel(&peer, 0, 1);
        bench.cut(&peer);
        assert!(bench.resume(&mut peer));
    }
    bench.cancel(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::Cancelled))]);
}

#[test]
fn after_a_resume_a_reply_that_is_unsent_on_the_new_connection_is_not_doubled() {
    let (mut bench, mut peer) = Bench::with_peer();
    bench.served(&peer, 0, 1, PLAIN, 10);
    bench.cut(&peer);
    assert!(bench.resume(&mut peer));
    for _ in 0..3 {
        bench.call(&peer, 0, 1);
    }
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
}

#[test]
fn what_was_sent_and_what_was_not_is_counted_through_every_short_write() {
    let mut connection = Connection::new(None, 1, START);
    connection.outgoing.count_from(1000);
    connection.send(&Header::new(Kind::Pong), &[1; 200_000 - HEADER]);
    let out = &mut connection.outgoing;
    let mut sent = 0;
    for step in [1, 65_000, 40_000, 1, 90_000, 4_998] {
        out.written(step);
        sent += step;
        assert_eq!(out.unsent().len(), 200_000 - sent);
        assert_eq!((out.sent(), out.queued()), (1000 + sent as u64, 201_000));
    }
    assert!(out.unsent().is_empty());
    connection.send(&Header::new(Kind::Pong), &[2; 10]);
    let out = &mut connection.outgoing;
    assert_eq!(out.unsent()[HEADER..], [2; 10]);
    assert_eq!((out.sent(), out.queued()), (201_000, 201_046));
    out.count_from(50);
    assert_eq!((out.sent(), out.queued()), (50, 96), "what was queued before the session counts as unsent");
}

#[test]
fn a_slow_readers_buffer_lets_the_part_that_has_left_go() {
    let mut connection = Connection::new(None, 1, START);
    let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    connection.send(&Header::new(Kind::Pong), &bytes);
    let out = &mut connection.outgoing;
    out.written(HEADER + 150_000);
    assert_eq!(out.held(), 50_000);
    assert_eq!(out.unsent(), &bytes[150_000..]);
    out.written(1);
    assert_eq!(out.unsent(), &bytes[150_001..]);
}

#[test]
fn a_buffer_is_lent_only_while_it_is_empty_and_taken_only_where_there_is_none() {
    let mut connection = Connection::new(None, 1, START);
    assert!(connection.outgoing.give_buffer().is_none(), "there is none");
    connection.send(&Header::new(Kind::Pong), b"");
    assert!(connection.outgoing.give_buffer().is_none(), "bytes wait in it");
    connection.outgoing.take_buffer(Vec::with_capacity(1 << 20));
    assert_eq!(connection.outgoing.unsent().len(), HEADER);
    connection.outgoing.written(HEADER);
    assert!(connection.outgoing.give_buffer().is_some());
    assert!(connection.outgoing.give_buffer().is_none());
    connection.outgoing.take_buffer(Vec::with_capacity(64));
    connection.send(&Header::new(Kind::Pong), b"");
    assert_eq!(connection.outgoing.unsent().len(), HEADER);
}
