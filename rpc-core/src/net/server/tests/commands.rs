//! Rules of the command queue of a loop: when a command wakes the loop, and what a closed queue keeps.

use super::*;
use crate::limits::ServerLimits;
use crate::net::os::{Events, Poll};
use crate::net::server::commands::Command;

/// Returns true if the loop would be woken now.
fn is_woken(poll: &mut Poll) -> bool {
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, Some(Duration::ZERO)).expect("the kernel tells");
    !events.is_empty()
}

#[test]
fn a_command_wakes_a_loop_that_sleeps_once_and_one_that_is_awake_never() {
    let (mut poll, queue) = EventLoop::open().expect("a poll");
    let (mut commands, command) = (Vec::new(), || Command::Drain(Duration::ZERO));
    queue.push(command());
    assert!(!is_woken(&mut poll), "it has not slept yet");
    assert!(!queue.may_sleep(), "a command waits");
    assert!(!queue.drain(&mut commands));
    commands.clear();

    assert!(queue.may_sleep());
    queue.push(command());
    assert!(is_woken(&mut poll));
    queue.push(command());
    assert!(!is_woken(&mut poll), "it was woken already");
    queue.drain(&mut commands);
    assert_eq!(commands.drain(..).count(), 2);

    assert!(queue.may_sleep());
    queue.drain(&mut commands); // a socket has woken it
    queue.push(command());
    assert!(!is_woken(&mut poll), "it looks at its queue before it sleeps again");
}

#[test]
fn a_queue_that_is_closed_wakes_its_loop_for_the_last_time_and_keeps_nothing() {
    let (mut poll, queue) = EventLoop::open().expect("a poll");
    let mut commands = Vec::new();
    queue.push(Command::Drain(Duration::ZERO));
    queue.close();
    assert!(is_woken(&mut poll), "the thread that drives it must end it");
    queue.push(Command::Drain(Duration::ZERO));
    assert!(queue.drain(&mut commands), "it is closed");
    assert!(commands.is_empty());
}

/// A server whose one loop is driven by the test.
fn stopped_server(limits: ServerLimits) -> (Server, Box<EventLoop>) {
    let server = Server::builder().service(Ping).limits(limits).bind("127.0.0.1:0").expect("a free port");
    let event_loop = server.handle.loops()[0].lock().parked_loop.take().expect("it was never started");
    (server, event_loop)
}

#[test]
fn a_loop_whose_queue_was_closed_ends_with_its_turn() {
    let (server, mut event_loop) = stopped_server(ServerLimits::default());
    assert!(!event_loop.is_over());
    server.handle.loops()[0].commands.close();
    event_loop.receive().expect("the kernel tells what happens");
    assert!(event_loop.is_over(), "another thread of it has failed");
}

#[test]
fn a_server_that_drains_listens_until_all_its_loops_have_drained() {
    let (server, mut event_loop) = stopped_server(ServerLimits::default());
    server.handle.loops()[0].commands.push(Command::Drain(Duration::from_secs(3600)));
    event_loop.receive().expect("the kernel tells what happens");
    assert!(!event_loop.is_over(), "it has told the loops of the server, and not read that itself");
    drop(TcpStream::connect(server.local_addr()).expect("a client that resumes may still come"));
    event_loop.receive().expect("the kernel tells what happens");
    assert!(event_loop.is_over());
    drop(event_loop);
    assert!(TcpStream::connect(server.local_addr()).is_err());
}

#[test]
fn v10_sessions_from_one_source_are_counted_by_the_address_that_the_socket_tells() {
    let limits = ServerLimits { sessions_per_source: Some(1), ..ServerLimits::default() };
    let (server, mut event_loop) = stopped_server(limits);
    let hello = Hello::new(1, 0, &[&CONTRACT]).encode();
    let clients = [(); 2].map(|()| {
        let mut client = TcpStream::connect(server.local_addr()).expect("it listens");
        write(&mut client, &[(Header::new(Kind::Hello), &hello)]);
        client
    });
    let met = |event_loop: &EventLoop| {
        let counters = event_loop.core.counters();
        counters.opened + counters.turned_away == 2
    };
    turn_until(&mut event_loop, met);
    assert_eq!(event_loop.core.counters().turned_away, 1, "both come from one address");
    drop(clients);
}
