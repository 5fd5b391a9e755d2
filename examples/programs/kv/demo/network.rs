//! The bad network of the demonstration.

use std::time::Duration;

use rpc_sim::Faults;

/// Returns the faults of each frame. They are frequent enough that every kind meets hundreds of calls, and rare enough
/// that a run takes seconds: each lost frame costs its call 100 ms, each cut costs every call in flight a new connection.
pub(crate) fn faults() -> Faults {
    Faults::none()
        .drop(0.03)
        .duplicate(0.03)
        .reorder(0.03)
        .stall(0.02)
        .delay(Duration::from_micros(50), Duration::from_millis(2))
        .late(Duration::from_millis(60))
        .cut(0.002)
}
