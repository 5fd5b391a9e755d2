//! Layer 2: idle connections, which are closed when there is no room for a new one.

use super::ServerCore;
use super::connection::{Connection, Stage};
use super::links::Links;
use crate::ids::Time;
use crate::limits::{IDLE_LEAST, IDLE_MOST, IDLE_PART};

impl ServerCore {
    /// Closes idle connections: one in [`IDLE_PART`] of all connections, first those without a session, then those that have been
    /// idle longest. Their sessions live, and their clients connect again with the next call. Returns their number.
    ///
    /// A client sends HELLO at once. A connection that is silent instead has less to lose than a client between two calls, which
    /// has been idle for longer, as a rule: it must not be closed for strangers that only connect.
    ///
    /// The driver asks for it when it can accept no connection.
    pub fn close_idle(&mut self, now: Time) -> usize {
        let links = &self.links;
        let idle = links.connections.iter().filter(|(_, connection)| links.is_idle(connection, now));
        let order = |connection: &Connection| (!connection.is_greeting(), connection.active_at);
        let mut idle: Vec<_> = idle.map(|(conn, c)| (order(c), conn)).collect();
        idle.sort_unstable();
        idle.truncate((links.connections.len() / IDLE_PART).clamp(1, IDLE_MOST));
        for (_, conn) in &idle {
            self.links.cut(*conn, &self.config.limits, now);
        }
        self.counters.idle_closed += idle.len() as u64;
        idle.len()
    }
}

impl Links {
    /// Returns true if nothing of a connection is under way, and nothing was for a while.
    fn is_idle(&self, connection: &Connection, now: Time) -> bool {
        let is_quiet = connection.is_open()
            && now.since(connection.active_at) >= IDLE_LEAST
            && connection.outgoing.unsent().is_empty()
            && !connection.input.has_unread()
            && !connection.input.is_mid_frame();
        is_quiet
            && match connection.stage {
                Stage::Attached(key) => self.sessions.get(key).is_none_or(|s| s.sums.active == 0),
                _ => true,
            }
    }
}
