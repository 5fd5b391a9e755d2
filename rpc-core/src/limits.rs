//! Floor 0: every bound of the framework in one place, each with its why.

use std::time::Duration;

/// Bytes of a frame's header: the fixed part, length prefix included.
pub const HEADER: usize = 36;

/// Longest body before a session stands: a HELLO fits that names 64 services by 50 letters each, and a stranger cannot make
/// the server keep more than this.
pub const MAX_GREETING: usize = 4 * 1024;

/// An over-limit CALL body is read past, so that its connection lives, if it is at most this many times the limit;
/// beyond that closing costs both sides less than reading.
pub const SKIP_FACTOR: usize = 16;

/// Most slots of a session: a record is 32 bytes, so 1,024 are 32 KiB.
pub const MAX_SLOTS: u16 = 1024;

/// Most services on one server, and most methods in one trait: a HELLO names services, a table names methods.
pub const MAX_SERVICES: usize = 64;
/// Most methods of one service.
pub const MAX_METHODS: usize = 1024;

/// Longest name of a service or a method, in bytes: its length travels in one byte.
pub const MAX_NAME: usize = 255;

/// Names of services and methods that a process may call without a trait: each is kept for as long as it lives, so a
/// server that invents new ones cannot use up the memory.
pub const MAX_NAMES: usize = 4096;
/// Longest part of a signature that is kept with such a name, in characters: it is only shown.
pub const MAX_SIGNATURE_KEPT: usize = 512;

/// Most arguments of a method: serde's tuples end there.
pub const MAX_ARGUMENTS: usize = 16;

/// Deepest nesting of a value, encoding and decoding: 14 KB of nested enums overflow a 2 MiB stack, 64 levels do not.
pub const MAX_DEPTH: u32 = 64;

/// Elements a decoder may yield beyond the bytes it was given: `[(); n]` takes no bytes, so bytes alone bound nothing.
pub const SPARE_ELEMENTS: usize = 1024;

/// Longest text of a panic or refusal that travels: enough for a sentence, too little to be a reply.
pub const MAX_DETAIL: usize = 1024;

/// Most event loops of one server: a session id has 8 bits for its loop.
pub const MAX_LOOPS: usize = 256;

/// How fast a stranger must say HELLO: a real client does so in one round trip; slowloris does not.
pub const HELLO_TIME: Duration = Duration::from_secs(5);

/// How often the watcher looks at a loop that is busy: a handler that is in its way at two looks in a row is late,
/// after 4 to 8 ms. A timed wake-up costs up to 30 µs on a virtual machine, so a finer tick costs more than it gains:
/// a method stalls a loop once, and is handed over before it runs from then on.
pub const WATCH_TICK: Duration = Duration::from_millis(4);

/// Looks at an idle loop before the watcher sleeps until it is woken: an idle server costs nothing.
pub const WATCH_QUIET_TICKS: u32 = 2;

/// A run of a method that was late once counts as quick below this: well under a tick.
pub const QUICK_RUN: Duration = Duration::from_millis(1);

/// Quick runs in a row after which a method that was late once is trusted again: handing this many over costs as much
/// (1 to 4 µs each) as the one stall that a wrong guess costs.
pub const QUICK_ROW: u32 = 4096;

/// Threads that wait for work although there is none: starting one takes as long as ten hand-overs.
pub const SPARES_KEPT: usize = 2;

/// After this long a thread beyond [`SPARES_KEPT`] without work ends.
pub const SPARE_IDLE: Duration = Duration::from_secs(10);

/// Fewest threads of a loop: one to run it, one for a handler that is late.
pub const MIN_THREADS: usize = 2;

/// Reply space of a thread beyond this is given back after the call that needed it.
pub const SCRATCH_KEPT: usize = 1 << 20;

/// What a loop reads into at a time, whatever the connection: idle connections hold no buffer.
pub const READ_CHUNK: usize = 64 << 10;

/// With less room than this left in the read buffer, it is renewed: a read should be worth its system call.
pub const READ_LEAST: usize = 8 << 10;

