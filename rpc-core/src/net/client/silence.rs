//! Layer 4: connections on which nothing comes: how long a client waits for the first byte, and what it means if none came.
//!
//! ```text
//!  connected --> 250 ms without a byte --> another address is untried, and none was tried in vain before?  it is tried
//!                                          else: the protocol's own time
//! ```
//! A kernel accepts connections for a process that hangs, and a proxy for a server that has gone.

use crate::ids::Time;
use crate::limits::ATTEMPT_DELAY;

/// The bytes that a client waits for on its connection, and those that did not come on the ones before.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// True once a byte has come on this connection.
    is_heard: bool,
    /// The time until which the first byte is waited for, while another address could be tried.
    answer_by: Option<Time>,
    /// True once every address was tried in vain: from then on each gets all of its time.
    is_patient: bool,
    /// True if all attempts of this round were refused, or closed by the other side before a byte of it had come.
    only_silent: bool,
}

impl Silence {
    /// Notes that a connection is tried; `is_first`: the first one of a round.
    pub(super) fn begin(&mut self, is_first: bool) {
        self.is_heard = false;
        self.answer_by = None;
        self.only_silent |= is_first;
    }

    /// Notes that no attempt was connected; `refused`: since nothing listens there.
    pub(super) fn not_connected(&mut self, refused: bool) {
        self.only_silent &= refused;
    }

    /// Notes what was read. Bytes that have come are an answer, whatever they are.
    pub(super) fn note_read(&mut self, has_bytes: bool) {
        self.is_heard |= has_bytes;
    }

    /// Notes that the connection ends; `by_peer`: the other side has ended it.
    pub(super) fn end(&mut self, by_peer: bool) {
        self.only_silent &= by_peer && !self.is_heard;
        self.answer_by = None;
    }

    /// Returns true if no byte has come in time on the present connection, so that another address is better.
    pub(super) fn is_too_long(&mut self, now: Time) -> bool {
        if self.is_heard || self.is_patient {
            self.answer_by = None;
            return false;
        }
        *self.answer_by.get_or_insert_with(|| now.plus(ATTEMPT_DELAY)) <= now
    }

    /// Notes that there is no other address to be tried.
    pub(super) fn wait(&mut self) {
        self.is_patient = true;
        self.answer_by = None;
    }

    /// Notes that a server has answered: from then on a silent address is left soon again.
    pub(super) fn answered(&mut self) {
        self.is_patient = false;
    }

    /// Returns the time at which [`Silence::is_too_long`] is to be asked next.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.answer_by.filter(|_| !self.is_heard)
    }

    /// Returns true if at each address of the round nothing listens, or what listens there closes each connection without a byte.
    pub(super) fn only_silent(&self) -> bool {
        self.only_silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_connection_is_left_after_its_time_and_one_that_has_brought_a_byte_never() {
        for heard in [false, true] {
            let mut silence = Silence::default();
            let mut now = Time(5);
            silence.begin(true);
            assert!(!silence.is_too_long(now));
            assert_eq!(silence.poll_timeout(), Some(now.plus(ATTEMPT_DELAY)));
            silence.note_read(heard);
            now = Time(now.plus(ATTEMPT_DELAY).0 - 1);
            assert!(!silence.is_too_long(now));
            assert_eq!(silence.is_too_long(Time(now.0 + 1)), !heard);
        }
    }

    #[test]
    fn after_a_round_in_vain_each_address_gets_all_of_its_time_until_a_server_has_answered() {
        let mut silence = Silence::default();
        let late = Time(0).plus(10 * ATTEMPT_DELAY);
        let leaves = |silence: &mut Silence| {
            silence.begin(false);
            silence.is_too_long(Time(0)) || silence.is_too_long(late)
        };
        assert!(leaves(&mut silence));
        silence.wait();
        assert!(!leaves(&mut silence) && silence.poll_timeout().is_none());
        silence.answered();
        assert!(leaves(&mut silence));
    }

    #[test]
    fn a_round_is_silent_only_if_each_of_its_attempts_was_refused_or_closed_without_a_byte() {
        let round = |ends: &[(bool, bool)]| {
            let mut silence = Silence::default();
            for (number, (heard, by_peer)) in ends.iter().enumerate() {
                silence.begin(number == 0);
                silence.note_read(*heard);
                silence.end(*by_peer);
            }
            silence.not_connected(true);
            silence.only_silent()
        };
        assert!(round(&[]) || round(&[(false, true)]) && round(&[(false, true), (false, true)]));
        assert!(!round(&[(true, true), (false, true)]), "one has said something");
        assert!(!round(&[(false, false), (false, true)]), "one was left by this side");
    }
}
