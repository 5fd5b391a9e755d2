//! Layer 0: every bound of the framework in one place, each with its reason.

mod arguments;
mod bounds;
mod client;
mod frames;
mod nesting;
mod protocol;
mod types;

use std::time::Duration;

pub use arguments::*;
pub use bounds::{LimitValue, SettingError, check_deadline, check_time};
pub use client::{ARGUMENTS_KEPT, ARGUMENTS_LONGEST, ARGUMENTS_ROOM, ClientLimits, DEFAULT_DEADLINE};
#[doc(hidden)] // for the drivers of both sides: `net`, the simulator, and their tests
pub use nesting::{Bounds, Nesting};
pub use nesting::{DEFAULT_NESTING, MOST_NESTING, STACK_PER_LEVEL};
pub use protocol::{
    HEADER, MAX_GREETING, MAX_METADATA, MAX_NAME, MAX_OPENING_HELLO, MAX_SERVICES, MAX_SLOTS, RESUME_FIELDS,
    SKIP_FACTOR, SPARE_ELEMENTS,
};
pub use {frames::*, types::*};

/// Most methods of one service: a method table must fit their signatures.
pub const MAX_METHODS: usize = 1024;

/// Most names of services and methods that a process may call without a trait. Each is stored until the process ends, so
/// that a server that invents new names cannot exhaust the memory.
pub const MAX_NAMES: usize = 4096;
/// Longest part of a signature that is stored with such a name, in characters: it is only displayed.
pub const MAX_SIGNATURE_KEPT: usize = 512;

/// Bytes of memory that the elements of a value's sequences and maps may take for each byte that is decoded. An absent
/// `Option<u64>` takes 16 bytes for one on the wire, an absent `Option<String>` 24; an absent `Option<[u64; 32]>` takes 264,
/// so that a body of 4 MiB would become 1.1 GB.
pub const MEMORY_PER_BYTE: usize = 32;
/// Bytes of memory that the elements may take beside these: as much as one connection may pin, so that a short list of large
/// elements, most of them absent, can be decoded.
pub const SPARE_MEMORY: usize = 8 << 20;
/// Longest text of a panic or a refusal on the wire, in bytes: enough for a sentence, too little to be a reply.
pub const MAX_DETAIL: usize = 1024;

/// Most characters of the other side's text that are shown at once: a sentence and a long name fit, a screen does not scroll.
pub const MAX_SHOWN: usize = 1024;

/// Most event loops of one server: a session id has 8 bits for its loop.
pub const MAX_LOOPS: usize = 256;

/// Most nonces of ended sessions that a loop remembers, for the time of a lease: a thousand sessions that end in each second
/// of it, in 8 MiB. Beyond that the oldest is forgotten, and a HELLO with it opens another session.
pub const ENDED_NONCES: usize = 65_536;
/// One source has this part of them at most, as of the sessions; beyond it its own oldest is forgotten. So one peer that opens and
/// ends sessions without pause does not make a loop forget the nonces of others.
pub const ENDED_NONCES_SHARE: usize = 4;

/// The time in which a new connection must send HELLO: a real client needs one round trip, and connections that send one
/// byte at a time to occupy the server need longer.
pub const HELLO_TIME: Duration = Duration::from_secs(5);

/// The interval at which the watcher looks at a loop that is busy. A handler that runs at two looks in a row is slow: after
/// 4 to 8 ms. A timed wake-up costs up to 30 µs on a virtual machine, so a shorter interval costs more than it gains: a
/// method that is slow often stalls a loop twice, and gets a thread of its own from then on.
pub const WATCH_TICK: Duration = Duration::from_millis(4);

/// Looks at an idle loop after which the watcher sleeps until it is woken, so that an idle server costs nothing.
pub const WATCH_QUIET_TICKS: u32 = 2;

/// Late runs among the last 16 of a method at which its calls are handed over to another thread before they run. One late
/// run may have been a preempted thread, or the large argument of one caller. The others of the 16 then cost 1 to 4 µs each,
/// or a wake-up of 36 µs, which together is less than one more stall of the loop.
pub const LATE_RUNS: u32 = 2;

