//! Floor 2: the client's side of the protocol: one session, its calls, and the verdict on each.
//!
//! ```text
//! start --> waiting --> slot --poll_transmit--> bytes out
//!                        |  <--handle_input---- bytes in
//! poll_event <-- verdict-'      handle_timeout: deadlines, copies, cancels, acknowledgements, signs of life
//! ```

mod answers;
#[cfg(feature = "sim")]
mod audit;
mod calls;
mod session;
mod slot;
#[cfg(test)]
mod tests;
mod timers;
mod transmit;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

pub use slot::Tag;

use crate::contract::Contract;
use crate::error::ProtocolError;
use crate::ids::{Seq, Slot, Time};
use crate::limits::{CLIENT_BUFFER_KEPT, ClientLimits, HELLO_SHARE};
use crate::proto::Outcome;
use crate::wire::frame::{Frame, FrameDecoder, Kind};
use session::SessionInfo;
use slot::{Call, Slots, Use};

/// What a client's protocol is made with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Its bounds and times.
    pub limits: ClientLimits,
    /// The services that its stubs were built for.
    pub contracts: Vec<&'static Contract>,
    /// Feature bits to ask for.
    pub features: u32,
    /// Seed of its jitter.
    pub seed: u64,
}

/// What whoever started a call is told.
#[derive(Debug)]
pub enum Event {
    /// The call has its verdict. After `Unknown(Deadline)` an [`Event::Resolved`] may follow.
    Finished(Tag, Outcome),
    /// A call that was unknown has its answer.
    Resolved(Tag, Outcome),
}

/// What a client has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Calls started.
    pub calls: u64,
    /// Copies of calls put on the wire.
    pub resent: u64,
    /// Connections that stood.
    pub connections: u64,
    /// Sessions opened.
    pub sessions: u64,
    /// Replies that nobody waited for.
    pub stray_replies: u64,
    /// Calls repeated because their method is idempotent.
    pub repeated: u64,
    /// Calls tried again because the server refused them as busy or draining.
    pub busy_retries: u64,
    /// Times that the server broke the protocol.
    pub broken_server: u64,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// There is none; the next attempt may begin at this time.
    Down(Time),
    /// One is being made, since this time.
    Connecting(Time),
    /// HELLO is under way, since this time.
    Greeting(Time),
    /// The session is attached.
    Up,
    /// Is to be closed: nothing that it brings counts any more.
    Condemned,
}

/// A frame that is to leave.
#[derive(Clone, Copy, Debug)]
enum Outgo {
    Hello,
    Call(Slot, Seq),
    Cancel(Slot, Seq),
    Ack(Slot, Seq),
    Ping,
    Methods(usize),
    Bye,
}

/// The client's side of the protocol, for one session at a time.
pub struct ClientCore {
    config: ClientConfig,
    random: fastrand::Rng,
    link: Link,
    decoder: FrameDecoder,
    session: Option<SessionInfo>,
    slots: Slots,
    waiting: VecDeque<Call>,
    delayed: BTreeMap<(Time, Tag), Call>,
    to_send: VecDeque<Outgo>,
    buffered: Vec<(Slot, Seq)>,
    events: VecDeque<Event>,
    next_timer: Time,
    not_before: Time,
    hello_again: Time, // when HELLO is due again, while WELCOME is awaited
    hello_pause: Duration,
    failures: u32,
    last_failure: String,
    rejected: bool,
    foreign: bool, // what came before any WELCOME was not our protocol
    last_heard: Time,
    last_ping: Time,
    pings: u32,
    budget: f64,
    budget_at: Time,
    draining: bool,
    wants_session: bool,
    closed: bool,
    all_dirty_since: Option<Time>,
    dirty: usize,
    counters: ClientCounters,
}

