//! Layer 2: the canonical form of a state machine, as numbers, for a search over states: equal forms behave equally.

use std::time::Duration;

use crate::ids::Time;

/// Collects the numbers of a canonical form.
///
/// Times are written relative to the present. All times that have passed are equal, and so are all times beyond the
/// horizon: the search never gets there.
#[derive(Clone, Debug)]
pub struct Canonical {
    now: Time,
    horizon: Time,
    bytes: Vec<u8>,
}

impl Canonical {
    /// Returns an empty form. Its user promises that no more than `horizon` passes in what it compares.
    pub fn new(now: Time, horizon: Duration) -> Self {
        Canonical { now, horizon: now.plus(horizon), bytes: Vec::with_capacity(1024) }
    }

    /// Returns what was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a number.
    pub fn number(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a length or an index.
    pub fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// Writes flags, at most 64.
    pub fn flags(&mut self, flags: &[bool]) {
        self.number(flags.iter().fold(0, |all, flag| all << 1 | u64::from(*flag)));
    }

    /// Writes a name of 128 bits.
    pub fn name(&mut self, name: u128) {
        self.bytes.extend_from_slice(&name.to_le_bytes());
    }

    /// Writes bytes, with their length.
    pub fn data(&mut self, data: &[u8]) {
        self.count(data.len());
        self.bytes.extend_from_slice(data);
    }

    /// Writes a time at which something becomes due.
    pub fn due(&mut self, time: Time) {
        let left = if time > self.horizon { u64::MAX } else { time.0.saturating_sub(self.now.0) };
        self.number(left);
    }

    /// Writes a time at which something becomes due, if it is set.
    pub fn due_if_set(&mut self, time: Option<Time>) {
        self.flags(&[time.is_some()]);
        self.due(time.unwrap_or(Time::NEVER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_times_are_equal_and_so_are_those_beyond_the_horizon() {
        let form = |time: u64| {
            let mut form = Canonical::new(Time(100), Duration::from_micros(50));
            form.due(Time(time));
            form.as_bytes().to_vec()
        };
        assert_eq!(form(3), form(100));
        assert_ne!(form(100), form(101));
        assert_ne!(form(150), form(151));
        assert_eq!(form(151), form(u64::MAX));
    }

    /// The bytes that `write` adds to an empty form at time 100.
    fn written(write: impl FnOnce(&mut Canonical)) -> Vec<u8> {
        let mut form = Canonical::new(Time(100), Duration::from_micros(50));
        write(&mut form);
        form.bytes
    }

    #[test]
    fn every_value_is_in_the_form() {
        let number = |number: u64| number.to_le_bytes().to_vec();
        assert_eq!(written(|form| form.count(7)), number(7));
        assert_eq!(written(|form| form.flags(&[true, false, true, true])), number(0b1011));
        assert_eq!(written(|form| form.name(1 << 100 | 5)), (1u128 << 100 | 5).to_le_bytes());
        assert_eq!(written(|form| form.data(b"ab")), [number(2), b"ab".to_vec()].concat());
        assert_eq!(written(|form| form.due_if_set(Some(Time(130)))), [number(1), number(30)].concat());
        assert_eq!(written(|form| form.due_if_set(None)), [number(0), number(u64::MAX)].concat());
    }
}
