//! Layer 4: the events of a client for an operator: connected, resumed, lost, cannot connect, session lost.
//!
//! Each place reports a few events at once and then one in each second, with a count of those that were left out: see `log`.

use super::inner::ClientInner;
use crate::ids::Time;
use crate::log;
use crate::proto::client::ClientCore;

impl ClientInner {
    /// Reports that a session is attached.
    #[cold]
    pub(super) fn report_connected(&self, core: &ClientCore) {
        let (server, incarnation) = (self.peer(), core.incarnation());
        if core.is_resumed() {
            log::info!(%server, ?incarnation, "connected again, and the session is resumed");
        } else {
            log::info!(%server, ?incarnation, "connected, with a new session");
        }
    }

    /// Reports that a connection on which the server had answered is gone, and a session that ended with it.
    #[cold]
    pub(super) fn report_lost(&self, core: &ClientCore, was_good: bool, why: &str) {
        let server = self.peer();
        if core.is_forgotten() {
            log::warn!(%server, "the server restarted or forgot this client: the session is lost");
        } else if was_good && core.has_left_drain() {
            log::info!(%server, "the server is shutting down, and its connection is closed");
        } else if was_good {
            log::warn!(%server, why, "the connection is lost");
        }
    }

    /// Reports that the server could not be reached at any of its addresses.
    #[cold]
    pub(super) fn report_unreachable(&self, core: &ClientCore, now: Time) {
        let Some(outage) = core.outage(now) else { return };
        let (lasts, attempts, why) = (outage.lasts, outage.attempts, outage.failure);
        log::warn!(server = %self.peer(), ?lasts, attempts, %why, "cannot connect");
    }
}
