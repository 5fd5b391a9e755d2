//! The memory of an idle connection with its session, part by part: `prove siege` has the bound on all of it.

use std::sync::Arc;

use super::*;
use crate::proto::server::connection::Connection;
use crate::proto::server::session::Session;

/// Bytes of a connection, without what it points to.
const CONNECTION: usize = 168;
/// Bytes of a session, without what it points to.
const SESSION: usize = 224;

#[test]
fn a_connection_and_a_session_take_no_more_than_they_should() {
    let sizes = (size_of::<Connection>(), size_of::<Session>());
    assert!(sizes.0 <= CONNECTION && sizes.1 <= SESSION, "{sizes:?}");
}

#[test]
fn an_idle_connection_holds_one_record_one_place_and_nothing_that_others_have_as_well() {
    let mut bench = Bench::plain();
    let peers = [bench.open(), bench.open()];
    for peer in &peers {
        bench.served(peer, 0, 1, PLAIN, 1);
        bench.ack(peer, 0, 1);
    }
    let links = &bench.core.links;
    for (_, session) in links.sessions.keys() {
        assert_eq!(session.records.len(), 1);
    }
    let terms: Vec<_> = links.sessions.iter().map(|session| &session.terms).collect();
    assert!(Arc::ptr_eq(terms[0], terms[1]), "the same client, with other connections");
    assert!(links.connections.iter().all(|(_, c)| c.begun.is_none() && !c.input.has_decoder()));
    assert_eq!((links.timers.due.len(), bench.core.calls.bytes()), (0, 0));
}
