//! Layer 4: the commands of other threads run in a loop, and connections go to the loops that own their sessions.
//!
//! A session belongs to one loop, which its id names. A client that resumes it may connect to any loop: that loop reads the
//! HELLO, and sends the connection to the right one with all bytes that it has read.

use super::queue::Command;
use crate::net::server::event_loop::EventLoop;

/// Runs the commands of other threads.
pub(in crate::net::server) fn run_commands(event_loop: &mut EventLoop) {
    let mut commands = std::mem::take(&mut event_loop.commands);
    event_loop.closed |= event_loop.queues[event_loop.number].drain(&mut commands);
    for command in commands.drain(..) {
        match command {
            Command::CallFinished { key, status, body } => {
                event_loop.core.finish(key, status, &body, event_loop.now)
            }
            Command::CallHeld(key) => event_loop.core.hold(key, event_loop.now),
            Command::Connection { stream, peer, input } => event_loop.connect(stream, peer, input),
            Command::CloseIdle => event_loop.is_full = true,
            Command::Drain(grace) => event_loop.core.drain_within(grace, event_loop.now),
            Command::AllDrained => event_loop.all_drained = true,
            Command::Counters(reply) => {
                // The thread that asked may have stopped waiting.
                let _ = reply.send(event_loop.core.counters());
            }
            #[cfg(test)]
            Command::Panic => panic!("as planned"),
        }
    }
    event_loop.commands = commands;
}

/// Sends connections to the loops that own their sessions.
pub(in crate::net::server) fn hand_over(event_loop: &mut EventLoop) {
    // `input` is all that was read: the other loop continues with the same bytes.
    while let Some(moved) = event_loop.core.poll_hand_over() {
        let peer = event_loop.core.peer(moved.conn);
        event_loop.core.remove(moved.conn, event_loop.now);
        let socket = event_loop.sockets.get_mut(moved.conn).and_then(Option::take);
        let (Some(socket), Some(peer)) = (socket, peer) else { continue };
        match (
            socket.deregister(event_loop.poll.registry()),
            event_loop.queues.get(usize::from(moved.to_loop)),
        ) {
            (Ok(stream), Some(to)) => to.push(Command::Connection { stream, peer, input: moved.input }),
            _ => {
                event_loop.shared.open.remove(peer.source()); // it is closed, and its client connects again
            }
        }
    }
}
