//! Layer 2: the times at which a frame is sent again until its reply arrives.

use std::time::Duration;

use crate::ids::Time;

/// The next time at which a frame is sent again, and the pause after that.
///
/// The pause doubles with each retransmission, up to a cap, with 20 % of jitter. The source of exponential back-off for
/// retransmissions: V. Jacobson, *Congestion Avoidance and Control*, SIGCOMM 1988. The first pause of 1 s and the doubling are
/// those of RFC 6298 (2.1 and 5.5). Unlike TCP no round-trip time is measured: a handler may take any time, so that a late
/// reply tells nothing about the network.
///
/// Invariants (V20): `pause <= 1.2 * cap`, and `0.8 * 2 * pause <= next pause <= 1.2 * 2 * pause` below the cap. `due` is
/// [`Time::NEVER`] from `take_due` to `note_sent`: one transmission is never counted twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retransmission {
    /// The time at which the frame is sent again; [`Time::NEVER`] while one is still to leave.
    pub(super) due: Time,
    /// The pause after the next transmission.
    pub(super) pause: Duration,
}

impl Retransmission {
    /// A frame that is still to leave for the first time.
    pub(super) fn unsent(first: Duration) -> Self {
        Retransmission { due: Time::NEVER, pause: first }
    }

    /// A frame that leaves now.
    pub(super) fn sent(first: Duration, now: Time) -> Self {
        Retransmission { due: now.plus(first), pause: first }
    }

    /// Returns the time at which the frame is sent again.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    /// Returns the time at which a frame that leaves now is sent again.
    pub(super) fn due_if_sent(&self, now: Time) -> Time {
        now.plus(self.pause)
    }

    /// Notes that the frame has left.
    pub(super) fn note_sent(&mut self, now: Time) {
        self.due = now.plus(self.pause);
    }

    /// Takes a retransmission that is due: the next pause is twice as long. It is not due again before
    /// [`Retransmission::note_sent`].
    pub(super) fn take_due(&mut self, cap: Duration, random: &mut fastrand::Rng, now: Time) -> bool {
        if self.due > now {
            return false;
        }
        self.due = Time::NEVER;
        self.pause = self.pause.saturating_mul(2).min(cap).mul_f64(0.8 + 0.4 * random.f64());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Retransmission;
    use crate::ids::Time;
    use std::time::Duration;

    #[test]
    fn v20_the_pause_doubles_up_to_the_cap_with_a_fifth_of_jitter() {
        let (first, cap) = (Duration::from_secs(1), Duration::from_secs(30));
        let mut random = fastrand::Rng::with_seed(1);
        let mut frame = Retransmission::sent(first, Time(0));
        let mut now = Time(0);
        for step in 0..20 {
            assert!(!frame.take_due(cap, &mut random, now), "step {step}: not before its time");
            let pause = frame.due().since(now);
            let middle = Duration::from_secs(1 << step.min(5)).min(cap);
            assert!(pause <= cap.mul_f64(1.2), "step {step}: {pause:?}");
            assert!(
                step > 2 || (middle.mul_f64(0.6) < pause && pause < middle.mul_f64(1.5)),
                "step {step}: {pause:?}"
            );
            now = frame.due();
            assert!(frame.take_due(cap, &mut random, now));
            assert_eq!(frame.due(), Time::NEVER, "one is still to leave");
            frame.note_sent(now);
        }
        assert!(frame.due().since(now) >= cap.mul_f64(0.8));
    }
}
