//! Layer 4: the event loop: events from the kernel, bytes to the protocol, and bytes to the sockets.
//!
//! ```text
//! turn:  receive: poll --> note_events --> run_commands --> accept --> read_ready --> handle_timeout --> hand_over
//!        (the calls run: runner, with the loop parked)
//!        flush:   poll_ready --> write --> remove the connections that end
//! ```
//! It runs no user code, so that another thread can take the whole of it while a handler runs.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::commands::{Command, CommandQueue, hand_over, run_commands};
use super::durable::DurableLoop;
use super::life::EndTogether;
use super::listener::Acceptor;
use super::loop_socket::LoopSocket;
use super::open_connections::{OpenConnections, Place};
use crate::ids::{Clock, Time};
use crate::limits::{ACCEPT_BATCH, CALLS_PER_TURN, EVENTS, TURN};
use crate::log;
use crate::net::os::{Events, Listener, Poll, Stream, Token, Waker};
use crate::net::sync::atomic::AtomicUsize;
use crate::net::waiting::Waiting;
use crate::proto::peer::Peer;
use crate::proto::server::{ConnId, ReadyCall, ServerCore};

/// The token of the waker.
const WAKE: Token = Token(usize::MAX);
/// The token of all listeners. The other tokens are connections.
const LISTEN: Token = Token(usize::MAX - 1);

/// The state that all loops of a server share.
pub(super) struct ServerShared {
    /// The clock of the server.
    pub(super) clock: Arc<dyn Clock>,
    /// The open connections of all loops.
    pub(super) open: OpenConnections,
    /// The number of loops that have not drained.
    pub(super) undrained: AtomicUsize,
}

/// One event loop with all that it drives.
///
/// Invariants between turns, asserted by [`EventLoop::check`]: the loop has a socket for each connection that the protocol
/// knows; and every socket that is `readable` and that the protocol wants to read is listed in `ready`, since no second
/// event follows for it.
pub(super) struct EventLoop {
    /// The kernel's poll, which all sockets of the loop are registered with.
    pub(super) poll: Poll,
    /// The events of the last poll.
    events: Events,
    /// The listeners, on the first loop. They stay open while a drain lasts: clients resume their sessions through them.
    pub(super) acceptor: Option<Acceptor>,
    /// The loop that gets the next new connection.
    next_loop: usize,
    /// The protocol.
    pub(super) core: ServerCore,
    /// The sockets, by connection.
    pub(super) sockets: Vec<Option<LoopSocket>>,
    /// The connections that may have bytes to read.
    pub(super) ready: Vec<ConnId>,
    /// The empty list that takes the place of `ready` while that is read.
    pub(super) spare_list: Vec<ConnId>,
    /// The connections that end with this turn.
    closing: Vec<ConnId>,
    /// The connections that were lent a write buffer in this turn.
    pub(super) lent: Vec<ConnId>,
    /// Empty write buffers.
    pub(super) buffers: Vec<Vec<u8>>,
    /// The read buffer. All of it is initialised, so that no `unsafe` is needed.
    pub(super) input: BytesMut,
    /// The commands of this turn, empty between turns.
    pub(super) commands: Vec<Command>,
    /// True if idle connections are to be closed in this turn, since there is no room for a new one.
    pub(super) is_full: bool,
    /// The number of calls that may still run before the clock is read.
    calls_left: usize,
    /// The time at which this turn began.
    turn_began: Time,
    /// The present time, read once a turn.
    pub(super) now: Time,
    /// Waits for the events of the poll.
    waiting: Waiting,
    /// The number of the loop.
    pub(super) number: usize,
    /// True if the command queue was closed, since another thread of this loop failed.
    pub(super) closed: bool,
    /// True once every loop of the server has drained.
    pub(super) all_drained: bool,
    /// Tells the other loops when this one has drained.
    end_together: EndTogether,
    /// The command queues of all loops, by number.
    pub(super) queues: Arc<[Arc<CommandQueue>]>,
    /// The state that all loops of the server share.
    pub(super) shared: Arc<ServerShared>,
    /// The store, if the server has one.
    pub(super) durable: Option<DurableLoop>,
}

