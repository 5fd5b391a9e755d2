//! Layer 2: HELLO: which session a connection carries from then on.

use super::ServerCore;
use super::connection::ConnId;
use super::core::end_session;
use super::filter::Handled;
use super::greeting::{self, Greeting};
use super::keys::SessionKey;
use super::sessions::Room;
use crate::error::ProtocolError;
use crate::ids::{FNV_START, Time, Token, fnv1a};
use crate::wire::message::Hello;

impl ServerCore {
    pub(super) fn handle_hello(&mut self, conn: ConnId, body: &[u8], now: Time) -> Handled {
        let hello = Hello::decode(body)?;
        match greeting::decide(&hello, &self.config, &self.links.sessions, now) {
            Greeting::Open => self.open(conn, &hello, body, now),
            Greeting::Resume(key) => {
                self.counters.resumed += 1;
                if let Some((_, token)) = hello.resume {
                    self.links.sessions.note_token(key, Token(token));
                }
                self.links.resume(conn, key, body, &self.config, now);
                self.links.welcome(conn, key, hello.resume.is_some(), self.drain.is_some(), &self.config);
            }
            Greeting::HandOver(to) => self.handovers.extend(self.links.hand_over(conn, to, body)),
            Greeting::Lost => {
                self.counters.lost += 1;
                self.links.send_session_lost(conn, self.config.incarnation);
            }
        }
        Ok(())
    }

    /// The same HELLO again gets the same WELCOME, since the first one may have been lost. Another one is an error (W8).
    pub(super) fn handle_hello_again(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        body: &[u8],
        now: Time,
    ) -> Handled {
        self.links.strike(conn, 1, now)?;
        let hello = fnv1a(FNV_START, body);
        if self.links.connections.get(conn).is_some_and(|connection| connection.hello != hello) {
            return Err(ProtocolError::Unexpected("second HELLO"));
        }
        // The same flag as the first time: a client takes 'not resumed' for a new session with empty slots.
        let resumed = Hello::decode(body)?.resume.is_some();
        self.links.welcome(conn, key, resumed, self.drain.is_some(), &self.config);
        Ok(())
    }

    fn open(&mut self, conn: ConnId, hello: &Hello, body: &[u8], now: Time) {
        let source = self.links.connections.get(conn).and_then(|c| c.peer).map(|peer| peer.source());
        let draining = self.drain.is_some();
        // Also counted when an unused session makes room: the server was full.
        let room = self.links.sessions.make_room(source, draining, &self.config.limits);
        self.counters.turned_away += u64::from(room != Room::Free);
        self.counters.evicted += u64::from(matches!(room, Room::Evict(_)));
        if room != Room::Free && !draining {
            let (sessions, of_source) =
                (self.links.sessions.len(), self.links.sessions.sources().sessions(source));
            crate::log::warn!(
                ?source,
                of_source,
                sessions,
                evicted = room != Room::Full,
                "no room for one more session"
            );
        }
        match room {
            Room::Free => {}
            Room::Evict(key) => {
                end_session(&mut self.links, &mut self.calls, &mut self.held, key, &self.config.limits, now);
            }
            Room::Full => {
                return self.links.send_last(conn, &self.busy(), &[]);
            }
        }
        let session = greeting::new_session(hello, &self.config, source, &mut self.entropy);
        crate::log::debug!(conn, session = ?session.id, "session opened");
        let key = self.links.sessions.insert(session);
        self.counters.opened += 1;
        self.links.attach(conn, key, body, &self.config);
        self.links.welcome(conn, key, false, draining, &self.config);
    }
}
