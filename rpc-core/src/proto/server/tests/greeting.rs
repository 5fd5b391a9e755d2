//! Rules of HELLO: the terms in WELCOME, the conditions of a resume, the loop of a session, and the time until HELLO.

use super::*;
use crate::contract::Contract;
use crate::error::ProtocolError;
use crate::ids::Incarnation;
use crate::limits::HELLO_TIME;
use crate::proto::tests::{LOOK, READ, ms};
use crate::wire::message::{
    Agreement, FEATURE_NO_BODY_CHECKSUM, FEATURE_PROPERTIES, FEATURE_TYPES, FEATURES, Table,
    decode_incarnation, encode_name,
};

fn welcome_of(bench: &mut Bench, hello: &Hello) -> Welcome {
    let conn = bench.connect();
    let frames = bench.greet(conn, hello);
    Welcome::decode(&frames[0].body).expect("a WELCOME")
}

#[test]
fn slots_are_granted_as_asked_within_one_and_the_limit() {
    for (limit, asked, granted) in [
        (1024, 64, 64),
        (1024, 0, 1),
        (1024, 1024, 1024),
        (1024, 1025, 1024),
        (10, 64, 10),
        (5000, 4000, 1024),
    ] {
        let mut bench = Bench::new(ServerLimits { slots: limit, ..ServerLimits::default() });
        assert_eq!(welcome_of(&mut bench, &hello(asked)).slots, granted, "{asked} of {limit}");
    }
}

