//! The bounds of the side port and the buckets of the histograms, each with its reason.

use std::time::Duration;

/// The bounds of one connection to the side port.
///
/// ```
/// use std::time::Duration;
/// use rpc_metrics::{Metrics, PortLimits};
///
/// let mut limits = PortLimits::default();
/// limits.reply_time = Duration::from_secs(30); // for a slow link
/// let port = Metrics::new().serve_within("127.0.0.1:0", limits)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortLimits {
    /// Longest request: its first line and its headers, in bytes.
    pub request_bytes: usize,
    /// The time that a client has for all of its request.
    pub request_time: Duration,
    /// The time that a client has to read all of the reply.
    pub reply_time: Duration,
}

impl Default for PortLimits {
    fn default() -> Self {
        PortLimits { request_bytes: REQUEST_BYTES, request_time: REQUEST_TIME, reply_time: REPLY_TIME }
    }
}

/// A request of Prometheus has some 300 bytes; 8 KiB is what web servers allow.
const REQUEST_BYTES: usize = 8 << 10;

/// Connections are served one after the other, and Prometheus waits 10 s for its page: a few silent clients before it do not cost it.
const REQUEST_TIME: Duration = Duration::from_secs(2);

/// A page has some 100 KB, which a slow link carries in that time.
const REPLY_TIME: Duration = Duration::from_secs(5);

/// The most headers of a request; Prometheus sends six.
pub(crate) const HEADERS: usize = 64;

/// The most bytes that are read and dropped after a refused request, so that the client can read the reason before its connection
/// is reset.
pub(crate) const DROPPED_BYTES: usize = 64 << 10;

/// The time for them: the next client waits for it.
pub(crate) const DROPPED_TIME: Duration = Duration::from_millis(200);

/// The pause after an error of accepting. The usual one, no free descriptor, stays for a while and must not keep a core busy.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The time for the connection by which a port that is dropped wakes its own thread. It is on this machine.
pub(crate) const WAKE_TIME: Duration = Duration::from_millis(200);

/// The upper bounds of the buckets, in seconds: 50 us is a call on one machine, and 10 s twice the default deadline.
pub(crate) const BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
