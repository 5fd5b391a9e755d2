//! Floor 2: the server's side of the protocol: connections in, calls out, answers back, each call at most once.
//!
//! ```text
//! bytes --handle_input--> frames --> greeting | calls (the duplicate filter) --> queue --poll_call--> whoever runs it
//! bytes <--unsent-- outgoing <------------------------- finish (record, keep, answer) <--------------------'
//! ```

#[cfg(feature = "sim")]
mod audit;
mod calls;
mod connection;
mod counters;
mod drain;
mod finish;
mod greeting;
mod record;
mod replies;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use slab::Slab;

#[cfg(feature = "sim")]
pub use audit::RecordState;
pub use calls::{CallKey, ReadyCall};
pub use connection::{ConnId, Outgoing};
pub use counters::Counters;

use crate::contract::Directory;
use crate::error::ProtocolError;
use crate::ids::{Incarnation, Time};
use crate::limits::{HELLO_TIME, ServerLimits};
use crate::wire::frame::{Frame, Header, Kind};
use calls::QueueEntry;
use connection::{Connection, Stage, Timer};
use replies::Replies;
use session::{SessionKey, Sessions};

/// Gives random bytes: the operating system's on floor 4, seeded ones in the simulator.
pub type Entropy = Box<dyn FnMut() -> [u8; 32] + Send>;

/// What a server's protocol is made with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Its bounds; those that are for all loops together are divided by `loops`.
    pub limits: ServerLimits,
    /// Its services.
    pub directory: Directory,
    /// Which life of the server this is.
    pub incarnation: Incarnation,
    /// Which loop this is.
    pub loop_number: u8,
    /// How many loops there are.
    pub loops: usize,
    /// `false` switches the duplicate filter off, for teaching: a copy of a call runs again.
    pub at_most_once: bool,
}

/// A connection whose session belongs to another loop: it is taken out and handed over, with what it has said so far.
#[derive(Debug)]
pub struct HandOver {
    /// The connection; it is already gone from this loop.
    pub conn: ConnId,
    /// The loop that it goes to.
    pub to_loop: u8,
    /// All bytes read so far, its HELLO first.
    pub input: Bytes,
}

/// The server's side of the protocol, for one loop.
pub struct ServerCore {
    config: ServerConfig,
    entropy: Entropy,
    connections: Slab<Connection>,
    sessions: Sessions,
    replies: Replies,
    queue: VecDeque<QueueEntry>,
    queue_bytes: usize,
    dirty: VecDeque<ConnId>,
    handovers: VecDeque<HandOver>,
    timers: BTreeMap<(Time, u64), Timer>,
    next_serial: u64,
    running: usize,
    drain: Option<drain::Drain>,
    counters: Counters,
}

impl ServerCore {
    /// A server without connections.
    pub fn new(mut config: ServerConfig, entropy: Entropy) -> Self {
        let loops = config.loops.max(1);
        config.limits.sessions = (config.limits.sessions / loops).max(1);
        config.limits.reply_budget /= loops;
        ServerCore {
            replies: Replies::new(config.limits.reply_budget),
            config,
            entropy,
            connections: Slab::new(),
            sessions: Sessions::default(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            dirty: VecDeque::new(),
            handovers: VecDeque::new(),
            timers: BTreeMap::new(),
            next_serial: 0,
            running: 0,
            drain: None,
            counters: Counters::default(),
        }
    }

    /// A connection was accepted.
    pub fn handle_connected(&mut self, peer: Option<SocketAddr>, now: Time) -> ConnId {
        self.next_serial += 1;
        let serial = self.next_serial;
        let conn = self.connections.insert(Connection::new(peer, serial));
        self.set_timer(now.plus(HELLO_TIME), Timer::Hello(conn, serial));
        conn
    }

    /// Bytes were read. Whole frames are acted on; the rest waits for more.
    pub fn handle_input(&mut self, conn: ConnId, chunk: Bytes, now: Time) {
        if let Some(connection) = self.connections.get_mut(conn).filter(|c| c.is_open()) {
            connection.decoder.push(chunk);
            self.read_frames(conn, now);
        }
    }

    /// The socket is gone, or is no good any more.
    pub fn handle_closed(&mut self, conn: ConnId, now: Time) {
        self.detach(conn, now);
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.stage = Stage::Closed;
        }
        self.touch(conn);
    }

