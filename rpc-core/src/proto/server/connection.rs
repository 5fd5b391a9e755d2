//! Layer 2: connections as the protocol sees them: bytes read and not yet understood, bytes that wait to be written.

use std::collections::VecDeque;

use bytes::Bytes;
use slab::Slab;

use super::input::{Input, SpareDecoder};
use super::keys::{SessionKey, TimerKey};
use super::outgoing::Outgoing;
use super::strikes::Strikes;
use crate::ids::Time;
use crate::limits::{ServerLimits, TABLE_ROOM};
use crate::proto::peer::Peer;
use crate::wire::frame::Header;

/// Names a connection until it is removed.
pub type ConnId = usize;

/// The life of a connection.
///
/// ```text
/// Greeting --HELLO--> Attached --BYE, error, newer connection--> Closing | Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No HELLO has arrived, and this timer is set for it.
    Greeting(TimerKey),
    /// The connection carries the calls of this session.
    Attached(SessionKey),
    /// The connection is closed once its bytes are written. Frames that still arrive are dropped.
    Closing,
    /// The connection is closed at once: another one carries its session, or the peer is gone.
    Closed,
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The stage of its life.
    pub(super) stage: Stage,
    /// The bytes read that are not yet a whole frame.
    pub(super) input: Input,
    /// The bytes that wait to be written.
    pub(super) outgoing: Outgoing,
    /// The peer, as far as it is known.
    pub(super) peer: Option<Peer>,
    /// The hash of the HELLO that was accepted: the same one again gets the same WELCOME.
    pub(super) hello: u64,
    /// True while the connection is in the list of those that the driver must look at.
    pub(super) is_ready: bool,
    /// True while the connection is in the list of those that wait for their turn to be read further.
    pub(super) waits_for_turn: bool,
    /// True while so many arguments of its session wait to run that it is not read.
    pub(super) is_held: bool,
    /// True while a timer watches its unsent bytes.
    pub(super) has_stall_timer: bool,
    /// The frame that it has begun; also one that has ended, while a timer is set for it. An idle connection has none.
    pub(super) begun: Option<Box<Begun>>,
    /// The time at which bytes were last read or written.
    pub(super) active_at: Time,
    /// Its frames that were of no use.
    pub(super) strikes: Strikes,
    /// The number of METHODS that it has sent.
    pub(super) tables_asked: u16,
    /// True if bodies carry checksums.
    pub(super) checksum: bool,
    /// Tells it from later connections with the same id.
    pub(super) serial: u64,
}

/// A frame that a connection has begun.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begun {
    /// The number of the frame in its stream.
    pub(super) frame: u64,
    /// The time at which its first bytes arrived.
    pub(super) since: Time,
    /// The bytes that had arrived by then.
    pub(super) arrived: u64,
    /// The time at which its last bytes arrived.
    pub(super) heard: Time,
    /// The room that it takes, as it was counted.
    pub(super) room: usize,
    /// True while a timer watches it.
    pub(super) has_timer: bool,
    /// True if the connection was not read for a while since the timer was set, and can be blamed for nothing.
    pub(super) was_held_back: bool,
}

impl Connection {
    /// A connection that was accepted.
    pub(super) fn new(peer: Option<Peer>, serial: u64, now: Time) -> Self {
        Connection {
            stage: Stage::Greeting(TimerKey::default()),
            input: Input::default(),
            outgoing: Outgoing::default(),
            peer,
            hello: 0,
            is_ready: false,
            waits_for_turn: false,
            is_held: false,
            has_stall_timer: false,
            begun: None,
            active_at: now,
            strikes: Strikes::default(),
            tables_asked: 0,
            checksum: true,
            serial,
        }
    }

    /// Takes bytes that were read. `max_frame` is the limit of a body once a session stands.
    #[inline]
    pub(super) fn take_input(&mut self, chunk: Bytes, max_frame: usize, spare: &mut SpareDecoder) {
        let agreed = matches!(self.stage, Stage::Attached(_)).then_some((max_frame, self.checksum));
        self.input.push(chunk, agreed, spare);
    }