impl ClientCore {
    /// A client without a connection; it wants one at once.
    pub fn new(config: ClientConfig) -> Self {
        ClientCore {
            random: fastrand::Rng::with_seed(config.seed),
            budget: config.limits.retry_budget,
            config,
            link: Link::Down(Time::default()),
            decoder: FrameDecoder::keeping_room(CLIENT_BUFFER_KEPT),
            session: None,
            slots: Slots::default(),
            waiting: VecDeque::new(),
            delayed: BTreeMap::new(),
            to_send: VecDeque::new(),
            buffered: Vec::new(),
            events: VecDeque::new(),
            next_timer: Time::default(),
            not_before: Time::default(),
            hello_again: Time::NEVER,
            hello_pause: Duration::ZERO,
            failures: 0,
            last_failure: String::new(),
            rejected: false,
            foreign: false,
            last_heard: Time::default(),
            last_ping: Time::default(),
            pings: 0,
            budget_at: Time::default(),
            draining: false,
            wants_session: true,
            closed: false,
            all_dirty_since: None,
            dirty: 0,
            counters: ClientCounters::default(),
        }
    }

    /// Whether a connection is to be made now; if so, the attempt has begun.
    pub fn poll_connect(&mut self, now: Time) -> bool {
        let due = matches!(self.link, Link::Down(at) if at <= now);
        if due && !self.closed && (self.wants_session || self.owes()) {
            self.link = Link::Connecting(now);
            self.wake_by(now.plus(self.config.limits.connect));
            return true;
        }
        false
    }

    /// The connection stands: HELLO is the first and, until WELCOME, the only thing said.
    pub fn handle_connected(&mut self, now: Time) {
        self.counters.connections += 1;
        self.link = Link::Greeting(now);
        self.decoder = FrameDecoder::keeping_room(CLIENT_BUFFER_KEPT);
        self.to_send.clear();
        self.to_send.push_back(Outgo::Hello);
        self.last_heard = now;
        self.pings = 0;
        self.hello_pause = self.config.limits.connect / HELLO_SHARE;
        self.hello_again = now.plus(self.hello_pause);
        self.wake_by(self.hello_again);
    }

    /// The connection could not be made, or is gone. What waited in its buffer died with it.
    pub fn handle_disconnected(&mut self, why: &str, now: Time) {
        if self.link != Link::Condemned {
            why.clone_into(&mut self.last_failure); // else why we are closing it is known, and says more
            self.foreign = false;
        }
        self.to_send.clear();
        self.handle_flushed(now);
        let limits = &self.config.limits;
        let most = limits.backoff_first.saturating_mul(1 << self.failures.min(16)).min(limits.backoff_cap);
        // Full jitter: a crowd of clients that lost one server does not come back in step.
        let pause = most.mul_f64(self.random.f64());
        let pause = if self.failures == 0 && self.session.is_some() { pause / 8 } else { pause };
        self.failures = self.failures.saturating_add(1);
        let at = now.plus(pause).max(self.not_before);
        self.link = Link::Down(at);
        self.wake_by(at);
        if self.draining {
            self.draining = false;
            if self.session.is_some() && !self.has_sent_calls() {
                self.forget_session(); // nothing is open: a new session is as good, and the server may be a new one
            }
        }
    }

