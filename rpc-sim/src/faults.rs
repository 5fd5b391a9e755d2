//! The faults that a network may make in frames and connections: one description for the simulator and for the TCP fault proxy.

use std::time::Duration;

/// Faults by their probability (0 to 1). Begin with [`Faults::none`] or [`Faults::bad`] and change what you like.
///
/// ```
/// use std::time::Duration;
/// use rpc_sim::Faults;
///
/// let slow_and_lossy = Faults::none().drop(0.1).delay(Duration::from_millis(50), Duration::from_millis(300));
/// let worse = Faults { half_open: 1.0, ..slow_and_lossy.clone().cut(0.05) };
/// assert_eq!(worse.drop, slow_and_lossy.drop);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// A frame is swallowed.
    pub drop: f64,
    /// A frame comes twice, the second time later.
    pub duplicate: f64,
    /// A frame is overtaken by those behind it.
    pub reorder: f64,
    /// One bit of a frame is turned.
    pub corrupt: f64,
    /// A frame is held up for longer than `delay` says, and those behind it wait.
    pub stall: f64,
    /// Shortest and longest time that a frame takes.
    pub delay: (Duration, Duration),
    /// Longest time by which a reordered, repeated or stalled frame is late.
    pub late: Duration,
    /// The connection is cut at a frame; half of the times in the middle of it.
    pub cut: f64,
    /// One side is not told of a cut for a while: the connection is half open.
    pub half_open: f64,
    /// A connection is refused.
    pub refuse: f64,
    /// Bytes are read in two pieces, or together with the bytes after them.
    pub split: f64,
    /// A write takes a part of what it was given.
    pub short_write: f64,
}

impl Faults {
    /// A network that loses nothing; frames take a millisecond at the most.
    pub fn none() -> Self {
        Faults {
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            corrupt: 0.0,
            stall: 0.0,
            delay: (Duration::from_micros(50), Duration::from_millis(1)),
            late: Duration::from_millis(200),
            cut: 0.0,
            half_open: 0.0,
            refuse: 0.0,
            split: 0.0,
            short_write: 0.0,
        }
    }

    /// A bad day: one frame in twenty is lost, repeated or overtaken, and connections are cut now and then.
    pub fn bad() -> Self {
        Faults {
            drop: 0.05,
            duplicate: 0.05,
            reorder: 0.05,
            stall: 0.02,
            late: Duration::from_millis(500),
            cut: 0.01,
            half_open: 0.2,
            refuse: 0.1,
            split: 0.2,
            short_write: 0.1,
            ..Faults::none()
        }
    }

    /// Frames are swallowed.
    pub fn drop(mut self, probability: f64) -> Self {
        self.drop = probability;
        self
    }

    /// Frames come twice.
    pub fn duplicate(mut self, probability: f64) -> Self {
        self.duplicate = probability;
        self
    }

    /// Frames overtake each other.
    pub fn reorder(mut self, probability: f64) -> Self {
        self.reorder = probability;
        self
    }

    /// Bits are turned.
    pub fn corrupt(mut self, probability: f64) -> Self {
        self.corrupt = probability;
        self
    }

    /// Frames are held up.
    pub fn stall(mut self, probability: f64) -> Self {
        self.stall = probability;
        self
    }

    /// The time that a frame takes.
    pub fn delay(mut self, shortest: Duration, longest: Duration) -> Self {
        self.delay = (shortest, longest);
        self
    }

    /// The longest delay of a reordered, repeated or stalled frame.
    pub fn late(mut self, longest: Duration) -> Self {
        self.late = longest;
        self
    }

    /// Connections are cut.
    pub fn cut(mut self, probability: f64) -> Self {
        self.cut = probability;
        self
    }

    /// One side of a cut connection does not notice for a while.
    pub fn half_open(mut self, probability: f64) -> Self {
        self.half_open = probability;
        self
    }

    /// Connections are refused.
    pub fn refuse(mut self, probability: f64) -> Self {
        self.refuse = probability;
        self
    }

    /// Reads are split and joined.
    pub fn split(mut self, probability: f64) -> Self {
        self.split = probability;
        self
    }

    /// Writes take a part.
    pub fn short_write(mut self, probability: f64) -> Self {
        self.short_write = probability;
        self
    }
}

impl Default for Faults {
    fn default() -> Self {
        Faults::none()
    }
}

/// The faults made in frames and connections so far.
///
/// ```
/// use rpc_core::{Health, HealthClient};
/// use rpc_sim::{Faults, FaultsSeen, Network};
///
/// let network = Network::new(3, Faults::none().drop(0.3));
/// network.serve(Health::new());
/// let health: HealthClient = network.client();
/// let replies = (0..50).filter(|_| health.check().is_ok()).count();
/// let FaultsSeen { dropped, forwarded, .. } = network.faults_seen();
/// println!("{replies} replies, {dropped} frames lost of {}", dropped + forwarded);
/// assert!(dropped > 0, "a test without faults proves nothing");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultsSeen {
    /// Frames passed on, copies included.
    pub forwarded: u64,
    /// Frames swallowed.
    pub dropped: u64,
    /// Frames passed on twice.
    pub duplicated: u64,
    /// Frames overtaken.
    pub reordered: u64,
    /// Frames with a bit turned.
    pub corrupted: u64,
    /// Frames held up.
    pub delayed: u64,
    /// Connections cut.
    pub cut: u64,
    /// Connections refused.
    pub refused: u64,
}

impl FaultsSeen {
    /// The sum of two counts.
    pub fn plus(self, other: FaultsSeen) -> FaultsSeen {
        FaultsSeen {
            forwarded: self.forwarded + other.forwarded,
            dropped: self.dropped + other.dropped,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
            corrupted: self.corrupted + other.corrupted,
            delayed: self.delayed + other.delayed,
            cut: self.cut + other.cut,
            refused: self.refused + other.refused,
        }
    }
}
