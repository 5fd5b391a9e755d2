//! Layer 2: the client's connection: its life, its failures and the pauses after them, and signs of life.

use std::time::Duration;

use crate::error::ProtocolError;
use crate::ids::Time;
use crate::limits::{CLIENT_BUFFER_KEPT, ClientLimits, GARBLED_PAUSES, HELLO_SHARE, LONGEST_PAUSE_ASKED};
use crate::wire::frame::FrameDecoder;

/// The life of a connection.
///
/// A session outlives it: `Down` to `Up` happens many times in one session. An attempt is over after `ClientLimits::connect`,
/// whether TCP or WELCOME takes so long.
///
/// ```text
/// Down --> Connecting --> Greeting --WELCOME--> Up --GOAWAY--> Draining
///   ^           '------------'-------------------'----------------'--close()--> Leaving
///   '----- Closing <------'  (the socket is closed)                               |
///                                                            Closed <-- Closing <-'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// There is no connection. The next attempt may begin at this time.
    Down(Time),
    /// A connection is being made, since this time.
    Connecting(Time),
    /// HELLO was sent, and WELCOME has not arrived.
    Greeting(Greeting),
    /// The session is attached.
    Up,
    /// The session is attached, and the server is shutting down: no new call is sent.
    Draining,
    /// The session was closed, and BYE is still to be sent.
    Leaving,
    /// The connection is to be closed. Frames that still arrive are dropped.
    Closing(Next),
    /// The session was closed, and there is no connection.
    Closed,
}

/// The times of a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// The time at which the connection was established.
    pub(super) since: Time,
    /// The time at which HELLO is sent again.
    pub(super) again_at: Time,
    /// The pause before that.
    pub(super) pause: Duration,
}

/// The state that follows once the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another connection.
    Connect,
    /// Another connection, to a server that may be a new one: the present one was shutting down.
    ConnectAfterDrain,
    /// None: the session was closed.
    Close,
}

/// The kind of the last failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The connection could not be made, or was lost.
    #[default]
    Lost,
    /// The server has refused the connection for good, and gave no reason.
    Rejected,
    /// The server has refused the connection for good: it speaks another version.
    OtherVersion,
    /// Bytes arrived before any session, and they are not this protocol.
    Foreign,
    /// The server does not know the session: it is there, and will open another one.
    Forgotten,
    /// The client's own journal cannot be written: the client is closed.
    Journal,
}

/// The action that a timer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing until this time.
    WaitUntil(Time),
    /// Send HELLO again, and look again at this time.
    SendHello(Time),
    /// Send PING, and look again at this time.
    SendPing(Time),
    /// The connection is being closed.
    Close,
}

/// The connection of a client, or the lack of one.
///
/// Invariants: `pings <= ping_limit`. A connection is found dead after `(ping_limit + 1) * ping_after` of silence at the latest,
/// if a frame is due. The pause before an attempt is below `min(backoff_first * 2^failures, backoff_cap)`, unless the server
/// has asked for a longer one (`not_before`).
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The state of its life.
    pub(super) link: Link,
    /// Bytes read that are not yet a whole frame.
    pub(super) decoder: FrameDecoder,
    /// Connections that failed, or could not be made, since the last reply.
    pub(super) failures: u32,
    /// The text of the last failure; empty before the first.
    pub(super) failure: String,
    /// The kind of the last failure.
    pub(super) failure_kind: FailureKind,
    /// No attempt to connect begins before this time.
    pub(super) not_before: Time,
    /// The time at which bytes last arrived.
    pub(super) heard_at: Time,
    /// The time of the last PING.
    pub(super) pinged_at: Time,
    /// PINGs in a row without a byte in return.
    pub(super) pings: u32,
    /// True if the server that was connected last was shutting down when it was left, and its sessions end with it.
    pub(super) has_left_drain: bool,
    /// True if the sessions of the server that is shutting down outlive it. Read while it drains.
    pub(super) sessions_stay: bool,
    /// The time since which there has been no connection, or since the first attempt to make one. `None` while there is one.
    pub(super) without_since: Option<Time>,
    /// The number of attempts to connect since then.
    pub(super) attempts: u32,
    /// The time of the last loss or failed attempt.
    pub(super) lost_at: Time,
}

impl Connection {
    /// No connection; the first attempt may begin at once.
    pub(super) fn new() -> Self {
        Connection {
            link: Link::Down(Time::default()),
            decoder: FrameDecoder::keeping_room(CLIENT_BUFFER_KEPT),
            failures: 0,
            failure: String::new(),
            failure_kind: FailureKind::Lost,
            not_before: Time::default(),
            heard_at: Time::default(),
            pinged_at: Time::default(),
            pings: 0,
            has_left_drain: false,
            sessions_stay: false,
            without_since: None,
            attempts: 0,
            lost_at: Time::default(),
        }
    }

    /// Returns the state of the connection.
    pub(super) fn link(&self) -> Link {
        self.link
    }

