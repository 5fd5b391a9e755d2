//! Layer 2: which connection carries which session: attached, detached, timed out, ended.

use super::arguments::room_beside;
use super::config::{HandOver, ServerConfig};
use super::connection::{ConnId, Connections, Stage};
use super::drain::Facts;
use super::greeting;
use super::keys::SessionKey;
use super::run_queue::{Lane, Place, RunQueue, Turn};
use super::session::{Attachment, Session};
use super::sessions::{Lease, Sessions};
use super::strikes::{self, Strikes};
use super::timers::{StallWatch, Timer, Timers};
use crate::error::ProtocolError;
use crate::ids::{FNV_START, Incarnation, Time, fnv1a};
use crate::limits::{COPY_AFTER, HELLO_TIME, STRIKES_PER_TABLE, ServerLimits, TABLES_FREE};
use crate::proto::peer::Peer;
use crate::wire::frame::{Frame, Header, Kind};
use crate::wire::message::{FEATURE_NO_BODY_CHECKSUM, MAGIC};
use crate::wire::reject::RejectCode;

/// The connections and sessions of a loop, with their timers and the sessions whose calls wait.
///
/// Invariant V8: a connection whose stage is `Attached(key)` is the one that session `key` names as its own.
///
/// ```text
/// session:     attached <---- resume (the older connection is cut) ---- detached --lease over--> ended
///                 |  '---------- connection lost, rejected, stalled -------^                       ^
///                 '------------------------- BYE, evicted -----------------------------------------'
/// ```
/// A session has at most one lease timer and a connection at most one stall timer: `has_lease_timer` and `has_stall_timer` say
/// if it is set. So it is with the timer of a begun frame. Without these marks a client that connects again and again would
/// fill the memory with timers.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    /// The connections.
    pub(super) connections: Connections,
    /// The sessions and their records.
    pub(super) sessions: Sessions,
    /// The sessions with calls that wait to run.
    pub(super) queue: RunQueue,
    /// The timers of connections and sessions.
    pub(super) timers: Timers,
}

impl Links {
    /// No connection and no session, with room for many.
    pub(super) fn with_room() -> Self {
        Links { connections: Connections::with_room(), sessions: Sessions::with_room(), ..Links::default() }
    }

