//! Layer 0: the bounds and times of a client.

use std::time::Duration;

use super::{Bounds, DEFAULT_NESTING, Nesting};

/// Vectors of arguments that a thread keeps for its next calls: as many calls as a thread has in flight that makes the most of its
/// connection.
pub const ARGUMENTS_KEPT: usize = 256;

/// Bytes of the longest vector of arguments that a thread keeps, so that it keeps 128 KiB at most.
pub const ARGUMENTS_LONGEST: usize = 512;

/// Bytes of a new vector of arguments: most arguments fit, so that it need not grow.
pub const ARGUMENTS_ROOM: usize = 96;

/// The bounds and times of a client.
///
/// ```
/// use std::time::Duration;
/// use rpc_core::{ClientLimits, Connector};
///
/// let limits = ClientLimits { slots: 256, connect: Duration::from_millis(500), ..ClientLimits::default() };
/// limits.check()?; // `connect` does that too
/// let connector = Connector::new().limits(limits);
/// # Ok::<(), rpc_core::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientLimits {
    /// Slots that the client asks for: calls in flight at once. Enough for many threads, and 2 KiB of records on the server.
    pub slots: u16,
    /// Most calls that wait for a slot. A call beyond it is refused at once.
    pub waiting: usize,
    /// The time until a call is sent again on a live connection. It doubles each time, up to `resend_cap`.
    pub resend_first: Duration,
    /// Longest time between two transmissions of a call.
    pub resend_cap: Duration,
    /// The reply in a slot that is not used again is acknowledged after this time.
    pub ack_delay: Duration,
    /// A reply of at least this many bytes is acknowledged at once, since the server keeps it until then.
    pub ack_at_once: usize,
    /// Silence after which a client that waits for a reply asks for a sign of life. With `ping_limit` a dead connection is left
    /// after 8 s: long enough for a server that stands still for some seconds, so that not all clients connect again.
    pub ping_after: Duration,
    /// PINGs in a row without a byte in return after which the connection is closed.
    pub ping_limit: u32,
    /// The first upper bound of the pause before the client connects again. It doubles each time, up to `backoff_cap`. The pause
    /// is random below the bound (full jitter).
    pub backoff_first: Duration,
    /// Longest upper bound of the pause before connecting again: a server that is back is found after half of it on average, and a
    /// thousand clients make two thousand attempts in a second.
    pub backoff_cap: Duration,
    /// Longest time of one attempt to connect and to receive WELCOME.
    pub connect: Duration,
    /// After this time with all slots orphaned, a second session takes the new calls.
    pub all_orphaned: Duration,
    /// Most bytes of one write.
    pub write_batch: usize,
    /// Attempts beyond the first that a new client may make, and that it earns in each second: of busy calls, and of
    /// idempotent calls whose reply is lost. It saves up at most [`RETRY_SECONDS`](super::RETRY_SECONDS) times as many: a crowd of clients must
    /// not keep a server busy.
    pub retry_budget: f64,
    /// The time for which a caller that waits for a reply looks for events again and again before it sleeps; zero: it sleeps at once. Between two
    /// cores it takes the wake-up out of a short call, and costs its core while there is nothing to do for less than that.
    pub spin: Duration,
    /// Longest body of a reply that the client accepts, in bytes.
    pub max_frame: usize,
    /// Most levels of nesting of an argument and of a reply, as [`ServerLimits::nesting`](super::ServerLimits::nesting): both sides
    /// need it. A call is encoded and its reply is decoded on the thread of the caller, so a thread that makes calls with deeper
    /// values than the default needs the stack for them: [`STACK_PER_LEVEL`](super::STACK_PER_LEVEL) for each level.
    pub nesting: u32,
}

impl ClientLimits {
    /// Returns the bounds of the arguments of a call. Its reply may be nested as deep.
    #[doc(hidden)] // for the drivers of a client: `net` and the simulator
    pub fn bounds_of_a_value(&self) -> Bounds {
        Bounds { bytes: self.max_frame, nesting: Nesting::of_client(self.nesting) }
    }
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
            ping_after: Duration::from_secs(2),
            ping_limit: 3,
            backoff_first: Duration::from_millis(50),
            backoff_cap: Duration::from_secs(1),
            connect: Duration::from_secs(2),
            all_orphaned: Duration::from_secs(10),
            write_batch: 256 << 10,
            retry_budget: 10.0,
            spin: Duration::ZERO,
            max_frame: 4 << 20,
            nesting: DEFAULT_NESTING,
        }
    }
}

/// The deadline of a call that has no other: short enough for a person to wait.
///
/// ```
/// use rpc_core::{Connector, DEFAULT_DEADLINE};
///
/// let patient = Connector::new().deadline(3 * DEFAULT_DEADLINE);
/// ```
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
