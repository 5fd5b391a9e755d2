//! The server with honest clients: replies, duplicates, resumption, slow handlers, panics, bounds.

use std::sync::atomic::Ordering;

use rpc_core::error::Reason;
use rpc_core::limits::ServerLimits;
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::Status;

use crate::raw_client::RawClient;
use crate::test_service::{
    CONTRACT, COUNT, ECHO, LARGE, MISSING, NAP, PANIC, TestServer, WAIT, WAIT_SLOW, test_limits,
};

#[test]
fn a_call_gets_its_reply() {
    let server = TestServer::start();
    assert_eq!(server.client().call(&ECHO, 0, 1, &("hello",)).value::<String>(), "hello");
}

#[test]
fn pipelined_calls_all_get_their_replies_in_order() {
    let server = TestServer::start();
    let mut client = server.client();
    for seq in 1..=20 {
        for slot in 0..64 {
            client.queue_call(&ECHO, slot, seq, &(format!("{slot}/{seq}"),));
        }
        client.flush();
        for slot in 0..64 {
            let reply = client.reply();
            assert_eq!((reply.slot, reply.seq), (slot, seq));
            assert_eq!(reply.value::<String>(), format!("{slot}/{seq}"));
        }
    }
    assert_eq!(server.handle.counters().executions, 20 * 64);
}

#[test]
fn a_duplicate_gets_the_kept_reply_and_does_not_run() {
    let server = TestServer::start();
    let mut client = server.client();
    let first = client.call(&COUNT, 3, 1, &());
    let again = client.call(&COUNT, 3, 1, &());
    assert_eq!(first, again);
    assert_eq!(server.world.runs.load(Ordering::SeqCst), 1);
    assert_eq!(server.handle.counters().duplicates_replayed, 1);
}

#[test]
fn without_the_filter_a_duplicate_runs_again() {
    let server = TestServer::with(|builder| builder.at_most_once(false));
    let mut client = server.client();
    client.call(&COUNT, 3, 1, &());
    client.call(&COUNT, 3, 1, &());
    assert_eq!(server.world.runs.load(Ordering::SeqCst), 2);
}

#[test]
fn a_resumed_session_gives_its_replies_again() {
    let server = TestServer::start();
    let (mut client, session) = RawClient::connect(server.address, &CONTRACT, 8);
    let first = client.call(&COUNT, 0, 1, &());
    client.vanish();
    let (mut client, welcome) = RawClient::resume(server.address, &CONTRACT, 8, &session);
    assert!(welcome.resumed);
    assert_eq!(client.call(&COUNT, 0, 1, &()), first);
    assert_eq!(client.call(&COUNT, 0, 2, &()).value::<u64>(), 2);
}

/// Makes a call in each of four slots and acknowledges none of their replies, resumes the session, and asks for each reply again.
/// Returns the number of those that were kept.
fn kept(limits: ServerLimits) -> usize {
    let server = TestServer::with_limits(limits);
    let (mut client, session) = RawClient::connect(server.address, &CONTRACT, 8);
    let arguments = |slot: u16| (format!("a reply of thirty bytes: {slot:04}"),);
    let first: Vec<_> = (0..4).map(|slot| client.call(&ECHO, slot, 1, &arguments(slot))).collect();
    assert!(
        first.iter().all(|reply| reply.status == Status::Done),
        "a bound takes no reply from a client that is there"
    );
    client.vanish();
    let (mut client, welcome) = RawClient::resume(server.address, &CONTRACT, 8, &session);
    assert!(welcome.resumed);
    let again: Vec<_> = (0..4).map(|slot| client.call(&ECHO, slot, 1, &arguments(slot))).collect();
    let (kept, lost): (Vec<_>, Vec<_>) = again.into_iter().partition(|reply| reply.status == Status::Done);
    assert!(kept.iter().all(|reply| first.contains(reply)));
    assert!(lost.iter().all(|reply| reply.status == Status::ReplyLost));
    assert_eq!(server.handle.counters().executions, 4, "V1: none runs again, kept or not");
    kept.len()
}

#[test]
fn v10_the_kept_replies_of_a_session_have_a_bound_in_bytes_and_all_of_them_one_in_number() {
    assert_eq!(kept(test_limits()), 4);
    assert_eq!(kept(ServerLimits { session_replies: 100, ..test_limits() }), 2);
    assert_eq!(kept(ServerLimits { session_replies: 0, ..test_limits() }), 0);
    assert_eq!(kept(ServerLimits { replies: 4, ..test_limits() }), 2, "a session alone has half of them");
    assert_eq!(kept(ServerLimits { replies: 0, ..test_limits() }), 0);
}