#[test]
fn welcome_says_what_was_agreed() {
    static CHANGED: Contract = Contract::new("Work", &[]);
    static ELSEWHERE: Contract = Contract::new("Elsewhere", &[]);
    let limits = ServerLimits { max_frame: 12_345, lease: ms(6789), ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let welcome = welcome_of(&mut bench, &Hello::new(3, u32::MAX, &[&WORK, &CHANGED, &ELSEWHERE]));
    assert_eq!((welcome.version, welcome.features), (1, FEATURES), "known bits only");
    assert_eq!((welcome.incarnation, welcome.resumed), (Incarnation(77), false));
    assert_eq!((welcome.max_frame, welcome.lease_ms), (12_345, 6789));
    assert_eq!(welcome.agreements, [Agreement::Same, Agreement::Differs, Agreement::Missing]);
    assert_eq!(welcome.session.loop_number(), 0);
}

#[test]
fn v9_ids_and_tokens_are_new_for_each_session_and_name_the_loop() {
    let mut bench = Bench::with(ServerLimits::default(), 3, 5, true);
    let (first, second) = (bench.open(), bench.open());
    assert!(first.id != second.id && first.token != second.token);
    assert_eq!((first.id.loop_number(), second.id.loop_number()), (3, 3));
    assert_ne!(first.id.0.to_be_bytes()[1..], first.token[1..16], "the token is not the id");
}

#[test]
fn a_resume_needs_the_id_the_whole_token_the_features_and_the_services() {
    static CHANGED: Contract = Contract::new("Work", &[]);
    let (mut bench, peer) = Bench::with_reply();
    let right = resuming(&peer);
    let mut wrong = Vec::new();
    wrong.push(Hello { resume: Some((SessionId(peer.id.0 ^ 1), peer.token)), ..right.clone() });
    for at in [0, 15, 16, 31] {
        let mut token = peer.token;
        token[at] ^= 0x80;
        wrong.push(Hello { resume: Some((peer.id, token)), ..right.clone() });
    }
    wrong.push(Hello { features: FEATURE_NO_BODY_CHECKSUM, ..right.clone() });
    wrong.push(Hello { services: Hello::new(4, 0, &[&CHANGED]).services, ..right.clone() });
    wrong.push(Hello { services: Vec::new(), ..right.clone() });
    wrong.push(Hello { types: vec![1], ..right.clone() });
    let tried = wrong.len() as u64;
    for hello in wrong {
        let conn = bench.connect();
        let frames = bench.greet(conn, &hello);
        assert_eq!(kinds(&frames), [Kind::SessionLost], "{hello:?}");
        assert_eq!(decode_incarnation(&frames[0].body), Ok(Incarnation(77)));
        assert!(bench.core.wants_close(conn));
        assert!(!bench.core.wants_close(peer.conn), "the session's own connection goes on");
    }
    let counters = bench.counters();
    assert_eq!((counters.lost, counters.resumed, counters.sessions), (tried, 0, 1));
    let welcome = welcome_of(&mut bench, &Hello { slots: 9, features: 1 << 31, ..right });
    assert!(welcome.resumed && welcome.session == peer.id && welcome.token.0 == peer.token);
    assert_eq!(welcome.slots, 4, "slots stay, and unknown feature bits do not count");
    assert_eq!((bench.counters().resumed, bench.counters().opened), (1, 1));
}

#[test]
fn the_latest_connection_has_the_session_and_the_older_one_is_closed_at_once() {
    let (mut bench, mut peer) = Bench::with_peer();
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    let older = peer.conn;
    assert!(bench.resume(&mut peer));
    assert!(bench.core.wants_close(older), "its unsent bytes are not waited for");
    bench.core.remove(older, bench.now);
    bench.pass(Duration::from_secs(100));
    assert_eq!(bench.counters().sessions, 1, "its end does not detach the session from the newer one");
    bench.call(&peer, 0, 1);
    bench.run(1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
}

#[test]
fn the_same_hello_again_gets_the_same_welcome_and_any_other_is_an_error() {
    let (mut bench, mut peer) = Bench::with_peer();
    for resumed in [false, true] {
        if resumed {
            assert!(bench.resume(&mut peer));
        }
        let again = if resumed { resuming(&peer) } else { hello(SLOTS) };
        let frames = bench.greet(peer.conn, &again);
        let welcome = Welcome::decode(&frames[0].body).expect("a WELCOME");
        assert_eq!((welcome.session, welcome.token.0, welcome.resumed), (peer.id, peer.token, resumed));
    }
    assert_eq!((bench.counters().sessions, bench.counters().opened), (1, 1));
    bench.say(peer.conn, &Header::new(Kind::Hello), &hello(SLOTS).encode());
    assert!(bench.is_rejected(peer.conn));
    let peer = bench.open();
    bench.say(peer.conn, &Header::new(Kind::Hello), &hello(SLOTS + 1).encode());
    assert!(bench.is_rejected(peer.conn), "as long as the first one, and not the same");
}

#[test]
fn v20_a_connection_must_greet_within_its_time_and_not_a_moment_later() {
    let mut bench = Bench::plain();
    let (silent, greeted) = (bench.connect(), bench.open());
    bench.pass(HELLO_TIME - ms(1));
    assert!(!bench.core.wants_close(silent));
    bench.pass(ms(1));
    assert!(bench.core.wants_close(silent) && !bench.core.wants_close(greeted.conn));
    assert_eq!((bench.counters().late_hellos, bench.counters().protocol_errors), (1, 0));
    bench.core.remove(silent, bench.now);
    assert_eq!(bench.counters().connections, 1);
}

#[test]
fn a_part_of_a_hello_does_not_stop_the_clock_and_a_later_connection_has_its_own() {
    let mut bench = Bench::plain();
    let slow = bench.connect();
    bench.core.handle_input(slow, encoded(&Header::new(Kind::Hello), b"").slice(..20), bench.now);
    bench.pass(HELLO_TIME - ms(1000));
    bench.core.remove(slow, bench.now);
    let next = bench.connect();
    assert_eq!(next, slow, "numbers are used again");
    bench.pass(ms(1000));
    assert!(!bench.core.wants_close(next), "the timer was the earlier one's");
    bench.pass(HELLO_TIME);
    assert!(bench.core.wants_close(next));
}

#[test]
fn a_session_of_another_loop_is_handed_over_with_all_that_was_read() {
    let mut bench = Bench::with(ServerLimits::default(), 1, 3, true);
    let peer = bench.open();
    let of_loop = |number: u8| {
        let mut id = peer.id.0.to_be_bytes();
        id[0] = number;
        Hello { resume: Some((SessionId(u128::from_be_bytes(id)), peer.token)), ..hello(SLOTS) }
    };
    let hello = encoded(&Header::new(Kind::Hello), &of_loop(2).encode());
    let ping = encoded(&Header::new(Kind::Ping), b"");
    for cut in [0, 10, 36] {
        let conn = bench.connect();
        let mut bytes = hello.to_vec();
        bytes.extend_from_slice(&ping[..cut]);
        bench.core.handle_input(conn, bytes.clone().into(), bench.now);
        let over = bench.core.poll_hand_over().expect("it belongs elsewhere");
        assert_eq!((over.conn, over.to_loop, &over.input[..]), (conn, 2, &bytes[..]), "cut at {cut}");
        assert!(bench.core.poll_hand_over().is_none() && bench.unsent(conn).is_empty());
    }
    for number in [3, 255] {
        let conn = bench.connect();
        assert_eq!(kinds(&bench.greet(conn, &of_loop(number))), [Kind::SessionLost], "no loop {number}");
    }
    let conn = bench.connect();
    assert_eq!(kinds(&bench.greet(conn, &of_loop(1))), [Kind::Welcome], "its own");
}

#[test]
fn without_checksums_only_welcome_has_one_and_the_bodies_after_it_are_not_checked() {
    let mut bench = Bench::plain();
    let mut hello = hello(SLOTS);
    hello.features = FEATURE_NO_BODY_CHECKSUM;
    let mut peer = bench.try_open(None, &hello).expect("its WELCOME has a checksum");
    for _ in 0..2 {
        bench.call(&peer, 0, 1);
        if bench.core.has_calls() {
            bench.run(10);
        }
        let frames = bench.read_as(peer.conn, false);
        assert_eq!((frames[0].body.len(), frames[0].body_crc), (10, 0));
        peer.conn = bench.connect();
        let frames = bench.greet(peer.conn, &resuming(&peer));
        assert_ne!(frames[0].body_crc, 0, "the WELCOME of a resume has one too");
    }
    let frames = bench.greet(peer.conn, &resuming(&peer));
    assert_ne!(frames[0].body_crc, 0, "and so has the second one on a connection");
    let header = Header { millis: 1000, ..call(1, 1, PLAIN) };
    let mut bytes = header.encode(3, 12345).to_vec(); // a checksum that is none
    bytes.extend_from_slice(b"abc");
    bench.core.handle_input(peer.conn, bytes.into(), bench.now);
    assert_eq!(&bench.begin().body[..], b"abc");
}

#[test]
fn methods_of_a_service_are_told_and_one_that_is_not_there_has_none() {
    let (mut bench, peer) = Bench::with_peer();
    bench.say(peer.conn, &Header::new(Kind::Methods), &encode_name("Work"));
    bench.say(peer.conn, &Header::new(Kind::Methods), &encode_name("Play"));
    let frames = bench.read(peer.conn);
    let tables: Vec<Table> = frames.iter().map(|f| Table::decode(&f.body, 0).expect("a TABLE")).collect();
    assert_eq!(tables[0].methods, Table::of(&WORK).methods);
    assert!(tables[0].idempotent.is_empty(), "it was not asked for");
    assert_eq!(tables[0].methods[2].0, LOOK.id);
    assert_eq!(tables[1], Table { service: "Play".to_owned(), ..Table::default() });
}

/// A service whose one method has types.
mod typed {
    use crate::contract::{Contract, Method, TypesOf};
    use crate::types::trace;

    static METHODS: [Method; 1] =
        [Method::new("Work.get", "fn get() -> u8").types(|| trace::<(), u8, ()>(false))];
    pub(super) static TYPES: TypesOf = TypesOf::new("Work", &METHODS);
    pub(super) static CONTRACT: Contract = Contract::new("Work", &METHODS).with_types(|| TYPES.get());
}

#[test]
fn w10_types_that_differ_are_another_contract_if_both_sides_say_theirs() {
    let fingerprint = typed::TYPES.get().fingerprint;
    for (features, types, agreement) in [
        (FEATURE_TYPES, vec![fingerprint], Agreement::Same),
        (FEATURE_TYPES, vec![fingerprint ^ 1], Agreement::Differs),
        (FEATURE_TYPES, vec![0], Agreement::Same),
        (FEATURE_TYPES, vec![], Agreement::Same),
        (0, vec![fingerprint ^ 1], Agreement::Same),
    ] {
        let mut bench = Bench::plain();
        bench.core.config.directory = Directory::new(vec![&typed::CONTRACT]).expect("one service");
        let hello = Hello { features, types: types.clone(), ..Hello::new(1, 0, &[&typed::CONTRACT]) };
        assert_eq!(welcome_of(&mut bench, &hello).agreements, [agreement], "{features} {types:?}");
    }
}

#[test]
fn w11_a_table_has_properties_if_both_sides_agreed_on_them() {
    let mut bench = Bench::plain();
    let asks = Hello { features: FEATURE_PROPERTIES, ..hello(SLOTS) };
    let peer = bench.try_open(None, &asks).expect("there is room");
    bench.say(peer.conn, &Header::new(Kind::Methods), &encode_name("Work"));
    let table = Table::decode(&bench.read(peer.conn)[0].body, FEATURE_PROPERTIES);
    assert_eq!(table, Ok(Table::of(&WORK)));
    assert_eq!(Table::of(&WORK).idempotent, [READ.id].into());
}

#[test]
fn a_body_up_to_the_limit_is_taken_and_the_limit_of_strangers_holds_before_welcome() {
    let mut bench = Bench::new(ServerLimits { max_frame: 10_000, ..ServerLimits::default() });
    let peer = bench.open();
    bench.call_of(&peer, 0, 1, PLAIN, &[1; 10_000]);
    assert_eq!(bench.begin().body.len(), 10_000);
    bench.call_of(&peer, 1, 1, PLAIN, &[1; 10_001]);
    assert_eq!(bench.read_replies(&peer), [(1, 1, refused(Reason::TooLarge))]);
    let stranger = bench.connect();
    bench.say(stranger, &Header::new(Kind::Hello), &[0; 4097]);
    assert!(bench.is_rejected(stranger));
}

#[test]
fn a_peer_is_told_what_it_has_done_in_words_that_fit_how_far_it_got() {
    let text = |frames: &[Frame]| String::from_utf8_lossy(&frames[0].body).into_owned();
    let mut bench = Bench::plain();
    let stranger = bench.connect();
    bench.core.handle_input(
        stranger,
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec().into(),
        bench.now,
    );
    assert!(text(&bench.read(stranger)).contains("rpc-core protocol"));
    let newer = bench.connect();
    let said = bench.greet(newer, &Hello { version_min: 2, version_max: 3, ..hello(1) });
    assert!(text(&said).contains("this server speaks version 1"), "{}", text(&said));
    let peer = bench.open();
    bench.say(peer.conn, &Header::for_call(Kind::Ack, 99, 1), b"");
    let said = text(&bench.read(peer.conn));
    assert_eq!(said, ProtocolError::SlotRange(99).to_string());
}