    /// Returns true if frames that arrive are acted on.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Greeting(_) | Stage::Attached(_))
    }

    /// Returns true if no HELLO has arrived.
    pub(super) fn is_greeting(&self) -> bool {
        matches!(self.stage, Stage::Greeting(_))
    }

    /// Returns true if the peer reads its replies: its unsent bytes are below the bound.
    #[inline]
    pub(super) fn peer_reads(&self, limits: &ServerLimits) -> bool {
        self.outgoing.unsent().len() < limits.unsent_pause
    }

    /// Returns true if frames may be acted on: its peer reads its replies, and its session has few arguments that wait.
    #[inline]
    pub(super) fn may_act(&self, limits: &ServerLimits) -> bool {
        self.is_open() && !self.is_held && self.peer_reads(limits)
    }

    /// Returns true if the connection is to be read: not while frames wait until they may be acted on.
    pub(super) fn wants_read(&self, limits: &ServerLimits) -> bool {
        self.may_act(limits) && !self.input.has_unread()
    }

    /// Returns true if the socket is to be closed now.
    pub(super) fn wants_close(&self) -> bool {
        match self.stage {
            Stage::Greeting(_) | Stage::Attached(_) => false,
            Stage::Closing => self.outgoing.unsent().is_empty(),
            Stage::Closed => true,
        }
    }

    /// Returns the room that is counted for the frame that it has begun.
    pub(super) fn begun_room(&self) -> usize {
        self.begun.as_ref().map_or(0, |begun| begun.room)
    }

    /// Notes that it was not read for a while: it cannot be blamed for a frame that does not go on.
    fn note_held_back(&mut self) {
        if let Some(begun) = &mut self.begun {
            begun.was_held_back = true;
        }
    }

    /// Begins to watch unsent bytes. Returns the position to compare with later; `None` if there are none, or a timer is set.
    pub(super) fn watch_unsent(&mut self) -> Option<u64> {
        if self.has_stall_timer || self.outgoing.unsent().is_empty() {
            return None;
        }
        self.has_stall_timer = true;
        Some(self.outgoing.sent())
    }

    /// Appends a frame. The driver does not look at the connection for it: see [`Writer::send`].
    pub(super) fn send(&mut self, header: &Header, body: &[u8]) {
        self.outgoing.append(header, body, self.checksum);
    }
}

/// A connection, with what it takes to append a frame to it.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    /// The name of the connection.
    conn: ConnId,
    /// The connection.
    pub(super) connection: &'a mut Connection,
    /// The list of connections that the driver must look at.
    ready: &'a mut VecDeque<ConnId>,
    /// The list of connections that wait for their turn to be read further.
    unread: &'a mut VecDeque<ConnId>,
    /// The sum of the unsent bytes of all connections.
    unsent: &'a mut usize,
    /// The number of connections.
    connections: usize,
}

impl Writer<'_> {
    /// Appends a frame to the bytes that wait to be written.
    #[inline]
    pub(super) fn send(&mut self, header: &Header, body: &[u8]) {
        let before = self.connection.outgoing.queued();
        self.connection.send(header, body);
        *self.unsent += (self.connection.outgoing.queued() - before) as usize; // a length in memory
        self.mark_ready();
    }

    /// Returns true if a reply of `length` bytes may be appended. A connection with few unsent bytes may always have one more,
    /// whatever its length.
    pub(super) fn has_room(&self, length: usize, limits: &ServerLimits) -> bool {
        let own = self.connection.outgoing.unsent().len();
        let is_in_budget = is_fair(*self.unsent + length, own + length, self.connections, limits);
        is_in_budget && (own < limits.unsent_pause || own + length <= limits.unsent_most)
    }

    /// Holds the connection, since many arguments of its session wait, or lets it be read again.
    #[inline] // twice for each call
    pub(super) fn hold(&mut self, is_held: bool) {
        let was_held = std::mem::replace(&mut self.connection.is_held, is_held);
        if was_held && !is_held {
            self.read_again();
        }
    }

    /// Lets the connection be read again.
    #[cold]
    fn read_again(&mut self) {
        self.connection.note_held_back();
        self.wait_for_turn();
        self.mark_ready(); // the driver reads its socket again
    }

    /// Lists the connection, if it has frames that were not acted on yet.
    pub(super) fn wait_for_turn(&mut self) {
        if self.connection.input.has_unread() && !self.connection.waits_for_turn {
            self.connection.waits_for_turn = true;
            self.unread.push_back(self.conn);
        }
    }

    /// Moves the connection to another stage of its life.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.connection.stage = stage;
        self.mark_ready();
    }

    /// Lists the connection, so that the driver looks at it.
    pub(super) fn mark_ready(&mut self) {
        if !self.connection.is_ready {
            self.connection.is_ready = true;
            self.ready.push_back(self.conn);
        }
    }
}

/// Returns true if a connection with `own` unsent bytes, of `all` connections' bytes together, is within the budget.
///
/// Half of it is for all connections alike; beyond it, each of them gets an equal share of the other half (V19).
fn is_fair(all: usize, own: usize, connections: usize, limits: &ServerLimits) -> bool {
    let half = limits.unsent_budget / 2;
    all <= half || own <= half / connections.max(1)
}

