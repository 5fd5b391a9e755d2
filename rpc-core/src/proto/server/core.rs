//! Layer 2: the server's state machine: frames to the part that they concern, calls out, replies back.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::call_table::CallTable;
use super::config::{HandOver, ServerConfig};
use super::connection::{ConnId, Connection, Stage};
use super::counters::ServerCounters;
use super::drain::Drain;
use super::entropy::Entropy;
use super::filter::{Filter, Handled};
use super::held_calls::HeldCalls;
use super::keys::CallKey;
use super::keys::SessionKey;
use super::links::Links;
use super::long_replies::LongReplies;
use super::outgoing::Outgoing;
use super::record::CallState;
use super::tables::Tables;
use super::timers::Timer;
use crate::error::{ProtocolError, Reason};
use crate::ids::{SEQ_END, Seq, Slot, Time};
use crate::limits::{FRAMES_PER_TURN, ServerLimits};
use crate::proto::peer::Peer;
use crate::wire::frame::{self, Frame, Header, Kind, millis};
use crate::wire::message::{self, FEATURE_DENIED, FEATURE_GIVEN_UP, Status};

/// The server's side of the protocol, for one loop.
///
/// Invariants: `running` is the number of records in state `Running`, and of duplicates that run because the filter is off,
/// those of ended sessions included. `queue` may have entries whose call was refused meanwhile: a record decides, never the
/// queue. Every final record was settled by a `Filter`, once (V5, V12).
#[derive(Clone)]
pub struct ServerCore {
    /// The bounds and the services.
    pub(super) config: ServerConfig,
    /// The source of session names and tokens.
    pub(super) entropy: Entropy,
    /// The connections, and the sessions that they carry.
    pub(super) links: Links,
    /// The data of calls that wait, run, or have a kept reply.
    pub(super) calls: CallTable,
    /// The calls of methods that reply later.
    pub(super) held: HeldCalls,
    /// Connections that go to another loop.
    pub(super) handovers: VecDeque<HandOver>,
    /// The method tables of the services.
    pub(super) tables: Tables,
    /// The methods whose replies may be long.
    pub(super) long_replies: LongReplies,
    /// Calls that were handed out and not finished.
    pub(super) running: usize,
    /// The drain, once it has begun.
    pub(super) drain: Option<Drain>,
    /// The counters of this loop.
    pub(super) counters: ServerCounters,
}

/// Connections: what the driver tells, and what it asks.
impl ServerCore {
    /// A server without connections.
    pub fn new(mut config: ServerConfig, entropy: Entropy) -> Self {
        // Loops share nothing, so that no lock is between them: each has its part of every sum.
        config.limits = config.limits.of_one_loop(config.loops);
        ServerCore {
            calls: CallTable::new(&config.limits),
            tables: Tables::new(&config.directory),
            config,
            entropy,
            links: Links::default(),
            held: HeldCalls::default(),
            handovers: VecDeque::new(),
            long_replies: LongReplies::default(),
            running: 0,
            drain: None,
            counters: ServerCounters::default(),
        }
    }

    /// Returns the bounds of this loop.
    pub fn limits(&self) -> &ServerLimits {
        &self.config.limits
    }

    /// A connection was accepted.
    pub fn handle_connected(&mut self, peer: Option<SocketAddr>, now: Time) -> ConnId {
        self.handle_connected_by(peer.map(Peer::Tcp), now)
    }

    /// Adds a connection of any kind of peer; `None` if nothing is known of it.
    pub fn handle_connected_by(&mut self, peer: Option<Peer>, now: Time) -> ConnId {
        self.links.accept(peer, now)
    }

    /// A connection was accepted that is one too many. Returns the bytes to be written on it before it is closed.
    pub fn turn_away(&mut self) -> Vec<u8> {
        self.counters.turned_away += 1;
        let mut bytes = Vec::new();
        frame::append(&mut bytes, &self.busy(), &[], true);
        bytes
    }

    /// Returns the header of a BUSY.
    pub(super) fn busy(&self) -> Header {
        Header { millis: millis(self.config.limits.retry_after).max(1), ..Header::new(Kind::Busy) }
    }