impl EventLoop {
    /// Opens the poll of a loop, and its command queue.
    pub(super) fn open() -> io::Result<(Poll, Arc<CommandQueue>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        Ok((poll, Arc::new(CommandQueue::new(waker))))
    }

    /// Returns the loop with this number. The first loop gets the listeners.
    pub(super) fn new(
        number: usize,
        poll: Poll,
        listeners: Vec<Listener>,
        core: ServerCore,
        queues: Arc<[Arc<CommandQueue>]>,
        shared: Arc<ServerShared>,
    ) -> io::Result<Self> {
        let acceptor = match listeners.is_empty() {
            false => Some(Acceptor::register(listeners, poll.registry(), LISTEN)?),
            true => None,
        };
        let waiting = Waiting::new(core.limits().spin);
        Ok(EventLoop {
            poll,
            events: Events::with_capacity(EVENTS),
            acceptor,
            next_loop: 0,
            core,
            sockets: Vec::new(),
            ready: Vec::new(),
            spare_list: Vec::new(),
            closing: Vec::new(),
            lent: Vec::new(),
            buffers: Vec::new(),
            input: BytesMut::new(),
            commands: Vec::new(),
            is_full: false,
            calls_left: CALLS_PER_TURN,
            turn_began: shared.clock.now(),
            waiting,
            now: shared.clock.now(),
            number,
            closed: false,
            all_drained: false,
            end_together: EndTogether::new(Arc::clone(&queues), Arc::clone(&shared)),
            queues,
            shared,
            durable: None,
        })
    }

    /// The first half of a turn: waits for events unless there is work, and hands all of them to the protocol: commands,
    /// connections, bytes and time.
    ///
    /// # Errors
    /// Returns an error if the operating system cannot report events: the loop cannot continue.
    pub(super) fn receive(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        match self.waiting.wait(&mut self.poll, &mut self.events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => self.read_clock(),
        }
        (self.calls_left, self.turn_began) = (CALLS_PER_TURN, self.now);
        self.note_events();
        run_commands(self);
        self.accept();
        self.read_ready();
        // After reading: a connection with bytes that have just arrived is not idle.
        if std::mem::take(&mut self.is_full) {
            let closed = self.core.close_idle(self.now);
            crate::log::debug!(closed, "idle connections are closed to make room");
        }
        if self.core.poll_timeout().is_some_and(|due| due <= self.now) {
            self.core.handle_timeout(self.now);
        }
        hand_over(self);
        Ok(())
    }

    /// The second half of a turn, after the calls have run: writes once to each connection that has bytes to send, and closes
    /// the connections that end.
    pub(super) fn flush(&mut self) {
        while let Some(conn) = self.core.poll_ready() {
            if !self.core.wants_close(conn) {
                self.write(conn);
            }
            if self.core.wants_close(conn) {
                self.closing.push(conn);
            }
        }
        while let Some(conn) = self.lent.pop() {
            self.take_buffer_back(conn);
        }
        while let Some(conn) = self.closing.pop() {
            self.remove(conn);
        }
        self.check();
    }

    /// Takes the next call to run, until the time of one turn is over.
    pub(super) fn poll_call(&mut self) -> Option<ReadyCall> {
        if self.calls_left == 0 {
            self.read_clock();
            if self.now.since(self.turn_began) >= TURN {
                return None;
            }
            self.calls_left = CALLS_PER_TURN;
        }
        self.calls_left -= 1;
        self.core.poll_call(self.now)
    }

    /// Reads the clock within a turn.
    pub(super) fn read_clock(&mut self) {
        self.now = self.shared.clock.now();
    }

    /// Asserts what holds between turns.
    fn check(&self) {
        if cfg!(debug_assertions) {
            let sockets =
                self.sockets.iter().enumerate().filter_map(|(conn, socket)| Some((conn, socket.as_ref()?)));
            for (conn, socket) in sockets {
                let unread = socket.socket.may_read() && self.core.wants_read(conn);
                assert!(
                    socket.listed || !unread,
                    "connection {conn} has bytes that no event announces again"
                );
            }
            assert!(
                self.lent.is_empty() && self.closing.is_empty() && self.commands.is_empty(),
                "a turn is over"
            );
        }
    }

