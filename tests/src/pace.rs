//! V20: the pauses of a client before it sends a call again, and before it connects again.

use std::collections::HashMap;
use std::time::Duration;

use rpc_core::ids::Time;
use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::wire::frame::Kind;
use rpc_sim::{ClientId, LinkId, Sent, World};

use crate::auditor::TICK;

/// A retransmission may be late by this much where writes take parts: the batches before it may take that long.
const LATE: Duration = Duration::from_secs(10);

/// The last transmission of each call on its connection, and the pauses of clients.
#[derive(Debug, Default)]
pub struct Pace {
    /// The last transmission of each call, by connection, slot and number.
    last: HashMap<(LinkId, u16, u64), Transmission>,
    /// The end of the disturbance of each client's process or clock: a retransmission that was due before it may be late.
    disturbed: HashMap<ClientId, Time>,
    /// Retransmissions whose pauses were looked at.
    pub retransmissions: u64,
}

#[derive(Clone, Copy, Debug)]
struct Transmission {
    left: Time,
    least: Duration,
    most: Duration,
}

impl Pace {
    /// Notes that a client's process stood still or its clock jumped, until then by its own clock.
    pub fn disturb(&mut self, client: ClientId, until: Time) {
        let known = self.disturbed.entry(client).or_default();
        *known = (*known).max(until);
    }

    /// Looks at what was sent.
    ///
    /// # Errors
    /// The pause that was too short or too long.
    pub fn look(&mut self, sent: &Sent, limits: &ClientLimits, short_writes: bool) -> Result<(), String> {
        if sent.kind != Kind::Call {
            return Ok(()); // the pauses of CANCEL are made by the same function
        }
        let key = (sent.link, sent.slot, sent.seq);
        let first = limits.resend_first;
        let Some(last) = self.last.get_mut(&key) else {
            self.last.insert(key, Transmission { left: sent.left, least: first, most: first });
            return Ok(());
        };
        self.retransmissions += 1;
        let pause = sent.made.since(last.left);
        let calm = self.disturbed.get(&sent.client).is_none_or(|until| *until < last.left);
        let late = if short_writes { LATE } else { TICK };
        if pause < last.least || (calm && pause > last.most + late) {
            return Err(format!("V20: sent again after {pause:?}: {last:?} {sent:?}"));
        }
        // Each pause is twice the one before, up to the cap, and up to 20 % more or less.
        last.least = (last.least * 2).min(limits.resend_cap) * 4 / 5;
        last.most = (last.most * 2).min(limits.resend_cap) * 6 / 5;
        last.left = sent.left;
        Ok(())
    }

    /// Looks at the longest time that a client waited before it connected again.
    ///
    /// # Errors
    /// The time, if it was longer than any rule allows.
    pub fn look_at_reconnects(
        &self,
        world: &World,
        client: ClientId,
        limits: &ClientLimits,
        server: &ServerLimits,
    ) -> Result<(), String> {
        let longest = world.client_seen(client).longest_pause;
        let garbled = limits.backoff_first * 10;
        let most = limits.backoff_cap.max(server.retry_after).max(garbled) + Duration::from_millis(1);
        if longest > most && !self.disturbed.contains_key(&client) {
            return Err(format!(
                "V20: client {client} waited {longest:?} before it connected, at most {most:?}"
            ));
        }
        Ok(())
    }
}