    /// Bytes were read. Whole frames are acted on, up to the bound of one turn; the rest waits for its next turn, which is a
    /// timer that is due at once, or for more bytes.
    pub fn handle_input(&mut self, conn: ConnId, chunk: Bytes, now: Time) {
        if let Some(connection) = self.links.connections.get_mut(conn).filter(|c| c.is_open()) {
            connection.decoder.push(chunk);
            connection.active_at = now;
            self.read_frames(conn, now);
        }
    }

    /// The socket is gone, or has failed.
    pub fn handle_closed(&mut self, conn: ConnId, now: Time) {
        self.links.cut(conn, &self.config.limits, now);
    }

    /// The first `count` unsent bytes of a connection were written.
    pub fn handle_written(&mut self, conn: ConnId, count: usize, now: Time) {
        if self.links.written(conn, count, &self.config.limits, now) {
            self.read_frames(conn, now); // frames that waited until the peer had read its replies
        }
    }

    /// A timer may be due.
    pub fn handle_timeout(&mut self, now: Time) {
        let limits = &self.config.limits;
        // A timer is only a reason to look. What it was set for may be over, and is looked at again when it fires.
        while let Some(timer) = self.links.poll_timer(now) {
            match timer {
                Timer::Hello(conn, serial) if self.links.close_if_silent(conn, serial) => {
                    self.counters.late_hellos += 1;
                }
                Timer::Stall(watch) if self.links.cut_if_stalled(watch, limits, now) => {
                    self.counters.stalled += 1;
                }
                Timer::Frame(watch) if self.links.is_too_slow(watch, limits, now) => {
                    self.counters.slow_frames += 1;
                    self.links.reject(watch.conn, &ProtocolError::TooSlow, limits, now);
                }
                Timer::Lease(key) if self.links.check_lease(key, limits, now) => {
                    self.counters.expired += 1;
                    end_session(&mut self.links, &mut self.calls, &mut self.held, key, limits, now);
                }
                Timer::Begin(key) => {
                    self.long_replies.timer_fired(self.links.sessions.get(key), &self.calls, now);
                    self.links.begin_again(key);
                }
                Timer::Hello(..) | Timer::Stall(_) | Timer::Frame(_) | Timer::Lease(_) => {}
            }
        }
        self.tell_late_holders(now);
        self.read_waiting(now);
        self.check_drain(now);
    }

    /// Returns the time at which [`ServerCore::handle_timeout`] must be called next: a time long ago while frames wait for
    /// their turn.
    pub fn poll_timeout(&self) -> Option<Time> {
        if !self.links.connections.unread.is_empty() {
            return Some(Time::default()); // frames wait for their turn: it is there now
        }
        let drain = self.drain.as_ref().map(Drain::next_look);
        let due = self.links.next_timer().into_iter().chain(drain).min();
        if self.held.calls == 0 { due } else { due.into_iter().chain(self.held.next_due()).min() }
    }

    /// Takes a connection that has bytes to write or is to be closed. Each is given once until it changes again.
    pub fn poll_ready(&mut self) -> Option<ConnId> {
        self.links.connections.poll_ready()
    }

    /// Takes a connection that goes to another loop.
    pub fn poll_hand_over(&mut self) -> Option<HandOver> {
        self.handovers.pop_front()
    }

    /// Returns the bytes to be written on a connection.
    pub fn outgoing(&mut self, conn: ConnId) -> Option<&mut Outgoing> {
        self.links.connections.get_mut(conn).map(|connection| &mut connection.outgoing)
    }

    /// Returns the peer of a connection.
    pub fn peer(&self, conn: ConnId) -> Option<Peer> {
        self.links.connections.get(conn)?.peer
    }

    /// Returns true if a connection is to be read: not while its peer does not read its replies, nor while frames wait,
    /// nor at its end.
    pub fn wants_read(&self, conn: ConnId) -> bool {
        self.links.connections.get(conn).is_some_and(|connection| connection.wants_read(&self.config.limits))
    }