/// Read from one connection in one turn at most, so that a busy one does not starve the others.
pub const READ_BUDGET: usize = 256 << 10;

/// Readiness events taken in one turn.
pub const EVENTS: usize = 1024;

/// Connections accepted in one turn at most.
pub const ACCEPT_BATCH: usize = 64;

/// How long accepting pauses when descriptors or connections have run out: they come back when somebody leaves.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// At most one line in the log about failing accepts in this time.
pub const ACCEPT_LOG: Duration = Duration::from_secs(1);

/// Connections that the kernel completes before they are accepted: a burst of clients after a restart.
pub const BACKLOG: i32 = 1024;

/// A silent connection is asked for a sign of life by the kernel after this long,
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// again after this long each,
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
/// and is dead after so many without an answer.
pub const KEEPALIVE_TRIES: u32 = 6;

/// Write buffers that a loop keeps for the next connections that need one, and the largest that is worth keeping.
pub const BUFFERS_KEPT: usize = 64;
/// A write buffer larger than this is given back to the allocator.
pub const BUFFER_KEPT: usize = 64 << 10;

/// A loop that does not answer this long after its grace time is stuck in a handler, and is left behind.
pub const END_MARGIN: Duration = Duration::from_secs(1);

/// How long somebody who asks for the counters waits for a loop that is busy.
pub const COUNTERS_WAIT: Duration = Duration::from_secs(1);

/// Most bytes that a client's connection keeps of its write buffer for the next write, and as many of the room that a
/// long reply was read into: a fresh megabyte costs 256 page faults, which is more than all copies of it together.
pub const CLIENT_BUFFER_KEPT: usize = 2 << 20;

/// A HELLO without a WELCOME is sent again after this part of the time to connect, then after twice as long, and so on:
/// three copies of it fit, and a server that takes its time gets few.
pub const HELLO_SHARE: u32 = 8;

/// How long the background thread leaves started calls to whoever started them before it drives by itself: a caller
/// that starts many and then waits drives them all with one write.
pub const BACKGROUND_TICK: Duration = Duration::from_millis(1);

/// A client's connection that was not driven for this long is read once before a new call goes out: if the server has
/// left meanwhile, the call stays unsent and is not needlessly unknown.
pub const STALE_CONNECTION: Duration = Duration::from_millis(2);

/// What the server grants, keeps and waits for. `Default` is what `docs/at_most_once.md` describes.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Slots granted to a session at most: the default of a client, 64, and up to [`MAX_SLOTS`].
    pub slots: u16,
    /// Longest frame body, both ways: larger values belong in pages.
    pub max_frame: usize,
    /// Sessions at a time, all loops together: 65,536 x 64 slots x 32 bytes = 128 MiB of records when all of
    /// them use every slot; 2 GiB if every client asks for 1,024.
    pub sessions: usize,
    /// Sessions from one source address, divided among the loops like `sessions`, at least one each; `None`: as many as
    /// `sessions`. For servers that face strangers.
    pub sessions_per_source: Option<usize>,
    /// How long a session outlives its connection: longer than a reboot of a switch, shorter than a coffee.
    pub lease: Duration,
    /// Longest reply that is kept for a client that asks again; a method may say less or more.
    pub max_cached_reply: usize,
    /// Bytes of kept replies, all sessions together.
    pub reply_budget: usize,
    /// Kept replies older than this are let go when room is short: their callers have long asked again.
    pub reply_age: Duration,
    /// Calls waiting to run, all sessions of a loop together; beyond it a call is refused as busy.
    pub queue: usize,
    /// Bytes of arguments waiting to run, all sessions of a loop together.
    pub queue_bytes: usize,
    /// What a busy server suggests to wait.
    pub retry_after: Duration,
    /// Unsent bytes of a connection beyond which it is not read: its owner asks faster than it listens.
    pub unsent_pause: usize,
    /// A connection whose unsent bytes do not move for this long is cut; its replies stay kept.
    pub unsent_stall: Duration,
    /// After this long a drain ends by force: queued calls are refused, running ones left behind.
    pub grace: Duration,
    /// A drained connection is closed this long after its last answer was written.
    pub drain_linger: Duration,
    /// Handlers that run at once, on threads of their own when they are slow; divided among the loops, at least
    /// [`MIN_THREADS`] each. When only one of a loop is left, methods that are known to be slow are refused as busy;
    /// one that is not known to be slow still runs, and if it is, its loop waits for it, late answers included.
    pub threads: usize,
    /// Connections at a time; beyond it accepting pauses.
    pub connections: usize,
}