    /// Returns true if the loop ends now. A loop that has drained goes on until all have: its clients may still arrive at the
    /// listener of the first loop, or be sent on to this one.
    pub(super) fn is_over(&mut self) -> bool {
        if self.core.is_drained() {
            self.end_together.note_drained();
        }
        self.closed || self.all_drained
    }

    /// Returns the time to wait for events: zero while there is work, else the time until the next timer. The loop waits only
    /// if the command queue is empty.
    fn timeout(&self) -> Option<Duration> {
        let accepts = self.acceptor.as_ref().is_some_and(|acceptor| acceptor.may_accept(self.now));
        if accepts || self.core.has_calls() || !self.ready.is_empty() || !self.queues[self.number].may_sleep()
        {
            return Some(Duration::ZERO);
        }
        let pause = self.acceptor.as_ref().and_then(Acceptor::paused_until);
        let due = self.core.poll_timeout().into_iter().chain(pause).min()?;
        (due != Time::NEVER).then(|| due.since(self.now))
    }

    /// Sets the flags of the sockets from the events. The iteration does nothing else, so no event is lost when the loop
    /// changes its owner.
    fn note_events(&mut self) {
        for event in &self.events {
            match event.token() {
                WAKE => {}
                LISTEN => {
                    if let Some(acceptor) = &mut self.acceptor {
                        acceptor.ready = true;
                    }
                }
                Token(conn) => {
                    let Some(socket) = self.sockets.get_mut(conn).and_then(Option::as_mut) else { continue };
                    if socket.note(event) {
                        self.ready.push(conn);
                    }
                }
            }
        }
    }

    /// Accepts a batch of connections, and gives them to the loops in turn.
    fn accept(&mut self) {
        let Some(mut acceptor) = self.acceptor.take() else { return };
        for _ in 0..ACCEPT_BATCH {
            if !acceptor.may_accept(self.now) {
                break;
            }
            if self.shared.open.is_full() {
                acceptor.pause(self.now, "as many connections as the limit allows are open");
                self.ask_for_room();
                break;
            }
            let Some((stream, peer)) = acceptor.accept(self.now) else {
                if acceptor.paused_until().is_some() {
                    self.ask_for_room();
                }
                break;
            };
            // Counted before it is sent to its loop, so that the limits hold for connections on their way too.
            if let Place::None { is_first } = self.shared.open.add(peer.source()) {
                self.turn_away(stream, peer, is_first);
                continue;
            }
            let chosen = self.next_loop % self.queues.len();
            self.next_loop = chosen + 1;
            if chosen == self.number {
                self.connect(stream, peer, Bytes::new());
            } else {
                self.queues[chosen].push(Command::Connection { stream, peer, input: Bytes::new() });
            }
        }
        self.acceptor = Some(acceptor);
    }

    /// Asks all loops to close idle connections: the pause of accepting is long enough for it.
    fn ask_for_room(&mut self) {
        self.is_full = true;
        for (number, queue) in self.queues.iter().enumerate() {
            if number != self.number {
                queue.push(Command::CloseIdle);
            }
        }
    }

    /// Adds a connection to this loop. `input` is what another loop has read from it.
    pub(super) fn connect(&mut self, stream: Stream, peer: Peer, input: Bytes) {
        let conn = self.core.handle_connected_by(Some(peer), self.now);
        match LoopSocket::register(stream, self.poll.registry(), Token(conn)) {
            Ok(socket) => {
                if self.sockets.len() <= conn {
                    self.sockets.resize_with(conn + 1, || None);
                }
                self.sockets[conn] = Some(socket);
                if !input.is_empty() {
                    self.core.handle_input(conn, input, self.now);
                }
            }
            Err(error) => {
                log::warn!(%error, %peer, "cannot register a connection");
                self.core.remove(conn, self.now);
                self.shared.open.remove(peer.source());
            }
        }
    }
}
