//! Rules of the command queue of a loop: when a command wakes the loop, and what a closed queue keeps.

use super::*;
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