    /// Returns true if the socket is to be closed now.
    pub fn wants_close(&self, conn: ConnId) -> bool {
        self.links.connections.get(conn).is_none_or(Connection::wants_close)
    }

    /// Removes a connection. Its id may be used again from now on.
    pub fn remove(&mut self, conn: ConnId, now: Time) {
        // In this order: the session must not name a connection whose id may be given to another peer (V8).
        self.links.detach(conn, &self.config.limits, now);
        self.links.connections.remove(conn);
    }

    /// Acts on whole frames, up to the bound of one turn, and until the peer must read its replies first. A connection that
    /// breaks the protocol is closed; its session goes on without it.
    pub(super) fn act_on_frames(&mut self, conn: ConnId, now: Time) {
        for _ in 0..FRAMES_PER_TURN {
            let Some(frame) = self.links.next_frame(conn, &self.config.limits) else { return };
            if let Err(error) = frame.and_then(|frame| self.handle_frame(conn, frame, now)) {
                self.counters.protocol_errors += 1;
                self.counters.floods += u64::from(error == ProtocolError::Flood);
                crate::log::debug!(conn, %error, "connection rejected");
                // The session goes on: the bytes may have been changed on the way, and its records are worth more than this connection.
                return self.links.reject(conn, &error, &self.config.limits, now);
            }
        }
        if let Some(mut writer) = self.links.connections.writer(conn) {
            writer.wait_for_turn();
        }
    }

    /// Gives one turn to each connection with frames that were not acted on in its last turn.
    fn read_waiting(&mut self, now: Time) {
        for _ in 0..self.links.connections.unread.len() {
            let Some(conn) = self.links.connections.poll_unread() else { return };
            self.read_frames(conn, now);
            if let Some(mut writer) = self.links.connections.writer(conn) {
                writer.mark_ready(); // the driver reads its socket again: no event follows for bytes that wait there
            }
        }
    }

    fn handle_frame(&mut self, conn: ConnId, frame: Frame, now: Time) -> Handled {
        let Some(connection) = self.links.connections.get(conn) else { return Ok(()) };
        let Header { kind, slot, seq, .. } = frame.header;
        // Before HELLO there is no session, and nothing but HELLO is allowed.
        let Stage::Attached(session) = connection.stage else {
            return match kind {
                Kind::Hello => self.handle_hello(conn, &frame.body, now),
                _ => Err(ProtocolError::Unexpected(kind.name())),
            };
        };
        let draining = self.drain.is_some();
        match kind {
            // Frames about a call go to the filter of their slot; `?` closes the connection and leaves the session.
            Kind::Call => self.filter(session, slot, seq)?.call(frame, draining, now)?,
            Kind::Cancel => self.filter(session, slot, seq)?.cancel(seq, now)?,
            Kind::Ack => self.filter(session, slot, seq)?.acknowledge(seq, now)?,
            Kind::Ping => {
                self.links.strike(conn, 1, now)?;
                self.links.connections.send(conn, &Header::new(Kind::Pong), &[]);
            }
            Kind::Methods => {
                let features = self.links.sessions.get(session).map_or(0, |session| session.terms.features);
                let table = self.tables.get(message::decode_name(&frame.body)?, features);
                self.links.strike_table(conn, table.len(), now)?;
                self.links.connections.send(conn, &Header::new(Kind::Table), &table);
            }
            Kind::Bye => {
                end_session(
                    &mut self.links,
                    &mut self.calls,
                    &mut self.held,
                    session,
                    &self.config.limits,
                    now,
                );
            }
            Kind::Hello => self.handle_hello_again(conn, session, &frame.body, now)?,
            _ => return Err(ProtocolError::Unexpected(kind.name())),
        }
        Ok(())
    }
}

