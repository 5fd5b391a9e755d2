//! A small network in virtual time, whose faults are a list: the first frame gets the first fate, and so on.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;

use crate::story::tell;

/// The time of a frame on its way, in milliseconds.
pub const TRAVEL: u64 = 10;

/// The fate of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It does not arrive.
    Lost,
    /// It arrives, and a copy arrives later.
    Doubled {
        /// The time between the two.
        after: u64,
    },
    /// It arrives late.
    Late {
        /// The time that it is late.
        by: u64,
    },
}

impl Fate {
    /// Draws a fate: half of the frames arrive as they should.
    pub fn draw(random: &mut Rng) -> Self {
        let time = 20 * random.u64(1..=20);
        match random.u8(0..10) {
            0..=4 => Fate::Arrives,
            5..=6 => Fate::Lost,
            7..=8 => Fate::Doubled { after: time },
            _ => Fate::Late { by: time },
        }
    }

    /// Returns what is told of it.
    fn text(self) -> &'static str {
        match self {
            Fate::Arrives => "",
            Fate::Lost => "; the network loses it",
            Fate::Doubled { .. } => "; the network doubles it",
            Fate::Late { .. } => "; the network delays it",
        }
    }
}

/// Returns lists that are simpler by one thing: shorter, or with one frame that arrives.
pub fn simpler_fates(fates: &[Fate]) -> Vec<Vec<Fate>> {
    let shorter = fates.split_last().map(|(_, rest)| rest.to_vec());
    let calmer = (0..fates.len()).filter(|at| fates[*at] != Fate::Arrives).map(|at| {
        let mut fates = fates.to_vec();
        fates[at] = Fate::Arrives;
        fates
    });
    shorter.into_iter().chain(calmer).collect()
}

/// The events to come, each at its time.
pub struct Net<E> {
    now: u64,
    fates: VecDeque<Fate>,
    agenda: BTreeMap<(u64, u64), E>,
    count: u64,
}

impl<E: Clone> Net<E> {
    /// Returns a network with these fates. Frames beyond the list arrive.
    pub fn new(fates: &[Fate]) -> Self {
        Net { now: 0, fates: fates.iter().copied().collect(), agenda: BTreeMap::new(), count: 0 }
    }

    /// Returns the time in milliseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Sends a frame, and tells its fate behind `line`.
    pub fn send(&mut self, line: &str, frame: E) {
        let fate = self.fates.pop_front().unwrap_or(Fate::Arrives);
        tell(format!("{line}{}", fate.text()));
        match fate {
            Fate::Arrives => self.later(TRAVEL, frame),
            Fate::Lost => {}
            Fate::Late { by } => self.later(TRAVEL + by, frame),
            Fate::Doubled { after } => {
                self.later(TRAVEL, frame.clone());
                self.later(TRAVEL + after, frame);
            }
        }
    }

    /// Lets something happen after a time.
    pub fn later(&mut self, after: u64, event: E) {
        self.count += 1; // of two events at one time the first one comes first
        self.agenda.insert((self.now + after, self.count), event);
    }

    /// Returns the next event that happens until then, and moves the time there. Returns `None` if there is none; the time is then
    /// `until`.
    pub fn next(&mut self, until: u64) -> Option<E> {
        match self.agenda.first_entry() {
            Some(first) if first.key().0 <= until => {
                self.now = self.now.max(first.key().0);
                Some(first.remove())
            }
            _ => {
                self.now = self.now.max(until);
                None
            }
        }
    }
}
