//! The page's whole exchange and its mistakes, played with the server's state machine: what it answers is what the page shows.

use bytes::Bytes;
use rpc_core::Client;
use rpc_core::contract::Directory;
use rpc_core::ids::Time;
use rpc_core::limits::{HEADER, ServerLimits};
use rpc_core::proto::server::{ConnId, ServerConfig, ServerCore};
use rpc_core::wire::codec;
use rpc_core::wire::frame::Kind;
use rpc_core::wire::message::Status;
use rpc_core::wire::reject::RejectCode;

use crate::KvClient;
use crate::page::{self, shown};
use crate::vectors::{INCARNATION, SESSION, token};

/// The time of all that happens here.
const NOW: Time = Time(1_000_000);

/// A server of the page's service, with the session and the token of the page.
fn server() -> ServerCore {
    let directory = Directory::new(vec![KvClient::CONTRACT]).expect("one service");
    let config = ServerConfig {
        limits: ServerLimits::default(),
        directory,
        incarnation: INCARNATION,
        loop_number: 0,
        loops: 1,
        at_most_once: true,
    };
    let mut draws = 0;
    let entropy = move || {
        draws += 1;
        let mut session = [0; 32];
        session[..16].copy_from_slice(&SESSION.0.to_be_bytes());
        if draws == 1 { session } else { token().0 }
    };
    ServerCore::new(config, Box::new(entropy))
}

/// The bytes of a vector of the page.
fn vector(name: &str) -> Vec<u8> {
    let vectors = page::vectors(&page::text());
    let found = vectors.into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("the page has no vector `{name}`")).1
}

/// Hands bytes in, runs what may run, and takes what is answered.
fn say(server: &mut ServerCore, conn: ConnId, bytes: Vec<u8>, runs: &mut u32) -> Vec<u8> {
    server.handle_input(conn, Bytes::from(bytes), NOW);
    while let Some(call) = server.poll_call(NOW) {
        *runs += 1;
        let mut body = Vec::new();
        codec::encode(&"1", &mut body, usize::MAX).expect("plain");
        server.finish(call.key, Status::Done, &body, NOW);
    }
    let answer = server.outgoing(conn).map(|outgoing| outgoing.unsent().to_vec()).unwrap_or_default();
    server.handle_written(conn, answer.len(), NOW);
    answer
}

#[test]
fn the_whole_exchange_is_as_the_page_shows_it_and_its_call_runs_once() {
    let (server, conn) = play(page::table(&page::text(), &["from", "frame"]));
    assert!(server.wants_close(conn));
}

#[test]
fn without_checksums_another_body_of_the_same_length_is_a_duplicate_as_the_page_shows() {
    let (server, conn) = play(page::table(&page::text(), &["client and server", "without checksums"]));
    assert!(!server.wants_close(conn), "no protocol error");
}

/// Plays an exchange of the page with a server: each frame of the server is as the page shows it, and one call runs.
fn play(rows: Vec<Vec<String>>) -> (ServerCore, ConnId) {
    let (mut server, mut runs) = (server(), 0);
    let (mut conn, mut expected) = (0, Vec::new());
    assert!(rows.len() > 5);
    for row in rows {
        let bytes = vector(&row[1]);
        if row[0] == "server" {
            let due: Vec<u8> = expected.drain(..bytes.len().min(expected.len())).collect();
            assert_eq!(shown(&due), shown(&bytes), "{}", row[1]);
            continue;
        }
        assert!(expected.is_empty(), "the server says more than the page, before `{}`", row[1]);
        if row[1].starts_with("HELLO") {
            conn = server.handle_connected(None, NOW);
        }
        expected = say(&mut server, conn, bytes, &mut runs);
    }
    assert!(expected.is_empty());
    assert_eq!((runs, server.counters().opened), (1, 1));
    (server, conn)
}

#[test]
fn each_mistake_of_the_page_is_rejected_with_the_reason_that_it_names() {
    let rows = page::table(&page::text(), &["mistake", "reason"]);
    assert_eq!(rows.len(), 3);
    for row in rows {
        let (mut server, mut runs) = (server(), 0);
        let conn = server.handle_connected(None, NOW);
        say(&mut server, conn, vector("HELLO"), &mut runs);
        let answer = say(&mut server, conn, vector(&format!("mistake {}", row[0])), &mut runs);
        assert_eq!((answer[4], runs), (Kind::Reject as u8, 0), "{}", row[0]);
        assert_eq!(format!("{:?}", RejectCode::from_wire(answer[5])), row[1]);
        assert!(server.wants_close(conn));
    }
}

#[test]
fn a_call_over_the_limit_is_read_past_and_refused_and_the_connection_lives() {
    let (mut server, mut runs) = (server(), 0);
    let conn = server.handle_connected(None, NOW);
    say(&mut server, conn, vector("HELLO"), &mut runs);
    let mut bytes = vector("header over the limit");
    assert_eq!(bytes.len(), HEADER);
    bytes.resize(HEADER + ServerLimits::default().max_frame + 1, 0);
    let answer = say(&mut server, conn, bytes, &mut runs);
    assert_eq!(shown(&answer[4..28]), shown(&vector("REPLY too large")[4..28]), "but for its text");
    assert_eq!(say(&mut server, conn, vector("PING"), &mut runs), vector("PONG"));
    assert_eq!(runs, 0);
}