/// All sessions of one source address together may have this many slow calls for each thread that is left, where one session
/// may have one: three quarters of the threads, if there is no other source.
pub const SOURCE_SHARE: usize = 3;

/// Idle threads that a loop keeps: starting one takes as long as ten hand-overs.
pub const SPARES_KEPT: usize = 2;

/// An idle thread beyond [`SPARES_KEPT`] ends after this time.
pub const SPARE_IDLE: Duration = Duration::from_secs(10);

/// Fewest threads of a loop: one to drive it, one for a slow handler.
pub const MIN_THREADS: usize = 2;

/// Bytes of room for replies that a thread keeps. More is given back after the call that needed it.
pub const SCRATCH_KEPT: usize = 1 << 20;

/// Bytes of the buffer that a loop reads into. All connections share it, so an idle one holds no buffer.
pub const READ_CHUNK: usize = 64 << 10;

/// A read buffer with less room than this is renewed: a read should be worth its system call.
pub const READ_LEAST: usize = 8 << 10;

/// Most bytes read from one connection in one turn, so that a busy one does not starve the others.
pub const READ_BUDGET: usize = 256 << 10;

/// Most frames of one connection that are acted on before the others have their turn: a frame that does nothing takes 50 to
/// 100 ns, so a connection that sends only such frames delays another one by some ten microseconds.
pub const FRAMES_PER_TURN: usize = 64;

/// Calls that run before the clock is read; if the turn has lasted less than [`TURN`], as many more follow.
pub const CALLS_PER_TURN: usize = 128;
/// The time after which the sockets are polled again although calls wait: one that arrives meanwhile waits for so long. Replies are
/// written at the end of a turn, so a turn that ends early writes to each of many clients for one call each.
pub const TURN: Duration = Duration::from_millis(1);

/// Most bytes written to one connection in one turn. The rest of a long reply is written in the next turns.
pub const WRITE_BUDGET: usize = 512 << 10;

/// Bytes of arguments of one session that calls which run side by side may hold: beyond it the session's next call waits,
/// unless none of them runs.
pub const RUNNING_ARGUMENTS: usize = 4 << 20;

/// Unsent bytes of a connection that are expected of calls that run side by side: beyond it the session's next call of a
/// method with long replies waits. With what was sent it keeps a connection below 8 MiB.
pub const UNSENT_EXPECTED: usize = 4 << 20;

/// While no call of a method that got a thread has ended, the length of its replies is not known, and a session has one such call.
/// After so many steps that call waits for something, and makes no reply: others begin beside it. Each step is a timer of the loop
/// that was set after the last one had fired: on a machine with far more to do than it can do, the handler gets a processor as
/// often as the loop.
pub const LEARN_STEPS: u32 = 16;

/// The time of one step, and the pause between calls that begin after the last one. The pause is divided by the number of the
/// session's calls that run, so that 128 have begun after 0.35 s more.
pub const LEARN_PAUSE: Duration = Duration::from_millis(64);

/// A reply of this length gets exactly the room that it needs in the write buffer.
pub const LONG_REPLY: usize = 64 << 10;

/// Most readiness events taken in one turn.
pub const EVENTS: usize = 1024;

/// Most connections accepted in one turn.
pub const ACCEPT_BATCH: usize = 64;

/// The pause of accepting when descriptors or connections have run out: some may be free again by then.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Detached sessions that are looked at, and sources, before a server that is full says that it has no room: one whose call waits
/// to run is passed over, and there may be many.
pub const EVICTION_LOOKS: usize = 8;

/// A search for old replies reads every call, so a server that is short of room searches this often at most.
pub const REPLY_SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Bytes of room that a kept reply may leave unused, beside as many as it has: more room is given back.
pub const REPLY_ROOM_SPARE: usize = 256;

/// Written bytes that a connection's buffer may still hold before they are removed: moving the rest costs a copy.
pub const WRITTEN_KEPT: usize = 64 << 10;

/// Terms of sessions that a loop remembers, to share them: clients of so many builds at once.
pub const TERMS_SHARED: usize = 8;

/// A draining server looks this often if it is done.
pub const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(20);

/// Events that one place in the source reports at once: enough to see what happens, too few to fill a log.
pub const EVENTS_AT_ONCE: u32 = 10;
/// The time after which it may report one more: a flood that lasts a day is below 20,000 lines.
pub const EVENT_EVERY: Duration = Duration::from_secs(5);