impl ServerLimits {
    /// Returns the share of one of `loops` loops: what is bounded for all together is divided.
    pub(crate) fn of_one_loop(mut self, loops: usize) -> Self {
        let loops = loops.max(1);
        self.sessions = (self.sessions / loops).max(1);
        self.sessions_per_source = self.sessions_per_source.map(|most| (most / loops).max(1));
        self.reply_budget /= loops;
        self
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            slots: MAX_SLOTS,
            max_frame: 4 << 20,
            sessions: 65_536,
            sessions_per_source: None,
            lease: Duration::from_secs(60),
            max_cached_reply: 16 << 10,
            reply_budget: 256 << 20,
            reply_age: Duration::from_secs(60),
            queue: 65_536,
            queue_bytes: 64 << 20,
            retry_after: Duration::from_millis(50),
            unsent_pause: 256 << 10,
            unsent_stall: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            drain_linger: Duration::from_secs(2),
            threads: 256,
            connections: 65_536,
        }
    }
}

/// What a client asks for and how long it waits.
#[derive(Clone, Debug)]
pub struct ClientLimits {
    /// Slots asked for: calls under way at once. More than enough for one thread, few enough to be polite.
    pub slots: u16,
    /// Calls that wait for a slot; beyond it a call is refused at once.
    pub waiting: usize,
    /// First time until a call is sent again on a live connection; doubles up to `resend_cap`.
    pub resend_first: Duration,
    /// Longest time between two copies of a call.
    pub resend_cap: Duration,
    /// An answered slot that is not used again is acknowledged after this long.
    pub ack_delay: Duration,
    /// A kept reply of at least this size is acknowledged at once: the server's memory is waiting.
    pub ack_at_once: usize,
    /// Silence after which a driven client that is owed an answer asks for a sign of life.
    pub ping_after: Duration,
    /// Unanswered PINGs in a row after which the connection counts as dead.
    pub ping_limit: u32,
    /// First upper bound of the pause before connecting again (full jitter); doubles up to `backoff_cap`.
    pub backoff_first: Duration,
    /// Longest upper bound of the pause before connecting again.
    pub backoff_cap: Duration,
    /// How long one attempt to connect and greet may take.
    pub connect: Duration,
    /// All slots dirty for this long: the session is left to resolve itself and another one takes the calls.
    pub all_dirty: Duration,
    /// Most bytes taken for one write.
    pub write_batch: usize,
    /// Attempts beyond the first that a new client may make, and that it earns in each second: of busy calls, and of
    /// idempotent calls whose reply is lost. It saves up at most [`RETRY_SECONDS`] times as many: a crowd of clients must
    /// not keep a server busy.
    pub retry_budget: f64,
    /// Longest reply body accepted.
    pub max_frame: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        ClientLimits {
            slots: 64,
            waiting: 4096,
            resend_first: Duration::from_secs(1),
            resend_cap: Duration::from_secs(30),
            ack_delay: Duration::from_secs(1),
            ack_at_once: 4 << 10,
            ping_after: Duration::from_secs(5),
            ping_limit: 3,
            backoff_first: Duration::from_millis(50),
            backoff_cap: Duration::from_secs(2),
            connect: Duration::from_secs(2),
            all_dirty: Duration::from_secs(10),
            write_batch: 256 << 10,
            retry_budget: 10.0,
            max_frame: 4 << 20,
        }
    }
}

/// A client saves up the retries of this many seconds: enough for a burst after a restart of the server.
pub const RETRY_SECONDS: f64 = 10.0;

/// The deadline of a call that names none: visible, and long enough for a human to notice.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