    /// Bytes were read.
    pub fn handle_input(&mut self, chunk: Bytes, now: Time) {
        if !matches!(self.link, Link::Greeting(_) | Link::Up) {
            return; // condemned: what it still brings is not even kept
        }
        self.last_heard = now;
        self.pings = 0;
        self.decoder.push(chunk);
        while matches!(self.link, Link::Greeting(_) | Link::Up) {
            let handled = match self.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => self.handle_frame(frame, now),
                // A resume would bring it again. (Before WELCOME it may be a reply that is not too long after it.)
                Err(error @ ProtocolError::LongFrame { .. }) if self.link == Link::Up => Err(error),
                Err(error) => return self.stream_is_garbled(error, now),
            };
            if let Err(error) = handled {
                self.server_is_broken(error);
            }
        }
    }

    /// What happened to a call; ask until there is nothing more.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the socket is to be closed now, once what was transmitted has been written.
    pub fn wants_close(&self) -> bool {
        self.link == Link::Condemned
    }

    /// Whether the session was ended for good.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether anything is to be transmitted.
    pub fn wants_transmit(&self) -> bool {
        !self.to_send.is_empty()
    }

    /// Whether somebody must drive: calls wait, or answers are owed.
    pub fn owes(&self) -> bool {
        !self.waiting.is_empty() || !self.delayed.is_empty() || self.has_taken()
    }

    /// Whether answers are owed to nobody who waits for them: dirty slots.
    pub fn dirty_slots(&self) -> usize {
        self.dirty
    }

    /// Calls that have neither a verdict nor a caller who gave up.
    pub fn in_flight(&self) -> usize {
        let taken = self.slots.iter().filter(|(_, state)| matches!(state.usage, Use::Taken(_))).count();
        taken + self.waiting.len() + self.delayed.len()
    }

    /// Whether the session is attached, and what differs between the contracts is known.
    pub fn is_ready(&self) -> bool {
        self.link == Link::Up && self.session.as_ref().is_some_and(SessionInfo::tables_are_here)
    }

    /// Whether the server has refused the connection for good: another version, or not our protocol.
    pub fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// Connections that failed, or could not be made, since a call was last answered.
    pub fn failed_attempts(&self) -> u64 {
        u64::from(self.failures)
    }

    /// Whether what has answered last, before any session, does not speak our protocol.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Why there is no connection; empty if none was tried.
    pub fn last_failure(&self) -> &str {
        &self.last_failure
    }

    /// What was counted.
    pub fn counters(&self) -> ClientCounters {
        self.counters
    }

    fn handle_frame(&mut self, frame: Frame, now: Time) -> Result<(), ProtocolError> {
        let header = frame.header;
        match (self.link, header.kind) {
            (Link::Greeting(_), Kind::Welcome) => self.handle_welcome(&frame.body, now),
            (Link::Greeting(_), Kind::SessionLost) => {
                self.session_is_lost(now);
                Ok(())
            }
            (Link::Greeting(_), Kind::Busy) => {
                let pause = Duration::from_millis(u64::from(header.millis));
                self.turned_away("the server is busy or shutting down", pause, now);
                Ok(())
            }
            (Link::Greeting(_) | Link::Up, Kind::Reject) => {
                let text = String::from_utf8_lossy(&frame.body).into_owned();
                self.rejected = true;
                self.turned_away(&format!("the server refused the connection: {text}"), Duration::ZERO, now);
                Ok(())
            }
            (Link::Greeting(_), Kind::Reply | Kind::GoAway | Kind::Pong | Kind::Table) => {
                // It overtook WELCOME, or WELCOME was lost on the way: no fault of the server. Replies come again.
                self.counters.stray_replies += u64::from(header.kind == Kind::Reply);
                Ok(())
            }
            (Link::Up, Kind::Reply) => self.handle_reply(frame, now),
            (Link::Up, Kind::Pong) => Ok(()),
            (Link::Up, Kind::Welcome) => Ok(()), // a copy: ours was repeated on the way
            (Link::Up, Kind::GoAway) => {
                self.handle_goaway(now);
                Ok(())
            }
            (Link::Up, Kind::Table) => self.handle_table(&frame.body),
            _ => Err(ProtocolError::Unexpected(header.kind.name())),
        }
    }

    fn has_taken(&self) -> bool {
        self.slots.iter().any(|(_, state)| !matches!(state.usage, Use::Free))
    }

    fn wake_by(&mut self, at: Time) {
        self.next_timer = self.next_timer.min(at);
    }
}

impl fmt::Debug for ClientCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCore({:?}, {:?})", self.link, self.counters)
    }
}