/// All connections of a loop.
///
/// Invariants: a connection is in `ready` once if its `is_ready` is true, and not at all otherwise; so it is with `unread` and
/// `waits_for_turn`, but for connections that were removed. `unsent` and `begun_room` are sums over all connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// The connections, by id.
    pub(super) connections: Slab<Connection>,
    /// Connections with bytes to write, or that are to be closed.
    pub(super) ready: VecDeque<ConnId>,
    /// Connections with frames that were not acted on in their last turn.
    pub(super) unread: VecDeque<ConnId>,
    /// The decoder that no connection has.
    pub(super) spare: SpareDecoder,
    /// The unsent bytes of all connections.
    pub(super) unsent: usize,
    /// The room that all connections take for frames that have begun.
    pub(super) begun_room: usize,
    /// The serial number of the newest connection.
    pub(super) last_serial: u64,
}

impl Connections {
    /// No connection, with room for many.
    pub(super) fn with_room() -> Self {
        let connections = Slab::with_capacity(TABLE_ROOM / size_of::<Connection>());
        Connections { connections, ..Connections::default() }
    }

    /// Adds a connection. Returns its id and its serial number.
    pub(super) fn insert(&mut self, peer: Option<Peer>, now: Time) -> (ConnId, u64) {
        self.last_serial += 1;
        (self.connections.insert(Connection::new(peer, self.last_serial, now)), self.last_serial)
    }

    /// Removes a connection. Its id may be used again.
    pub(super) fn remove(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.try_remove(conn) {
            self.unsent -= connection.outgoing.unsent().len();
            self.begun_room -= connection.begun_room();
        }
    }

    /// Returns the number of connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Returns all connections with their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Connection)> {
        self.connections.iter()
    }

    /// Returns a connection.
    pub(super) fn get(&self, conn: ConnId) -> Option<&Connection> {
        self.connections.get(conn)
    }

    /// Returns a connection, to be changed.
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.connections.get_mut(conn)
    }

    /// Returns the connection that a timer was set for, unless its id belongs to a newer one.
    pub(super) fn of_serial(&mut self, conn: ConnId, serial: u64) -> Option<&mut Connection> {
        self.get_mut(conn).filter(|connection| connection.serial == serial)
    }

    /// Returns a connection, to append frames to or to end.
    #[inline]
    pub(super) fn writer(&mut self, conn: ConnId) -> Option<Writer<'_>> {
        let connections = self.connections.len();
        let connection = self.connections.get_mut(conn)?;
        let (ready, unread, unsent) = (&mut self.ready, &mut self.unread, &mut self.unsent);
        Some(Writer { conn, connection, ready, unread, unsent, connections })
    }

    /// Returns true if a call may begin whose reply goes to this connection: it has few unsent bytes, and while all
    /// connections together have many, no more than its share.
    #[inline]
    pub(super) fn may_reply(&self, conn: ConnId, limits: &ServerLimits) -> bool {
        let Some(connection) = self.connections.get(conn) else { return true };
        let own = connection.outgoing.unsent().len();
        own < limits.unsent_pause && is_fair(self.unsent, own, self.connections.len(), limits)
    }

    /// Notes that the first `count` unsent bytes of a connection were written.
    pub(super) fn written(
        &mut self,
        conn: ConnId,
        count: usize,
        limits: &ServerLimits,
    ) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(conn)?;
        let before = connection.outgoing.unsent().len();
        if before >= limits.unsent_pause {
            connection.note_held_back();
        }
        connection.outgoing.written(count);
        self.unsent -= before - connection.outgoing.unsent().len();
        Some(connection)
    }

    /// Takes the next connection whose turn it is to be read further.
    pub(super) fn poll_unread(&mut self) -> Option<ConnId> {
        let conn = self.unread.pop_front()?;
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.waits_for_turn = false;
        }
        Some(conn)
    }

    /// Appends a frame to a connection that may be gone.
    pub(super) fn send(&mut self, conn: ConnId, header: &Header, body: &[u8]) {
        if let Some(mut writer) = self.writer(conn) {
            writer.send(header, body);
        }
    }

    /// Moves a connection that may be gone to another stage of its life.
    pub(super) fn enter(&mut self, conn: ConnId, stage: Stage) {
        if let Some(mut writer) = self.writer(conn) {
            writer.enter(stage);
        }
    }

    /// Takes the next connection that the driver must look at.
    pub(super) fn poll_ready(&mut self) -> Option<ConnId> {
        let conn = self.ready.pop_front()?;
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.is_ready = false;
        }
        Some(conn)
    }
}