/// Connections that the kernel completes before they are accepted: room for a burst of clients after a restart.
pub const BACKLOG: i32 = 1024;

/// Silence after which the kernel asks a connection for a sign of life.
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// The time after which the kernel asks again.
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
/// Probes without a reply after which the kernel closes the connection.
pub const KEEPALIVE_TRIES: u32 = 6;

/// Write buffers that a loop keeps for the next connections that need one.
pub const BUFFERS_KEPT: usize = 64;
/// Bytes of the largest write buffer that is kept. A larger one is given back to the allocator.
pub const BUFFER_KEPT: usize = 64 << 10;

/// A loop that does not end within this time after its grace time is stuck in a handler, and is left behind.
pub const END_MARGIN: Duration = Duration::from_secs(1);

/// The longest wait for the counters of a loop that is busy.
pub const COUNTERS_WAIT: Duration = Duration::from_secs(1);

/// Bytes of a client's write buffer that are kept for the next write, and of the room of a long reply that are kept for the
/// next one: a fresh megabyte costs 256 page faults, which is more than all copies of it together.
pub const CLIENT_BUFFER_KEPT: usize = 2 << 20;

/// An address that has not answered for this time is tried beside the next one: long enough for a round trip to any place, so that
/// mostly the first one is used (RFC 8305, section 5, recommends it).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Most addresses of one name that are used: one for each attempt in 16 s, more than a name has that fits in one reply of a
/// name server.
pub const MAX_ADDRESSES: usize = 64;

/// The shortest time between two lookups of a name by one client: a name server is not asked for each failed attempt.
pub const RESOLVE_EVERY: Duration = Duration::from_secs(1);

/// A HELLO without a WELCOME is sent again after this part of the time to connect, and then after twice as long each time:
/// it is sent three times again, and a slow server gets few of them.
pub const HELLO_SHARE: u32 = 8;

/// A connection whose bytes cannot be read is tried again after this many first pauses: the peer may go on like this.
pub const GARBLED_PAUSES: u32 = 10;

/// Frames for each slot of a client that may wait to be sent before those that are out of date are dropped: a call or a
/// CANCEL, an ACK, and one more of either.
pub const STALE_PER_SLOT: usize = 3;
/// Frames of a client without a slot that may wait beside them: HELLO, PING, METHODS.
pub const STALE_SPARE: usize = 12;

/// The time for which the background worker leaves started calls to the thread that started them: a thread that starts many
/// calls and then waits sends all of them with one write.
pub const BACKGROUND_TICK: Duration = Duration::from_millis(1);

/// The longest path of a Unix socket, in bytes, without the byte that ends it: the kernel's structure has 108 bytes on Linux, and
/// 104 on the BSDs and macOS.
pub const MAX_UNIX_PATH: usize =
    if cfg!(any(target_os = "linux", target_os = "android")) { 107 } else { 103 };

/// Attempts to lock the folder of a Unix socket while another server binds there, which takes it a few system calls. With
/// [`FOLDER_LOCK_PAUSE`] they last a second: a process that keeps the lock for longer does not hold up the start of a server.
pub const FOLDER_LOCK_TRIES: usize = 200;

/// The pause between two attempts to lock the folder of a Unix socket.
pub const FOLDER_LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Most sockets that one server listens at: a few addresses and a few paths.
pub const MAX_LISTENERS: usize = 64;

/// A client that its own threads have not driven for this time is idle: the background worker sends its ACKs and answers GOAWAY.
/// Shorter, and it would look at busy clients more than 20 times a second; longer, and servers that stop would wait.
pub const IDLE_AFTER: Duration = Duration::from_millis(50);

/// A client's connection that was not driven for this time is read once before a new call is sent: if the server has closed
/// it meanwhile, the call stays unsent and is not needlessly unknown.
pub const STALE_CONNECTION: Duration = Duration::from_millis(2);