    /// Adds a connection. It must send HELLO in time.
    pub(super) fn accept(&mut self, peer: Option<Peer>, now: Time) -> ConnId {
        let (conn, serial) = self.connections.insert(peer, now);
        let timer = self.timers.set(now.plus(HELLO_TIME), Timer::Hello(conn, serial));
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.stage = Stage::Greeting(timer);
        }
        conn
    }

    /// Notes that bytes were written. Returns true if frames that waited for it are to be read now.
    pub(super) fn written(&mut self, conn: ConnId, count: usize, limits: &ServerLimits, now: Time) -> bool {
        let Some(connection) = self.connections.written(conn, count, limits) else { return false };
        if count > 0 {
            connection.active_at = now;
        }
        let (stage, reads) = (connection.stage, connection.peer_reads(limits));
        let has_unread = connection.may_act(limits) && connection.input.has_unread();
        if let Some(mark) = connection.watch_unsent() {
            // Watched from the first bytes that stay unsent, and not from each write: a timer per write would cost every reply.
            let watch = StallWatch { conn, serial: connection.serial, mark };
            self.timers.set(now.plus(limits.unsent_stall), Timer::Stall(watch));
        }
        if let Stage::Attached(key) = stage {
            if reads {
                self.resume_calls(key);
            }
        }
        has_unread
    }

    /// Lets the calls of a session that was paused take turns again.
    pub(super) fn resume_calls(&mut self, key: SessionKey) {
        if self.queue.paused == 0 {
            return; // the common case, after each write and each call: nothing is looked up
        }
        if let Some(session) = self.sessions.get_mut(key) {
            self.queue.resume(key, &mut session.lane);
        }
    }

    /// Takes the next place of the session whose turn it is, and ends its turn.
    #[inline] // once for each call
    pub(super) fn next_place(&mut self, key: SessionKey) -> Option<Place> {
        let session = self.sessions.get_mut(key)?;
        let place = session.next_place();
        self.queue.end_turn(key, &mut session.lane);
        place
    }

    /// Pauses the session whose turn it is. Its connection is read meanwhile: a PING must be answered.
    pub(super) fn pause_calls(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        self.queue.pause(&mut session.lane);
        if let Some(mut writer) = session.attached().and_then(|conn| self.connections.writer(conn)) {
            writer.hold(false);
        }
    }

    /// Pauses the session whose turn it is until this time, or until one of its calls has ended.
    pub(super) fn pause_calls_until(&mut self, key: SessionKey, time: Time) {
        self.pause_calls(key);
        let Some(session) = self.sessions.get_mut(key) else { return };
        if !std::mem::replace(&mut session.lane.several().has_timer, true) {
            self.timers.set(time, Timer::Begin(key));
        }
    }

    /// Lets the calls of a session take turns again whose timer has fired.
    pub(super) fn begin_again(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.lane.several().has_timer = false;
        }
        self.resume_calls(key);
    }

    /// Takes all places of all sessions, those of paused sessions too.
    pub(super) fn take_places(&mut self) -> Vec<(SessionKey, Place)> {
        let mut places = Vec::new();
        for (key, session) in self.sessions.iter_mut() {
            while let Some(place) = session.next_place() {
                places.push((key, place));
            }
            session.lane.turn = Turn::Empty;
        }
        self.queue.turns.clear();
        self.queue.paused = 0;
        places
    }

    /// Takes the next whole frame of a connection that may be acted on.
    #[inline] // once for each frame
    pub(super) fn next_frame(
        &mut self,
        conn: ConnId,
        limits: &ServerLimits,
    ) -> Option<Result<Frame, ProtocolError>> {
        let connection = self.connections.get_mut(conn)?;
        // Frames of a peer that does not read its replies stay in its input. Nothing more is read from it, so the window of TCP
        // holds it back, and its replies have a bound.
        if !connection.may_act(limits) {
            return None;
        }
        connection.input.next_frame()
    }

    /// Attaches a connection to a session that no other one carries.
    pub(super) fn attach(&mut self, conn: ConnId, key: SessionKey, hello: &[u8], config: &ServerConfig) {
        let (connection, session) = (self.connections.get_mut(conn), self.sessions.get_mut(key));
        let (Some(connection), Some(session)) = (connection, session) else { return };
        assert_eq!(session.attached(), None, "V8: one connection at a time carries a session");
        if let Stage::Greeting(timer) = connection.stage {
            self.timers.remove(timer);
        }
        connection.stage = Stage::Attached(key);
        connection.hello = fnv1a(FNV_START, hello);
        connection.strikes = Strikes::new(session.sums.slots);
        // Positions in records are those of the session, so the count goes on where the last connection's ended.
        connection.outgoing.count_from(session.queued_before);
        connection.is_held = session.lane.bytes >= config.limits.queue_pause;
        session.lane.read_at = 0u32.wrapping_sub(COPY_AFTER); // what it has brought keeps read buffers of another connection
        let checksum = session.terms.features & FEATURE_NO_BODY_CHECKSUM == 0;
        connection.input.agree(config.limits.max_frame, true, checksum);
        let held = session.lane.bytes + session.sums.running;
        connection.input.set_room(room_beside(held, &config.limits));
        session.attachment = Attachment::Attached(conn);
        self.resume_calls(key);
    }

    /// Attaches a connection to a session that stands. The latest connection wins: frames that an older one still sends
    /// are dropped.
    pub(super) fn resume(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        hello: &[u8],
        config: &ServerConfig,
        now: Time,
    ) {
        // A client that lost its connection is often back before the server has noticed: the old one may hang for minutes.
        if let Some(older) = self.sessions.get(key).and_then(Session::attached) {
            self.cut(older, &config.limits, now);
        }
        self.attach(conn, key, hello, config);
    }

    /// Sends a WELCOME: always with a checksum, since the client learns from it if later frames have one.
    pub(super) fn welcome(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        resumed: bool,
        draining: bool,
        config: &ServerConfig,
    ) {
        let goaway = self.sessions.goaway();
        let (writer, session) = (self.connections.writer(conn), self.sessions.get(key));
        let (Some(mut writer), Some(session)) = (writer, session) else { return };
        let welcome = greeting::welcome(session, config, resumed);
        writer.connection.checksum = true;
        writer.send(&Header::new(Kind::Welcome), &welcome.encode());
        writer.connection.checksum = session.terms.features & FEATURE_NO_BODY_CHECKSUM == 0;
        // A client that resumes during a drain has not seen the GOAWAY that the others got.
        if draining {
            writer.send(&goaway, &[]);
        }
    }

    /// Parts a connection from its session. The session's lease begins.
    pub(super) fn detach(&mut self, conn: ConnId, limits: &ServerLimits, now: Time) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let Stage::Attached(key) = connection.stage else { return };
        connection.stage = Stage::Closing;
        // All that was queued, and not what was sent: replies that die with this connection end below the position at which the
        // next one begins, so a duplicate gets them again.
        let queued = connection.outgoing.queued();
        self.sessions.detach(key, queued, now);
        self.resume_calls(key);
        if let Some(session) = self.sessions.get_mut(key).filter(|session| !session.has_lease_timer) {
            session.has_lease_timer = true;
            self.timers.set(now.plus(limits.lease), Timer::Lease(key));
        }
    }

    /// Parts a connection from its session, and closes it at once.
    pub(super) fn cut(&mut self, conn: ConnId, limits: &ServerLimits, now: Time) {
        self.detach(conn, limits, now);
        self.connections.enter(conn, Stage::Closed);
        self.connections.drop_input(conn);
    }

    /// Removes a session, and closes its connection once its bytes are written.
    pub(super) fn end(&mut self, key: SessionKey, limits: &ServerLimits, now: Time) -> Option<Session> {
        self.resume_calls(key); // so that the session is not counted as paused
        let mut session = self.sessions.remove(key, now, now.plus(limits.lease))?;
        if session.lane.turn == Turn::Listed {
            self.queue.turns.retain(|listed| *listed != key); // it would be a turn without a session
        }
        let Lane { calls, bytes, .. } = session.lane;
        self.queue.leave(&mut session.lane, calls, bytes);
        if let Some(conn) = session.attached() {
            self.connections.enter(conn, Stage::Closing);
        }
        Some(session)
    }

    /// Takes a connection out of this loop, for the loop that has its session.
    pub(super) fn hand_over(&mut self, conn: ConnId, to_loop: u8, hello: &[u8]) -> Option<HandOver> {
        let connection = self.connections.get_mut(conn)?;
        // The socket goes to the other loop as it is. Bytes behind HELLO may have been read already, so they go with it.
        connection.stage = Stage::Closed;
        let input = greeting::replay_input(hello, std::mem::take(&mut connection.input)).into();
        Some(HandOver { conn, to_loop, input })
    }

    /// Sends one more frame, and closes the connection once it is written.
    pub(super) fn send_last(&mut self, conn: ConnId, header: &Header, body: &[u8]) {
        self.connections.send(conn, header, body);
        self.connections.enter(conn, Stage::Closing);
    }

    /// Tells a client that its session does not exist any more, and closes the connection.
    pub(super) fn send_session_lost(&mut self, conn: ConnId, incarnation: Incarnation) {
        self.send_last(conn, &Header::new(Kind::SessionLost), &incarnation.0.to_le_bytes());
    }

    /// Sends the reason for which a connection is closed. Its session goes on without it.
    pub(super) fn reject(&mut self, conn: ConnId, error: &ProtocolError, limits: &ServerLimits, now: Time) {
        // Before HELLO the peer may be a health check or a browser: it gets a text for a person.
        let is_stranger = self
            .connections
            .get(conn)
            .is_some_and(|c| c.is_greeting() && greeting::is_stranger(error, c.input.has_in_place(&MAGIC)));
        self.detach(conn, limits, now);
        let error = if is_stranger { &ProtocolError::Foreign } else { error };
        let header = Header { code: RejectCode::of(error) as u8, ..Header::new(Kind::Reject) };
        self.send_last(conn, &header, greeting::reject_text(error).as_bytes());
        self.connections.drop_input(conn); // its peer may not read the reason for long
    }

    /// Counts a frame of a connection that is of no use.
    pub(super) fn strike(&mut self, conn: ConnId, cost: u32, now: Time) -> Result<(), ProtocolError> {
        self.connections.get_mut(conn).map_or(Ok(()), |connection| connection.strikes.add(cost, now))
    }

    /// Counts a METHODS if more were sent before than a client has services.
    pub(super) fn strike_table(
        &mut self,
        conn: ConnId,
        length: usize,
        now: Time,
    ) -> Result<(), ProtocolError> {
        match self.connections.get_mut(conn) {
            Some(connection) if connection.tables_asked < TABLES_FREE => connection.tables_asked += 1,
            _ => self.strike(conn, strikes::cost(length).saturating_add(STRIKES_PER_TABLE), now)?,
        }
        Ok(())
    }

    /// Tells every client that the server is about to end. A connection that has not greeted may be one that resumes a
    /// session, so it goes on: its HELLO is answered as any other.
    pub(super) fn tell_draining(&mut self) {
        // Collected first, since frames are appended while they are visited. A drain happens once.
        let attached = self.connections.iter().filter(|(_, c)| matches!(c.stage, Stage::Attached(_)));
        let attached: Vec<_> = attached.map(|(conn, _)| conn).collect();
        for conn in attached {
            self.connections.send(conn, &self.sessions.goaway(), &[]);
        }
    }

    /// Returns the facts that a drain looks at. `is_idle`: no call is queued or running. `events`: replies sent
    /// and sessions resumed so far. `waits_for`: says if a client that was detached at this time is still waited for.
    pub(super) fn drain_facts(&self, is_idle: bool, events: u64, waits_for: impl Fn(Time) -> bool) -> Facts {
        let written = |conn| self.connections.get(conn).is_some_and(|c| c.outgoing.unsent().is_empty());
        let mut facts = Facts { is_idle, is_fetched: true, is_acknowledged: true, is_written: true, events };
        for session in self.sessions.iter().filter(|session| !session.is_acknowledged()) {
            match session.attachment {
                Attachment::Attached(conn) => {
                    facts.is_acknowledged = false;
                    facts.is_written &= written(conn);
                }
                // Which of its replies have arrived is not known here, also of those that were written: any of them may be
                // fetched by a client that comes back.
                Attachment::Detached(since) => facts.is_fetched &= !waits_for(since),
            }
        }
        facts
    }

    /// Takes the next timer that is due.
    pub(super) fn poll_timer(&mut self, now: Time) -> Option<Timer> {
        self.timers.poll(now)
    }

    /// Returns the time of the next timer.
    pub(super) fn next_timer(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Closes a connection that has not sent HELLO in time. Returns true if there was one.
    pub(super) fn close_if_silent(&mut self, conn: ConnId, serial: u64) -> bool {
        let is_late = self.connections.of_serial(conn, serial).is_some_and(|c| c.is_greeting());
        if is_late {
            self.connections.enter(conn, Stage::Closed);
        }
        is_late
    }

    /// Cuts a connection whose unsent bytes have not moved since the watch began, or watches on. Returns true if it was cut.
    pub(super) fn cut_if_stalled(&mut self, watch: StallWatch, limits: &ServerLimits, now: Time) -> bool {
        let Some(connection) = self.connections.of_serial(watch.conn, watch.serial) else { return false };
        connection.has_stall_timer = false;
        // Any progress is enough: a slow peer is not a dead one. So the cut comes between one and two times `unsent_stall`
        // after the last byte (V20).
        let Some(sent) = connection.watch_unsent() else { return false }; // everything was written
        if sent == watch.mark {
            self.cut(watch.conn, limits, now);
            return true;
        }
        let watch = StallWatch { mark: sent, ..watch };
        self.timers.set(now.plus(limits.unsent_stall), Timer::Stall(watch));
        false
    }

    /// Returns true if the lease of a session is over, or sets its timer again.
    pub(super) fn check_lease(&mut self, key: SessionKey, limits: &ServerLimits, now: Time) -> bool {
        match self.sessions.check_lease(key, limits.lease, now) {
            Lease::Over => return true,
            Lease::Attached => {} // the next detachment sets a new timer
            Lease::Until(due) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    session.has_lease_timer = true;
                    self.timers.set(due, Timer::Lease(key));
                }
            }
        }
        false
    }
}