#[test]
fn a_reply_that_is_ready_after_a_resumption_goes_to_the_new_connection() {
    let server = TestServer::start();
    let (mut client, session) = RawClient::connect(server.address, &CONTRACT, 8);
    client.queue_call(&WAIT, 0, 1, &());
    client.flush();
    server.world.gate.wait_for_arrivals(1);
    let (mut resumed, _) = RawClient::resume(server.address, &CONTRACT, 8, &session);
    server.world.gate.open();
    let reply = resumed.reply();
    assert_eq!((reply.slot, reply.seq, reply.status), (0, 1, Status::Done));
    assert_eq!(client.expect_closed(), None);
}

/// The loop is stolen from the first such call, and given away before the second.
#[test]
fn a_thousand_quick_calls_overtake_a_handler_that_waits() {
    let server = TestServer::start();
    let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 1024);
    for round in 1..=2 {
        server.world.gate.shut();
        client.queue_call(&WAIT, 0, round, &());
        for slot in 1..=1000 {
            client.queue_call(&ECHO, slot, round, &("quick",));
        }
        client.flush();
        for slot in 1..=1000 {
            assert_eq!(client.reply().slot, slot); // the handler waits until all of these were seen
        }
        server.world.gate.open();
        assert_eq!(client.reply().slot, 0);
    }
    assert_eq!(server.handle.oldest_running(), std::time::Duration::ZERO);
}

#[test]
fn slow_handlers_run_side_by_side_and_all_of_them_get_replies() {
    let server = TestServer::start();
    let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 1024);
    for slot in 0..40 {
        client.queue_call(if slot % 2 == 0 { &WAIT } else { &WAIT_SLOW }, slot, 1, &());
        client.queue_call(&ECHO, slot + 100, 1, &("quick",));
    }
    client.flush();
    for slot in 0..40 {
        assert_eq!(client.reply().slot, slot + 100);
    }
    server.world.gate.wait_for_arrivals(40);
    assert_eq!(server.handle.counters().running, 40);
    assert!(server.handle.oldest_running() > std::time::Duration::ZERO);
    server.world.gate.open();
    let mut slots: Vec<_> = (0..40).map(|_| client.reply().slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, (0..40).collect::<Vec<_>>());
    assert_eq!(server.handle.counters().running, 0);
}

#[test]
fn with_all_threads_but_one_late_a_slow_method_is_refused_and_a_quick_one_runs() {
    let limits = ServerLimits { threads: 3, ..test_limits() };
    let server = TestServer::with_limits(limits);
    let mut client = server.client();
    for slot in 0..4 {
        client.queue_call(&WAIT_SLOW, slot, 1, &());
    }
    client.flush();
    for slot in 2..4 {
        let refused = client.reply();
        assert_eq!((refused.slot, refused.status), (slot, Status::Refused(Reason::Busy)));
    }
    assert_eq!(client.call(&ECHO, 9, 1, &("quick",)).value::<String>(), "quick");
    server.world.gate.open();
    for _ in 0..2 {
        assert_eq!(client.reply().status, Status::Done);
    }
    assert_eq!(client.call(&WAIT_SLOW, 2, 2, &()).status, Status::Done); // there is room again
}

#[test]
fn a_panic_is_the_reply_to_its_call_and_hurts_no_other() {
    let server = TestServer::start();
    let mut client = server.client();
    let reply = client.call(&PANIC, 0, 1, &("out of cheese",));
    assert_eq!((reply.status, reply.text()), (Status::Panicked, "out of cheese".to_owned()));
    let long = client.call(&PANIC, 0, 2, &("ä".repeat(5000),));
    assert_eq!((long.status, long.body.len()), (Status::Panicked, 1024));
    assert_eq!(client.call(&ECHO, 0, 3, &("after",)).value::<String>(), "after");
    assert_eq!(server.handle.counters().panics, 2);
}

#[test]
fn a_call_that_cannot_run_is_refused_and_the_connection_lives() {
    let server = TestServer::start();
    let mut client = server.client();
    let unknown = client.call(&MISSING, 0, 1, &());
    assert_eq!(unknown.status, Status::Refused(Reason::NoSuchMethod));
    let nonsense = client.call(&ECHO, 0, 2, &u64::MAX);
    assert_eq!(nonsense.status, Status::Refused(Reason::BadArguments));
    let large = client.call(&ECHO, 0, 3, &("x".repeat((4 << 20) + 1),));
    assert_eq!(large.status, Status::Refused(Reason::TooLarge), "{}", large.text());
    let reply = client.call(&LARGE, 0, 4, &(5u64 << 20,));
    assert_eq!(reply.status, Status::ReplyLost, "{}", reply.text());
    assert_eq!(client.call(&ECHO, 0, 5, &("after",)).value::<String>(), "after");
}

#[test]
fn large_calls_and_replies_pass_whole() {
    let server = TestServer::start();
    let mut client = server.client();
    let text = "0123456789abcdef".repeat(200_000);
    for seq in 1..=3 {
        assert_eq!(client.call(&ECHO, 0, seq, &(&text,)).value::<String>(), text);
    }
}