    /// Returns true if the session is attached.
    pub(super) fn is_attached(&self) -> bool {
        matches!(self.link, Link::Up | Link::Draining | Link::Leaving)
    }

    /// Returns true if frames that arrive are acted on.
    pub(super) fn is_open(&self) -> bool {
        self.is_attached() || matches!(self.link, Link::Greeting(_))
    }

    /// Returns true if the session was closed for good.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.link, Link::Leaving | Link::Closing(Next::Close) | Link::Closed)
    }

    /// Returns true if the server is shutting down, and this connection to it is not yet gone.
    pub(super) fn is_draining(&self) -> bool {
        matches!(self.link, Link::Draining | Link::Closing(Next::ConnectAfterDrain))
    }

    /// Returns the number of failures since the last reply.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the text of the last failure.
    pub(super) fn failure(&self) -> &str {
        &self.failure
    }

    /// Returns true if the last bytes that arrived before any session are not this protocol.
    pub(super) fn is_foreign(&self) -> bool {
        self.failure_kind == FailureKind::Foreign
    }

    /// Begins an attempt to connect, if one may begin now.
    pub(super) fn begin(&mut self, now: Time) -> bool {
        let may_begin = matches!(self.link, Link::Down(at) if at <= now);
        if may_begin {
            self.link = Link::Connecting(now);
            self.note_attempt(now);
        }
        may_begin
    }

    /// Notes that the connection is established. Returns the time at which HELLO is sent again; `None` if the connection is
    /// no longer wanted.
    pub(super) fn establish(&mut self, limits: &ClientLimits, now: Time) -> Option<Time> {
        if !matches!(self.link, Link::Connecting(_)) {
            return None;
        }
        let pause = limits.connect / HELLO_SHARE;
        let again_at = now.plus(pause);
        self.link = Link::Greeting(Greeting { since: now, again_at, pause });
        self.decoder = FrameDecoder::keeping_room(CLIENT_BUFFER_KEPT);
        self.hear(now);
        Some(again_at)
    }

    /// Notes that bytes have arrived.
    pub(super) fn hear(&mut self, now: Time) {
        self.heard_at = now;
        self.pings = 0;
    }

    /// Notes that WELCOME has arrived.
    pub(super) fn welcome(&mut self) {
        self.link = Link::Up;
        (self.without_since, self.attempts) = (None, 0);
        self.has_left_drain = false;
    }

    /// Notes that the server is shutting down, and if its sessions outlive it. Returns false if that is known.
    pub(super) fn drain(&mut self, sessions_stay: bool) -> bool {
        let is_new = self.link == Link::Up;
        if is_new {
            (self.link, self.sessions_stay) = (Link::Draining, sessions_stay);
        }
        is_new
    }

    /// Closes the session for good. Returns true if BYE is to be sent.
    pub(super) fn leave(&mut self) -> bool {
        // A client that is not attached has no session on this connection to say BYE to.
        let is_attached = self.is_attached();
        self.link = if is_attached { Link::Leaving } else { Link::Closing(Next::Close) };
        is_attached
    }

    /// Notes that a reply has arrived. Only that shows that all is well: a WELCOME may be followed by a failure each time.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Closes the connection.
    pub(super) fn close(&mut self) {
        self.link = Link::Closing(match self.link {
            // In this order: a client that was closed stays closed, although its server was draining.
            _ if self.is_closed() => Next::Close,
            _ if self.is_draining() => Next::ConnectAfterDrain,
            _ => Next::Connect,
        });
    }

    /// Closes the connection for this reason. The next attempt begins after `pause` at the earliest.
    pub(super) fn fail(&mut self, why: &str, pause: Duration, now: Time) {
        self.fail_as(FailureKind::Lost, why, pause, now);
    }

    pub(super) fn fail_as(&mut self, kind: FailureKind, why: &str, pause: Duration, now: Time) {
        self.note_failure(kind, why);
        self.not_before = now.plus(pause.min(LONGEST_PAUSE_ASKED));
        self.close();
    }

    /// Notes the last failure: the one place that does, so that its kind and its text belong together.
    pub(super) fn note_failure(&mut self, kind: FailureKind, why: impl Into<String>) {
        self.failure = why.into();
        self.failure_kind = kind;
    }

    /// Closes a connection whose bytes are not frames. It is tried again after a longer pause.
    ///
    /// The stream is corrupt, or the peer speaks another protocol. Neither is the server's word on the session, which
    /// survives.
    pub(super) fn garble(
        &mut self,
        error: ProtocolError,
        has_session: bool,
        limits: &ClientLimits,
        now: Time,
    ) {
        let (kind, what) = if has_session {
            (FailureKind::Lost, "the bytes from the server cannot be read")
        } else {
            (FailureKind::Foreign, "the peer does not seem to speak this protocol")
        };
        let what = match (has_session, error.first_text()) {
            (false, Some(text)) => format!("{what}: its first bytes are `{text}`"),
            _ => format!("{what}: {error}"),
        };
        // A peer of another protocol sends the same bytes at each attempt: to hurry helps neither side.
        let pause = limits.backoff_first.saturating_mul(GARBLED_PAUSES);
        self.fail_as(kind, &what, pause, now);
    }

    /// Notes that the connection could not be made, or is gone. Returns the time of the next attempt, and true if a server
    /// that was shutting down was left.
    ///
    /// The pause is random below a bound that doubles with each failure (full jitter: M. Brooker, *Exponential Backoff And
    /// Jitter*, 2015), so that clients that lost one server do not all return at the same time.
    pub(super) fn lose(
        &mut self,
        why: &str,
        has_session: bool,
        limits: &ClientLimits,
        random: &mut fastrand::Rng,
        now: Time,
    ) -> (Time, bool) {
        if !matches!(self.link, Link::Closing(_)) {
            self.note_failure(FailureKind::Lost, why); // else the reason for closing it is known, and says more
        }
        let most = limits.backoff_first.saturating_mul(1 << self.failures.min(16)).min(limits.backoff_cap);
        let pause = most.mul_f64(random.f64());
        // The first loss of a session that worked is mostly one broken connection, and callers wait for its replies.
        let pause = if self.failures == 0 && has_session { pause / 8 } else { pause };
        self.failures = self.failures.saturating_add(1);
        self.without_since.get_or_insert(now);
        self.lost_at = now;
        // The server's wish is a lower bound, and not added: it was said before this pause was drawn.
        let at = now.plus(pause).max(self.not_before);
        let drained = self.is_draining();
        self.has_left_drain |= drained && !self.sessions_stay;
        self.link = if self.is_closed() { Link::Closed } else { Link::Down(at) };
        (at, drained)
    }

    /// Ends the pause before the next attempt. Returns true if there was one.
    pub(super) fn skip_pause(&mut self, now: Time) -> bool {
        let pauses = matches!(self.link, Link::Down(at) if at > now);
        if pauses {
            self.link = Link::Down(now);
        }
        pauses
    }

    /// Looks at the timers. `awaits`: a frame from the server is due.
    pub(super) fn handle_timeout(&mut self, awaits: bool, limits: &ClientLimits, now: Time) -> Action {
        match self.link {
            Link::Down(at) if at > now => Action::WaitUntil(at),
            Link::Down(_) | Link::Closing(_) | Link::Closed => Action::WaitUntil(Time::NEVER),
            Link::Connecting(since) | Link::Greeting(Greeting { since, .. })
                if since.plus(limits.connect) <= now =>
            {
                self.note_failure(FailureKind::Lost, "the server did not answer in time");
                self.close();
                Action::Close
            }
            Link::Connecting(since) => Action::WaitUntil(since.plus(limits.connect)),
            Link::Greeting(greeting) => self.greet_again(greeting, limits, now),
            Link::Up | Link::Draining | Link::Leaving if awaits => self.check_silence(limits, now),
            Link::Up | Link::Draining | Link::Leaving => Action::WaitUntil(Time::NEVER),
        }
    }

    /// HELLO or WELCOME may have been lost: the same HELLO gets the same WELCOME (W8).
    fn greet_again(&mut self, mut greeting: Greeting, limits: &ClientLimits, now: Time) -> Action {
        // The pause doubles: by default HELLO is sent again after 250, 750 and 1750 ms, and the attempt ends after 2 s.
        let gives_up_at = greeting.since.plus(limits.connect);
        if greeting.again_at > now {
            return Action::WaitUntil(greeting.again_at.min(gives_up_at));
        }
        greeting.pause = greeting.pause.saturating_mul(2);
        greeting.again_at = now.plus(greeting.pause);
        self.link = Link::Greeting(greeting);
        Action::SendHello(greeting.again_at.min(gives_up_at))
    }

    /// Asks for a sign of life after silence, and closes the connection after too many questions without one.
    fn check_silence(&mut self, limits: &ClientLimits, now: Time) -> Action {
        // From the last PING as well as from the last byte: after a long idle time the first PING is due at once, and the
        // server still has the whole time to reply to it.
        let due = self.heard_at.max(self.pinged_at).plus(limits.ping_after);
        if due > now {
            return Action::WaitUntil(due);
        }
        if self.pings >= limits.ping_limit {
            self.note_failure(FailureKind::Lost, format!("the server did not answer {} PINGs", self.pings));
            self.close();
            return Action::Close;
        }
        self.pings += 1;
        self.pinged_at = now;
        Action::SendPing(now.plus(limits.ping_after))
    }

    /// Notes a violation of the protocol by the server.
    pub(super) fn blame(&mut self, error: ProtocolError) {
        self.note_failure(FailureKind::Lost, format!("the server broke the protocol: {error}"));
        self.close();
    }
}