/// Calls: handed out to be run, and finished.
impl ServerCore {
    /// Returns the filter of a slot, after the tests that every frame about a call must pass.
    fn filter(&mut self, key: SessionKey, slot: Slot, seq: Seq) -> Result<Filter<'_>, ProtocolError> {
        // 0 is 'no call yet' in a record. The end leaves room for arithmetic on numbers, here and in other languages.
        if seq == 0 || seq >= SEQ_END {
            return Err(ProtocolError::SeqRange(seq));
        }
        self.find_filter(key, slot).ok_or(ProtocolError::SlotRange(slot))
    }

    /// Finds the parts of a slot. `None`: the session has ended (V4), or has no such slot.
    pub(super) fn find_filter(&mut self, key: SessionKey, slot: Slot) -> Option<Filter<'_>> {
        // Found once for a frame, and lent to the filter for as long as it works: it cannot see another session or slot.
        let session = self.links.sessions.get_mut(key)?;
        let (id, attached) = (session.id, session.attached());
        let (record, sums, lane) = session.slot(slot)?;
        Some(Filter {
            session: key,
            id,
            slot,
            record,
            sums,
            lane,
            attached: attached.and_then(|conn| self.links.connections.writer(conn)),
            calls: &mut self.calls,
            queue: &mut self.links.queue,
            held: &mut self.held,
            counters: &mut self.counters,
            config: &self.config,
        })
    }

    /// Ends a call that was handed out: it ran, or its stub refused it before the user's function was entered.
    pub fn finish(&mut self, key: CallKey, status: Status, body: &[u8], now: Time) {
        if self.drain.is_some() && self.was_given_up(key) {
            return;
        }
        debug_assert!(self.running > 0, "V12: a call that ends was handed out");
        self.running -= 1;
        let status = if status.is_ordinary() { status } else { self.note_failure(key, status) };
        // Space is made before the record is settled, since the filter that settles it sees its own slot only.
        if status.ran() && !self.calls.is_ample(body.len()) {
            self.release_old_replies(key, body.len(), now);
        }
        self.note_reply(key, body.len());
        match self.find_filter(key.session, key.slot) {
            Some(mut filter) => filter.finish(key, status, body, now),
            // BYE or the lease came first. The client has its verdict, and the record is gone: nothing is left to settle.
            None => self.counters.results_without_session += u64::from(!key.is_duplicate),
        }
        self.links.resume_calls(key.session); // those that waited for this reply
    }
}

impl ServerCore {
    /// Counts a handler that has panicked or given up, or a call that was denied. Returns the status that its client knows.
    #[cold]
    fn note_failure(&mut self, key: CallKey, status: Status) -> Status {
        self.counters.panics += u64::from(status == Status::Panicked);
        self.counters.given_up += u64::from(status == Status::GivenUp);
        self.counters.denied += u64::from(status == Status::Refused(Reason::Denied));
        let features = self.links.sessions.get(key.session).map_or(0, |session| session.terms.features);
        known_to(features, status)
    }
}

/// Returns the nearest status that a client with these features knows (W12).
pub(super) fn known_to(features: u32, status: Status) -> Status {
    match status {
        Status::GivenUp if features & FEATURE_GIVEN_UP == 0 => Status::Panicked,
        Status::Refused(Reason::Denied) if features & FEATURE_DENIED == 0 => {
            Status::Refused(Reason::BadArguments) // it did not run, and to repeat it is of no use
        }
        status => status,
    }
}

impl fmt::Debug for ServerCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCore({:?})", self.counters())
    }
}

/// Removes a session. Its queued calls are dropped, its running ones are told, and their results find no session.
pub(super) fn end_session(
    links: &mut Links,
    calls: &mut CallTable,
    held: &mut HeldCalls,
    key: SessionKey,
    limits: &ServerLimits,
    now: Time,
) {
    let Some(mut session) = links.end(key, limits, now) else { return };
    // Entries in the run queue stay: their key finds no session, and they are passed over when their turn comes (V4).
    calls.leave_all(&session.sums);
    for (_, record) in session.records.iter() {
        let data = calls.get(record.call).filter(|_| record.state == CallState::Running);
        if let Some(data) = data.filter(|data| data.entry.method.later) {
            held.end(&mut session.sums, data.deadline, record.call);
        }
        calls.tell_cancelled(record.call);
        calls.free(record.call);
    }
}
