//! Floor 4: the event loop: readiness in, bytes to the protocol, bytes to the sockets. It runs no user code, so that the
//! whole of it can change hands between two calls.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::listener::Acceptor;
use super::mailbox::{Mail, Mailbox};
use super::socket::Socket;
use crate::ids::{Clock, Time};
use crate::limits::{ACCEPT_BATCH, EVENTS};
use crate::net::os::{BoundListener, Events, Poll, TcpStream, Token, Waker};
use crate::net::sync::atomic::{AtomicUsize, Ordering};
use crate::proto::server::{ConnId, ServerCore};

const WAKE: Token = Token(usize::MAX);
const LISTEN: Token = Token(usize::MAX - 1);

/// What the loops of a server share.
pub(super) struct Common {
    pub(super) clock: Arc<dyn Clock>,
    /// Connections open, all loops together.
    pub(super) open: AtomicUsize,
    /// Most of them.
    pub(super) connections: usize,
}

/// One event loop with everything that it drives.
///
/// Invariants between turns: `sockets[conn]` is there exactly while the protocol knows `conn`; every socket that is
/// `readable` and that the protocol wants to read is in `ready`, since no second event will come for it.
pub(super) struct EventLoop {
    poll: Poll,
    events: Events,
    acceptor: Option<Acceptor>,
    next_loop: usize,
    pub(super) core: ServerCore,
    pub(super) sockets: Vec<Option<Socket>>,
    /// Connections that may have something to read.
    pub(super) ready: Vec<ConnId>,
    /// Connections that end with this turn.
    closing: Vec<ConnId>,
    /// Connections that were given a buffer in this turn.
    pub(super) lent: Vec<ConnId>,
    /// Empty write buffers.
    pub(super) buffers: Vec<Vec<u8>>,
    /// What is read into; all of it is filled, so that no `unsafe` is needed.
    pub(super) input: BytesMut,
    mail: Vec<Mail>,
    /// The present, read once a turn.
    pub(super) now: Time,
    number: usize,
    /// Its box was closed: another thread of it failed.
    closed: bool,
    mailboxes: Arc<[Arc<Mailbox>]>,
    pub(super) common: Arc<Common>,
}

impl EventLoop {
    /// A loop's `Poll`, and the box by which others reach it.
    pub(super) fn open() -> io::Result<(Poll, Arc<Mailbox>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        Ok((poll, Arc::new(Mailbox::new(waker))))
    }

    pub(super) fn new(
        number: usize,
        poll: Poll,
        listener: Option<BoundListener>,
        core: ServerCore,
        mailboxes: Arc<[Arc<Mailbox>]>,
        common: Arc<Common>,
    ) -> io::Result<Self> {
        let acceptor = match listener {
            Some(listener) => Some(Acceptor::register(listener, poll.registry(), LISTEN)?),
            None => None,
        };
        Ok(EventLoop {
            poll,
            events: Events::with_capacity(EVENTS),
            acceptor,
            next_loop: 0,
            core,
            sockets: Vec::new(),
            ready: Vec::new(),
            closing: Vec::new(),
            lent: Vec::new(),
            buffers: Vec::new(),
            input: BytesMut::new(),
            mail: Vec::new(),
            now: common.clock.now(),
            number,
            closed: false,
            mailboxes,
            common,
        })
    }

