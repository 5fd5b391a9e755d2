//! The client with servers that break off, fall silent or do not stop talking: every call and every connecting ends.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpc_core::limits::ClientLimits;
use rpc_core::wire::frame::{self, Header, Kind};
use rpc_core::wire::message::{Agreement, Table};
use rpc_core::{CallError, Connector};

use crate::client_edges::{BlockingClient, ms};
use crate::raw_client::{PATIENCE, too_late};
use crate::raw_server::{Conversation, listen};

#[test]
fn a_server_that_talks_without_end_does_not_keep_a_caller_past_its_deadline() {
    let (listener, address) = listen();
    let over = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&over);
    let server = std::thread::spawn(move || {
        let (mut client, hello) = Conversation::accept(&listener);
        client.welcome(&hello, 4, Agreement::Same);
        let _ = client.expect(Kind::Call);
        let mut flood = Vec::new();
        while flood.len() < 1 << 20 {
            frame::append(&mut flood, &Header::new(Kind::Welcome), &[0; 4000], true); // duplicates are ignored
        }
        let mut breath = 1024; // megabytes: it speaks as fast as it is listened to, so no clock is needed
        while !stop.load(Ordering::SeqCst) && breath > 0 && client.stream.write_all(&flood).is_ok() {
            breath -= 1;
        }
        stop.load(Ordering::SeqCst)
    });
    let client: BlockingClient = Connector::new().connect(address).expect("it listens");
    let verdict = too_late(|within| client.call.with_deadline(within).echo("x"));
    over.store(true, Ordering::SeqCst);
    assert!(matches!(verdict, Err(CallError::Unknown(_))), "{verdict:?}");
    drop(verdict);
    drop(client);
    assert!(server.join().expect("no panic"), "the caller was kept until the server was out of breath");
}

#[test]
fn a_server_that_greets_and_hangs_up_is_called_again_but_not_without_pause() {
    let (listener, address) = listen();
    let (count, counted) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        loop {
            let (mut client, hello) = Conversation::accept(&listener);
            client.welcome(&hello, 4, Agreement::Same);
            if client.frame().is_none_or(|frame| frame.header.kind == Kind::Bye) || count.send(()).is_err() {
                return;
            }
        }
    });
    let client: BlockingClient = Connector::new().connect(address).expect("it listens");
    let verdict = too_late(|within| client.call.with_deadline(20 * within).echo("x")); // a second
    assert!(matches!(verdict, Err(CallError::Unknown(_))), "{verdict:?}");
    let attempts = counted.try_iter().count();
    assert!(attempts < 30, "{attempts} attempts in a second");
    let _again = client.call.with_deadline(PATIENCE).start.echo("x");
    counted.recv_timeout(PATIENCE).expect("it goes on trying");
}

#[test]
fn a_connection_that_is_lost_before_the_methods_came_is_made_again_and_they_are_asked_for() {
    let (listener, address) = listen();
    let server = std::thread::spawn(move || {
        let (mut client, hello) = Conversation::accept(&listener);
        client.welcome(&hello, 4, Agreement::Differs);
        let _ = client.expect(Kind::Methods);
        drop(client);
        let (mut client, hello) = Conversation::accept(&listener);
        assert!(hello.resume.is_some());
        client.welcome(&hello, 4, Agreement::Differs);
        let asked = client.expect(Kind::Methods);
        let table = Table { service: "Blocking".to_owned(), ..Table::default() };
        client.say(&Header::new(Kind::Table), &table.encode(0));
        drop(asked);
        while client.frame().is_some() {}
    });
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let limits = ClientLimits { connect: PATIENCE, ..ClientLimits::default() };
        let connector = Connector::new().limits(limits).connect_timeout(PATIENCE).deadline(PATIENCE);
        let client: Result<BlockingClient, _> = connector.connect(address);
        let verdict = client.map(|client| client.echo("x").map_err(|error| error.to_string()));
        let _ = done.send(verdict);
    });
    let verdict = finished.recv_timeout(PATIENCE).expect("connecting ends").expect("it connects");
    assert!(verdict.is_err_and(|text| text.contains("no method of that name")));
    server.join().expect("no panic");
}

#[test]
fn connecting_ends_although_a_server_greets_and_then_says_no_more() {
    let (listener, address) = listen();
    std::thread::spawn(move || {
        loop {
            let (mut client, hello) = Conversation::accept(&listener);
            client.welcome(&hello, 4, Agreement::Differs);
            while client.frame().is_some() {}
        }
    });
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connect in (0..8).map(|doublings| ms(100 << doublings)) {
            let limits = ClientLimits { connect, ..ClientLimits::default() };
            let client: Result<BlockingClient, _> = Connector::new().limits(limits).connect(address);
            let _ = done.send(client.map(drop).map_err(|error| error.to_string()));
        }
    });
    // A server so slow that it has not even greeted in so short a time gets more.
    let said_so = |verdict: Result<(), String>| verdict.is_err_and(|text| text.contains("method table"));
    while !said_so(finished.recv_timeout(PATIENCE).expect("connecting ends, and says why")) {}
}