    /// The first `count` unsent bytes of a connection were written.
    pub fn handle_written(&mut self, conn: ConnId, count: usize, now: Time) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        connection.outgoing.written(count);
        let unsent = connection.outgoing.unsent().len();
        if unsent > 0 && !connection.stall_timer {
            connection.stall_timer = true;
            let watch = Timer::Stall(conn, connection.serial, connection.outgoing.sent());
            self.set_timer(now.plus(self.config.limits.unsent_stall), watch);
        } else if unsent < self.config.limits.unsent_pause && connection.decoder.has_unread() {
            self.read_frames(conn, now); // frames that waited for the peer to listen
        }
    }

    /// A timer may be due.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Timer::Hello(conn, serial) => self.hello_is_late(conn, serial),
                Timer::Stall(conn, serial, mark) => self.stalled(conn, serial, mark, now),
                Timer::Lease(key) => self.lease_is_over(key, now),
            }
        }
        self.drain_step(now);
    }

    /// When [`ServerCore::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Time> {
        let timer = self.timers.first_key_value().map(|((due, _), _)| *due);
        let drain = self.drain.as_ref().map(|drain| drain.next_look());
        timer.into_iter().chain(drain).min()
    }

    /// A connection that has bytes to write or is to be closed, each once until it changes again.
    pub fn poll_dirty(&mut self) -> Option<ConnId> {
        let conn = self.dirty.pop_front()?;
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.dirty = false;
        }
        Some(conn)
    }

    /// A connection that goes to another loop.
    pub fn poll_hand_over(&mut self) -> Option<HandOver> {
        self.handovers.pop_front()
    }

    /// What waits to be written on a connection.
    pub fn outgoing(&mut self, conn: ConnId) -> Option<&mut Outgoing> {
        self.connections.get_mut(conn).map(|connection| &mut connection.outgoing)
    }

    /// Whether a connection is to be read: not while its peer does not listen, nor while frames wait, nor at its end.
    pub fn wants_read(&self, conn: ConnId) -> bool {
        self.connections.get(conn).is_some_and(|connection| {
            let listens = connection.outgoing.unsent().len() < self.config.limits.unsent_pause;
            connection.is_open() && listens && !connection.decoder.has_unread()
        })
    }

    /// Whether the socket is to be closed now.
    pub fn wants_close(&self, conn: ConnId) -> bool {
        self.connections.get(conn).is_none_or(|connection| match connection.stage {
            Stage::Greeting | Stage::Attached(_) => false,
            Stage::Closing => connection.outgoing.unsent().is_empty(),
            Stage::Closed => true,
        })
    }

    /// Forgets a connection; its id may be used again from now on.
    pub fn remove(&mut self, conn: ConnId, now: Time) {
        self.detach(conn, now);
        self.connections.try_remove(conn);
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        let records = self.sessions.iter().map(|session| session.records().len()).sum();
        Counters {
            sessions: self.sessions.len(),
            connections: self.connections.len(),
            records,
            record_bytes: records * size_of::<record::Record>(),
            kept_bytes: self.replies.kept(),
            queued: self.queue.len(),
            running: self.running,
            ..self.counters
        }
    }

    /// Acts on the frames that are whole, until the peer must listen first.
    fn read_frames(&mut self, conn: ConnId, now: Time) {
        loop {
            let Some(connection) = self.connections.get_mut(conn).filter(|c| c.is_open()) else { return };
            if connection.outgoing.unsent().len() >= self.config.limits.unsent_pause {
                return;
            }
            let acted = match connection.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => self.handle_frame(conn, frame, now),
                Err(error) => Err(error),
            };
            if let Err(error) = acted {
                self.reject(conn, error, now);
                return;
            }
        }
    }

    fn handle_frame(&mut self, conn: ConnId, frame: Frame, now: Time) -> Result<(), ProtocolError> {
        let Some(connection) = self.connections.get(conn) else { return Ok(()) };
        let kind = frame.header.kind;
        let Stage::Attached(session) = connection.stage else {
            return match kind {
                Kind::Hello => self.handle_hello(conn, &frame.body, now),
                _ => Err(ProtocolError::Unexpected(kind.name())),
            };
        };
        match kind {
            Kind::Call => self.handle_call(session, frame, now),
            Kind::Cancel => self.handle_cancel(session, frame.header.slot, frame.header.seq),
            Kind::Ack => self.handle_ack(session, frame.header.slot, frame.header.seq),
            Kind::Ping => {
                self.send(conn, &Header::new(Kind::Pong), &[]);
                Ok(())
            }
            Kind::Methods => self.handle_methods(conn, &frame.body),
            Kind::Bye => {
                self.end_session(session);
                Ok(())
            }
            Kind::Hello => self.handle_hello_again(conn, &frame.body),
            _ => Err(ProtocolError::Unexpected(kind.name())),
        }
    }

    /// Says why, and closes. The session goes on without this connection.
    fn reject(&mut self, conn: ConnId, error: ProtocolError, now: Time) {
        self.counters.protocol_errors += 1;
        tracing::debug!(conn, %error, "connection rejected");
        let greeted = self.connections.get(conn).is_some_and(|c| c.stage != Stage::Greeting);
        self.detach(conn, now);
        let text = if greeted { error.to_string() } else { greeting::stranger_text(&error) };
        self.send(conn, &Header::new(Kind::Reject), text.as_bytes());
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.stage = Stage::Closing;
        }
    }

    fn send(&mut self, conn: ConnId, header: &Header, body: &[u8]) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.send(header, body);
            self.touch(conn);
        }
    }

    fn touch(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn).filter(|connection| !connection.dirty) {
            connection.dirty = true;
            self.dirty.push_back(conn);
        }
    }

    fn set_timer(&mut self, due: Time, timer: Timer) {
        self.next_serial += 1;
        self.timers.insert((due, self.next_serial), timer);
    }

    fn hello_is_late(&mut self, conn: ConnId, serial: u64) {
        let late =
            self.connections.get(conn).is_some_and(|c| c.serial == serial && c.stage == Stage::Greeting);
        if late {
            self.counters.late_hellos += 1;
            self.close(conn, Stage::Closed);
        }
    }

    fn stalled(&mut self, conn: ConnId, serial: u64, mark: u64, now: Time) {
        let Some(connection) = self.connections.get_mut(conn).filter(|c| c.serial == serial) else { return };
        connection.stall_timer = false;
        if connection.outgoing.unsent().is_empty() {
            return;
        }
        if connection.outgoing.sent() == mark {
            self.counters.stalled += 1;
            self.detach(conn, now);
            self.close(conn, Stage::Closed);
        } else {
            connection.stall_timer = true;
            let watch = Timer::Stall(conn, serial, connection.outgoing.sent());
            self.set_timer(now.plus(self.config.limits.unsent_stall), watch);
        }
    }

    fn close(&mut self, conn: ConnId, stage: Stage) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.stage = stage;
            self.touch(conn);
        }
    }

    /// Parts a connection from its session; the session's lease begins.
    fn detach(&mut self, conn: ConnId, now: Time) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let Stage::Attached(key) = connection.stage else { return };
        connection.stage = Stage::Closing;
        let sent = connection.outgoing.queued();
        self.sessions.detach(key, sent, now);
        self.watch_lease(key, now);
    }

    fn watch_lease(&mut self, key: SessionKey, now: Time) {
        if let Some(session) = self.sessions.get_mut(key).filter(|session| !session.lease_timer) {
            session.lease_timer = true;
            self.set_timer(now.plus(self.config.limits.lease), Timer::Lease(key));
        }
    }

    /// Ends a session whose lease has run out; one with a call queued or running goes on.
    fn lease_is_over(&mut self, key: SessionKey, now: Time) {
        let lease = self.config.limits.lease;
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.lease_timer = false;
        if session.attached.is_some() {
            return; // the next detachment sets a new timer
        }
        let over = session.detached_at.plus(lease);
        if session.active > 0 {
            self.watch_lease(key, now);
        } else if over > now {
            session.lease_timer = true;
            self.set_timer(over, Timer::Lease(key));
        } else {
            self.counters.expired += 1;
            self.end_session(key);
        }
    }

    /// Forgets a session: queued calls are dropped, running ones are told, and their results will find no session.
    fn end_session(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.remove(key) else { return };
        for record in session.records() {
            self.tell_cancelled(record.call);
            self.replies.free(record.call);
        }
        if let Some(conn) = session.attached {
            self.close(conn, Stage::Closing);
        }
    }
}

impl fmt::Debug for ServerCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCore({:?})", self.counters())
    }
}