/// The bounds and times of a server. The defaults are those that `docs/at_most_once.md` describes.
#[doc = include_str!("limits/server_limits.md")]
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Most slots granted to a session. A client asks for 64 by default, and for [`MAX_SLOTS`] at most.
    pub slots: u16,
    /// Longest frame body in both directions, in bytes. Larger values are to be sent in pages.
    pub max_frame: usize,
    /// Most levels of nesting of an argument and of a reply: each option, list, map, tuple, struct, enum and newtype is one. Clients
    /// need it as well, in [`ClientLimits::nesting`]. Beyond the default each thread that runs handlers gets [`STACK_PER_LEVEL`] for
    /// each level, which takes memory only where it is used. A [`Responder`](crate::Responder) encodes on the thread that replies.
    pub nesting: u32,
    /// Most sessions at a time, of all loops together: 65,536 x 64 slots x 32 bytes = 128 MiB of records if all of them use
    /// every slot; 2 GiB if every client asks for 1,024. What a slot takes beyond its record is bounded by `queue`, `threads`
    /// and `replies`.
    pub sessions: usize,
    /// Most sessions from one source, divided among the loops like `sessions`, which get at least one each; `None`: a quarter of
    /// `sessions`, so that no one address can lock all others out. A source is an IPv4 address, the first 64 bits of an IPv6
    /// address, or, over Unix sockets, a user of this machine. Beyond it the source's own oldest session of which no call ever began makes room, or the client is told to wait.
    pub sessions_per_source: Option<usize>,
    /// The time that a session outlives its connection: long enough for a switch to reboot.
    pub lease: Duration,
    /// Longest reply that is kept for a client that asks again, in bytes. A method may set its own limit.
    pub max_cached_reply: usize,
    /// Most bytes of kept replies of one session, whatever its slots: 64 of the longest. A reply beyond it is recorded as executed
    /// and not kept.
    pub session_replies: usize,
    /// Most bytes of kept replies, of all sessions together. While more than half of it is used, a session keeps at most an equal
    /// share of the other half.
    pub reply_budget: usize,
    /// Most kept replies, of all sessions together, with equal shares like `reply_budget`. Each takes up to 64 bytes beside its own,
    /// so 1,048,576 of them are 64 MiB; and room for up to twice its bytes and 256 more where a longer one was before.
    pub replies: usize,
    /// Kept replies older than this are released when room is short: their callers have asked again by then.
    pub reply_age: Duration,
    /// Most calls that wait to run, of all sessions of a loop together. A call beyond it is refused as busy.
    pub queue: usize,
    /// Most calls of methods that reply later that have begun and not ended, of all sessions of a loop together. One session has at
    /// most half of them, and beyond half each has an equal share of the rest. A call beyond it is refused as busy. Such a call holds
    /// no thread, but about 600 bytes here (its data, its deadline, its responder), and what its service keeps for it: 65,536 of
    /// them are 40 MiB.
    pub held: usize,
    /// Most bytes of arguments that wait to run, of all sessions of a loop together.
    pub queue_bytes: usize,
    /// Bytes of arguments of one session that wait to run at which its connection is not read: a long argument waits in
    /// the network, not in the server.
    pub queue_pause: usize,
    /// The pause that a busy server suggests.
    pub retry_after: Duration,
    /// Unsent bytes of a connection at which it is not read, and no queued call of its session begins: its peer sends calls
    /// faster than it reads replies.
    pub unsent_pause: usize,
    /// Most unsent bytes of a connection, beside one reply that may always be appended below `unsent_pause`. Only slow calls
    /// that run side by side and return more than ever before come near it: see [`UNSENT_EXPECTED`]. A reply that does not
    /// fit is recorded as executed and not kept, and the client is told.
    pub unsent_most: usize,
    /// Most unsent bytes of all connections together. Beyond half of it each connection has an equal share of the rest, and
    /// a reply beyond that is recorded as executed and not kept.
    pub unsent_budget: usize,
    /// Most bytes of room for frames that have begun and not ended, of all connections together. Beyond it connections with
    /// long ones are cut, those first that have been silent longest; their sessions live. At least one frame always fits.
    pub frames_budget: usize,
    /// A connection whose unsent bytes do not move for this time is closed. Its replies stay kept.
    pub unsent_stall: Duration,
    /// A drain ends by force after this time: queued calls are refused, running ones are left behind.
    pub grace: Duration,
    /// A drained connection is closed this time after its last reply was written.
    pub drain_linger: Duration,
    /// A drain waits this long for a client without a connection that has not fetched a reply, from the later of its detachment
    /// and the begin of the drain: a client that lives is back within two seconds, and a dead one must not hold the server.
    pub drain_detached: Duration,
    /// Most handlers that run at once, on their own threads if they are slow. The number is divided among the loops, which get
    /// at least [`MIN_THREADS`] each. A session may take a thread for a slow call while it has fewer than are left, the one
    /// that drives the loop included: half of them, if it is alone. All sessions of one source address together may have
    /// [`SOURCE_SHARE`] times as many. Beyond that, and when a loop has one thread left, calls of methods that are known to be
    /// slow are refused as busy. A method that is not known to be slow still runs, unless that many calls of its source were
    /// late and still run; if it is slow and no thread is left, its loop waits for it.
    pub threads: usize,
    /// The time for which a loop looks for events again and again before it sleeps; zero: it sleeps at once. Between two
    /// cores it takes the wake-up out of a short call, and costs its core while there is nothing to do for less than that.
    pub spin: Duration,
    /// Most connections at a time. At this number accepting pauses, and the connections that have been idle longest are closed.
    pub connections: usize,
    /// Most connections from one source, which `sessions_per_source` explains; `None`: half of `connections`, or of the
    /// descriptors that the process may have if those are fewer, so that no one address can lock all others out. A connection
    /// beyond it is told to wait, and closed.
    pub connections_per_source: Option<usize>,
}