    /// The first half of a turn: waits until something happens, unless there is work, and hands all of it to the
    /// protocol: letters, connections, bytes, time.
    ///
    /// # Errors
    /// When the operating system cannot say what has happened: the loop cannot go on.
    pub(super) fn receive(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => self.now = self.common.clock.now(),
        }
        self.note_events();
        self.read_mail();
        self.accept();
        self.read_ready();
        if self.core.poll_timeout().is_some_and(|due| due <= self.now) {
            self.core.handle_timeout(self.now);
        }
        self.hand_over();
        Ok(())
    }

    /// The second half of a turn, after the calls have run: one write for each connection that has something to say,
    /// and goodbye to those that end.
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
    }

    /// Whether the loop ends now.
    pub(super) fn is_over(&self) -> bool {
        self.closed || self.core.is_drained()
    }

    /// How long to wait for events: not at all while there is work; else until the next timer; and not before the box
    /// was seen to be empty.
    fn timeout(&self) -> Option<Duration> {
        let accepts = self.acceptor.as_ref().is_some_and(|acceptor| acceptor.may_accept(self.now));
        if accepts
            || self.core.has_calls()
            || !self.ready.is_empty()
            || !self.mailboxes[self.number].may_sleep()
        {
            return Some(Duration::ZERO);
        }
        let pause = self.acceptor.as_ref().and_then(Acceptor::paused_until);
        let due = self.core.poll_timeout().into_iter().chain(pause).min()?;
        (due != Time::NEVER).then(|| due.since(self.now))
    }

    /// Moves events to the flags of their sockets. Nothing else is done while events are iterated, so none is lost
    /// when the loop changes hands.
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
                    socket.note(event);
                    if !std::mem::replace(&mut socket.listed, true) {
                        self.ready.push(conn);
                    }
                }
            }
        }
    }

    fn read_mail(&mut self) {
        let mut mail = std::mem::take(&mut self.mail);
        self.closed |= self.mailboxes[self.number].take(&mut mail);
        for letter in mail.drain(..) {
            match letter {
                Mail::Late { key, status, body } => self.core.finish(key, status, &body, self.now),
                Mail::Connection { stream, peer, input } => self.connect(stream, peer, input),
                Mail::Drain(grace) => self.drain(grace),
                Mail::Counters(asker) => {
                    let _ = asker.send(self.core.counters()); // whoever asked may have gone
                }
            }
        }
        self.mail = mail;
    }

    fn drain(&mut self, grace: Duration) {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.close(self.poll.registry());
        }
        self.core.drain_within(grace, self.now);
    }

    /// Accepts a batch, and deals it out to the loops in turn.
    fn accept(&mut self) {
        let Some(mut acceptor) = self.acceptor.take() else { return };
        for _ in 0..ACCEPT_BATCH {
            if !acceptor.may_accept(self.now) {
                break;
            }
            if self.common.open.load(Ordering::Relaxed) >= self.common.connections {
                acceptor.pause(self.now, "as many connections as the limit allows are open");
                break;
            }
            let Some((stream, peer)) = acceptor.accept(self.now) else { break };
            self.common.open.fetch_add(1, Ordering::Relaxed);
            let chosen = self.next_loop % self.mailboxes.len();
            self.next_loop = chosen + 1;
            if chosen == self.number {
                self.connect(stream, peer, Bytes::new());
            } else {
                self.mailboxes[chosen].put(Mail::Connection { stream, peer, input: Bytes::new() });
            }
        }
        self.acceptor = Some(acceptor);
    }

    /// A connection begins on this loop; what it has said so far was read elsewhere.
    fn connect(&mut self, stream: TcpStream, peer: SocketAddr, input: Bytes) {
        let conn = self.core.handle_connected(Some(peer), self.now);
        match Socket::register(stream, peer, self.poll.registry(), Token(conn)) {
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
                tracing::warn!(%error, %peer, "a connection could not be registered");
                self.core.remove(conn, self.now);
                self.common.open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Moves connections to the loops that own their sessions.
    fn hand_over(&mut self) {
        while let Some(moved) = self.core.poll_hand_over() {
            self.core.remove(moved.conn, self.now);
            let Some(socket) = self.sockets.get_mut(moved.conn).and_then(Option::take) else { continue };
            let peer = socket.peer;
            match (socket.deregister(self.poll.registry()), self.mailboxes.get(usize::from(moved.to_loop))) {
                (Ok(stream), Some(to)) => to.put(Mail::Connection { stream, peer, input: moved.input }),
                _ => {
                    self.common.open.fetch_sub(1, Ordering::Relaxed); // it is closed, and its client comes back
                }
            }
        }
    }
}