#[test]
fn a_session_that_resumes_on_another_loop_is_handed_over_to_its_own() {
    let server = TestServer::with(|builder| builder.loops(2));
    let (mut first, session) = RawClient::connect(server.address, &CONTRACT, 8);
    let reply = first.call(&COUNT, 0, 1, &());
    let home = session.session.loop_number();
    let mut resumed = 0;
    for _ in 0..4 {
        // Connections are dealt out in turn, so half of these land on the other loop.
        let (mut client, welcome) = RawClient::resume(server.address, &CONTRACT, 8, &session);
        assert_eq!(welcome.session.loop_number(), home);
        assert_eq!(client.call(&COUNT, 0, 1, &()), reply);
        resumed += 1;
        assert_eq!(client.call(&COUNT, 1, resumed, &()).value::<u64>(), resumed + 1);
        client.vanish();
    }
    let counters = server.handle.counters();
    assert_eq!((counters.resumed, counters.opened, counters.lost), (4, 1, 0));
    assert_eq!(server.world.runs.load(Ordering::SeqCst), 5);
}

#[test]
fn both_loops_serve() {
    let server = TestServer::with(|builder| builder.loops(2));
    let sessions: Vec<_> = (0..4).map(|_| RawClient::connect(server.address, &CONTRACT, 8)).collect();
    let mut loops: Vec<_> = sessions.iter().map(|(_, w)| w.session.loop_number()).collect();
    loops.sort_unstable();
    assert_eq!(loops, [0, 0, 1, 1]);
    for (mut client, _) in sessions {
        assert_eq!(client.call(&ECHO, 0, 1, &("here",)).value::<String>(), "here");
    }
}

/// None of these handlers is late, but all of them together would be. On a machine that stands still for a moment the
/// row may be at its end before the client has seen its first reply: luck, which another row has not.
#[test]
fn a_long_row_of_calls_does_not_hold_back_the_first_replies() {
    const CALLS: u16 = 300;
    let server = TestServer::start();
    let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 1024);
    let mut left_at_first_reply = |row: u64| {
        for slot in 0..CALLS {
            client.queue_call(&NAP, slot, row, &(1u64,));
        }
        client.flush();
        client.reply();
        let left = row * u64::from(CALLS) - server.handle.counters().executions;
        for _ in 1..CALLS {
            client.reply();
        }
        left
    };
    assert!((1..=20).any(|row| left_at_first_reply(row) > 0), "the first reply waits for the last call");
}

/// Steals, hand-overs, late replies and quick calls, all at once: each call gets its reply, and runs once.
#[test]
fn a_mix_of_quick_and_slow_calls_from_many_clients_gets_its_replies_call_by_call() {
    const CLIENTS: u64 = 6;
    const ROUNDS: u64 = 60;
    let server = TestServer::with(|builder| builder.loops(2));
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let address = server.address;
            scope.spawn(move || {
                let (mut client, session) = RawClient::connect(address, &CONTRACT, 64);
                for seq in 1..=ROUNDS {
                    for slot in 0..32 {
                        match (u64::from(slot) * 7 + seq * 13 + number) % 64 {
                            0 => client.queue_call(&NAP, slot, seq, &(12u64,)),
                            1 => client.queue_call(&WAIT_SLOW, slot, seq, &()),
                            2 => client.queue_call(&PANIC, slot, seq, &("on purpose",)),
                            _ => client.queue_call(&COUNT, slot, seq, &()),
                        }
                    }
                    client.flush();
                    let mut seen = [false; 32];
                    for _ in 0..32 {
                        let reply = client.reply();
                        assert_eq!(reply.seq, seq);
                        assert!(reply.status.ran(), "{reply:?}");
                        assert!(!std::mem::replace(&mut seen[usize::from(reply.slot)], true), "two replies");
                    }
                    if seq % 20 == 0 {
                        client.vanish();
                        client = RawClient::resume(address, &CONTRACT, 64, &session).0;
                    }
                }
            });
        }
        server.world.gate.open();
    });
    let counters = server.handle.counters();
    let counted = server.world.runs.load(Ordering::SeqCst);
    let others = counters.panics + server.world.naps.load(Ordering::SeqCst) + server.world.gate.arrivals();
    assert_eq!(counted + others, CLIENTS * ROUNDS * 32);
    assert_eq!((counters.executions, counters.running), (CLIENTS * ROUNDS * 32, 0));
}

#[test]
fn a_ping_gets_its_pong_while_a_handler_waits() {
    let server = TestServer::start();
    let mut client = server.client();
    client.queue_call(&WAIT_SLOW, 0, 1, &());
    client.queue(&Header::new(Kind::Ping), &[]);
    client.flush();
    assert_eq!(client.frame().expect("a PONG").header.kind, Kind::Pong);
    server.world.gate.open();
    assert_eq!(client.reply().status, Status::Done);
}