impl ServerLimits {
    /// Returns the share of one of `loops` loops: the bounds that are for all of them together are divided.
    pub(crate) fn of_one_loop(mut self, loops: usize) -> Self {
        let loops = loops.max(1);
        self.sessions = (self.sessions / loops).max(1);
        self.sessions_per_source = self.sessions_per_source.map(|most| (most / loops).max(1));
        self.reply_budget /= loops;
        self.replies = (self.replies / loops).max(usize::from(self.replies > 0));
        self.unsent_budget /= loops;
        self.frames_budget = (self.frames_budget / loops).max(self.max_frame + HEADER);
        self
    }

    /// Returns the most sessions from one source.
    pub(crate) fn sessions_of_source(&self) -> usize {
        self.sessions_per_source.unwrap_or(self.sessions.div_ceil(4))
    }

    /// Returns the most bytes of kept replies of a session with so many slots (V19).
    pub(crate) fn replies_of_session(&self, slots: u16) -> usize {
        self.max_cached_reply.saturating_mul(usize::from(slots)).min(self.session_replies)
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            slots: MAX_SLOTS,
            max_frame: 4 << 20,
            nesting: DEFAULT_NESTING,
            sessions: 65_536,
            sessions_per_source: None,
            lease: Duration::from_secs(60),
            max_cached_reply: 16 << 10,
            session_replies: 1 << 20,
            reply_budget: 256 << 20,
            replies: 1 << 20,
            reply_age: Duration::from_secs(60),
            queue: 65_536,
            held: 65_536,
            queue_bytes: 64 << 20,
            queue_pause: 256 << 10,
            retry_after: Duration::from_millis(50),
            unsent_pause: 256 << 10,
            unsent_most: 64 << 20,
            unsent_budget: 256 << 20,
            frames_budget: 256 << 20,
            unsent_stall: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            drain_linger: Duration::from_secs(2),
            drain_detached: Duration::from_secs(5),
            threads: 256,
            connections: 65_536,
            spin: Duration::ZERO,
            connections_per_source: None,
        }
    }
}

/// Longest pause that a client keeps because a server asks for it, in BUSY or in a reply: one wrong or hostile frame must not
/// silence a client for the 49 days that its field can say, and a server that is busy for longer asks again.
pub const LONGEST_PAUSE_ASKED: Duration = Duration::from_secs(30);

/// Most processes, each forked from the one before, that use the same client or the same names: a daemon forks twice, and a
/// client has a cell of 16 bytes for each.
pub const MAX_FORKS: usize = 8;

/// A client saves up the retries of this many seconds: enough for a burst after a restart of the server.
pub const RETRY_SECONDS: u64 = 10;
