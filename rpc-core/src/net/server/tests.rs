//! Tests that run the turns of an event loop one by one, so that each test chooses what happens between two turns.

mod commands;
mod durable;
mod ending;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::commands::Command;
use super::event_loop::EventLoop;
use super::{ServeError, Server};
use crate::contract::{Contract, Method};
use crate::service::{Dispatch, Dispatched, Refused, Service};
use crate::wire::frame::{Header, Kind, append};
use crate::wire::message::{Hello, Status};

static PING: Method = Method::new("Ping.ping", "fn ping()");
static CONTRACT: Contract = Contract::new("Ping", std::slice::from_ref(&PING));

struct Ping;

impl Service for Ping {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        call.no_such_method()
    }
}

fn write(client: &mut TcpStream, frames: &[(Header, &[u8])]) {
    let mut bytes = Vec::new();
    for (header, body) in frames {
        append(&mut bytes, header, body, true);
    }
    client.write_all(&bytes).expect("there is room");
}

/// Runs turns until `done` returns true.
fn turn_until(event_loop: &mut EventLoop, done: impl Fn(&EventLoop) -> bool) {
    for _ in 0..100 {
        if done(event_loop) {
            return;
        }
        event_loop.receive().expect("the kernel tells what happens");
        event_loop.flush();
    }
    panic!("a hundred turns, and it has not happened");
}

/// A client sends BYE and resets its connection while the reply to a call that it has abandoned is about to be written. The
/// write fails, and the BYE is still unread in the socket. If it were not read, a drain would wait for the whole grace time.
#[test]
fn the_last_word_of_a_client_that_has_gone_is_heard() {
    let server = Server::builder().service(Ping).bind("127.0.0.1:0").expect("a free port");
    let owner = &server.handle.loops()[0];
    let mut event_loop = owner.lock().parked_loop.take().expect("it was never started");
    let mut client = TcpStream::connect(server.local_addr()).expect("it listens");
    let hello = Hello::new(1, 0, &[&CONTRACT]).encode();
    let call = Header { method: PING.id, millis: 60_000, ..Header::for_call(Kind::Call, 0, 1) };
    write(&mut client, &[(Header::new(Kind::Hello), &hello), (call, &[])]);
    turn_until(&mut event_loop, |event_loop| event_loop.core.has_calls());
    let now = event_loop.now;
    let key = event_loop.core.poll_call(now).expect("it came").key;

    write(&mut client, &[(Header::new(Kind::Bye), &[])]);
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("an option"); // closing it resets the connection
    drop(client);
    event_loop.core.finish(key, Status::Done, &[7; 100], now);
    event_loop.flush();
    assert!(
        event_loop.core.counters().sessions == 0 || !event_loop.ready.is_empty(),
        "it will be looked at again"
    );
    turn_until(&mut event_loop, |event_loop| event_loop.core.counters().sessions == 0);
    turn_until(&mut event_loop, |event_loop| event_loop.core.counters().connections == 0);
    owner.lock().parked_loop = Some(event_loop);
}

/// A defect of this library ends the loop that it is in, the other loops, and `run`; and the counters stay what they were.
#[test]
fn a_loop_that_panics_ends_the_server_with_an_error_and_its_counters_are_kept() {
    let server = Server::builder().service(Ping).loops(2).bind("127.0.0.1:0").expect("a free port");
    let handle = server.handle();
    let clients: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut client = TcpStream::connect(server.local_addr()).expect("it listens");
            let hello = Hello::new(1, 0, &[&CONTRACT]).encode();
            write(&mut client, &[(Header::new(Kind::Hello), &hello)]);
            client
        })
        .collect();
    let running = server.spawn().expect("threads");
    for mut client in &clients {
        client.read_exact(&mut [0; 36]).expect("WELCOME");
    }
    clients.iter().for_each(|client| client.shutdown(Shutdown::Write).expect("an option"));
    handle.loops()[1].commands.push(Command::Panic);
    let ended = running.wait();
    assert!(matches!(&ended, Err(ServeError::Failed(text)) if text == "as planned"), "{ended:?}");
    assert_eq!(handle.counters().opened, 4, "no counter goes back when its loop fails");
}
