//! Layer 2: frames from the server: what each kind does to the connection, the session and the calls.
//!
//! ```text
//! frame                      before WELCOME                    while the session is attached
//! WELCOME                    attaches, sends all again         dropped: the network has doubled HELLO
//! SESSION_LOST               the session is given up           an error: the server has just accepted it
//! BUSY                       closes, tries again later         an error, for the same reason
//! REPLY                      dropped: it is sent again         ends its call
//! GOAWAY, PONG, TABLE        dropped                           acted on
//! REJECT                     closes, Version: for good         closes, Version: for good
//! any other                  an error                          an error
//! ```
//! An error is a violation that no network causes: the session is given up, since a resume would bring the same frame again.

use super::ClientCore;
use super::config::TAKES_NO_CLIENT;
use super::connection::Link;
use super::outgoing::OutgoingFrame;
use super::replies::Reply;
use super::session::{self, Session};
use super::slots::Slots;
use crate::error::ProtocolError;
use crate::ids::Time;
use crate::limits::MAX_GREETING;
use crate::proto::UnknownCause;
use crate::wire::frame::{Frame, Kind};
use crate::wire::message::{SESSIONS_STAY, Status, Table, Welcome};
use crate::wire::reject::RejectCode;

impl ClientCore {
    /// Lends the room of a long frame that the connection has begun, so that the driver reads the rest of it to where it stays.
    pub fn lend_room(&mut self) -> Option<Vec<u8>> {
        if self.connection.is_open() { self.connection.decoder.lend_room() } else { None }
    }

    /// Takes the room back, to which `count` bytes were appended that were read.
    pub fn handle_room(&mut self, room: Vec<u8>, count: usize, now: Time) {
        self.connection.decoder.return_room(room, count);
        if count > 0 && self.connection.is_open() {
            self.act_on_frames(now);
        }
    }

    pub(super) fn handle_frame(&mut self, frame: Frame, now: Time) -> Result<(), ProtocolError> {
        let kind = frame.header.kind;
        match (self.connection.is_attached(), kind) {
            (false, Kind::Welcome) => return self.handle_welcome(&frame.body, now),
            (false, Kind::SessionLost) => self.session_is_lost(now),
            (false, Kind::Busy) => {
                if self.session.is_none() {
                    self.nonce.renew(&mut self.calls.random); // another loop of the server may have room
                }
                self.connection.fail(TAKES_NO_CLIENT, frame.header.pause(), now);
            }
            (_, Kind::Reject) => self.handle_reject(&frame, now),
            // It overtook WELCOME, or WELCOME was lost: not the server's fault. Replies come again.
            (false, Kind::Reply | Kind::GoAway | Kind::Pong | Kind::Table) => {
                self.calls.counters.stray_replies += u64::from(kind == Kind::Reply);
            }
            (true, Kind::Reply) => return self.handle_reply(frame, now),
            (true, Kind::Pong | Kind::Welcome) => {} // a second WELCOME: the network has doubled our HELLO
            (true, Kind::GoAway) => self.handle_goaway(frame.header.code, now),
            (true, Kind::Table) => {
                if let Some(session) = &mut self.session {
                    let table = Table::decode(&frame.body, session.features)?;
                    session.store_table(table, &self.config);
                    self.wants_session &= !session.has_all_tables();
                }
                let (calls, at) = self.parts(now);
                calls.fill_slots(at); // calls may have waited for it
            }
            _ => return Err(ProtocolError::Unexpected(kind.name())),
        }
        Ok(())
    }

    fn handle_welcome(&mut self, body: &[u8], now: Time) -> Result<(), ProtocolError> {
        let welcome = Welcome::decode(body)?;
        // Attached from here on: an error below is then the server's, and not that of a stream in another protocol.
        self.connection.welcome();
        if !session::fits(&welcome, self.session.as_ref(), &self.config, self.calls.slots.len()) {
            return Err(ProtocolError::BadBody("WELCOME"));
        }
        if !welcome.resumed {
            self.calls.counters.sessions += 1;
            // A session is lost before another one begins, and `give_session_up` has emptied its slots: no call is
            // dropped here. The numbers of the new slots begin with 1.
            self.calls.slots = Slots::new(welcome.slots);
        }
        let session = Session::new(&welcome, &self.config, self.session.take());
        let most = self.config.limits.max_frame.max(MAX_GREETING);
        // The next frame may be in the decoder already, behind WELCOME: it is read by these terms.
        self.connection.decoder.agree(most, true, session.has_checksums());
        self.wants_session = !session.has_all_tables();
        self.incarnation = Some(session.incarnation);
        self.session = Some(session);
        self.ask_for_tables();
        let (calls, at) = self.parts(now);
        // Calls that are in slots first: they have waited longest.
        calls.send_everything_again(at);
        calls.fill_slots(at);
        Ok(())
    }

    /// Asks for the methods of services that differ, until they arrive: METHODS or TABLE may be lost with a connection.
    pub(super) fn ask_for_tables(&mut self) {
        let missing = self.session.as_ref().map(|session| session.missing_tables(&self.config));
        for index in missing.unwrap_or_default() {
            self.calls.outgoing.push(OutgoingFrame::Methods(index));
        }
    }

    fn handle_reply(&mut self, frame: Frame, now: Time) -> Result<(), ProtocolError> {
        let status = Status::from_code(frame.header.code)?;
        if !self.session.as_ref().is_some_and(|session| session.knows(status)) {
            return Err(ProtocolError::BadBody("REPLY"));
        }
        // Before the number is looked at: a stray reply is a sign of a working server as well.
        self.connection.succeed();
        let (name, size, after) = (frame.header.call(), frame.body.len(), frame.header.pause());
        let reply = Reply::new(status, frame, self.config.limits.max_frame);
        if self.journal.is_some() {
            self.note_reply(name, &reply);
        }
        let (calls, at) = self.parts(now);
        // The last reply that a draining server owes: nothing keeps the client there any longer.
        if calls.handle_reply(name, size, after, reply, at)? && self.connection.link() == Link::Draining {
            self.calls.leave_if_idle();
        }
        Ok(())
    }

    /// GOAWAY: sent calls are waited for, all others wait for another server, and an idle client leaves with BYE.
    fn handle_goaway(&mut self, code: u8, now: Time) {
        // A call whose bytes were given to the socket may run, so it stays. One that is still here goes to the next server.
        if self.connection.drain(code & SESSIONS_STAY != 0) {
            self.calls.take_back_unsent(now);
            self.calls.leave_if_idle();
        }
    }

    /// The server closes the connection. If it speaks another version, the driver finds out if all others do as well: see
    /// [`ClientCore::handle_other_versions`].
    fn handle_reject(&mut self, frame: &Frame, now: Time) {
        let code = RejectCode::from_wire(frame.header.code);
        let text = crate::text::received(&frame.body);
        self.connection.reject(code, &format!("the server refused the connection: {text}"), now);
    }

    /// The server does not know the session. Sent calls are unknown for ever, unsent ones move to the next session.
    fn session_is_lost(&mut self, now: Time) {
        // Without a session this frame is no success: counted as one, it would make the client connect without a pause.
        if self.session.is_some() {
            self.connection.succeed(); // the server is there, and began anew
        }
        // The calls first: they are settled by what was known of the session, then the connection goes.
        self.give_session_up(UnknownCause::SessionLost, now);
        self.connection.forget("the server does not know this session any more", now);
    }

    /// The server did something that the protocol forbids: none of its frames is trusted any more.
    pub(super) fn server_is_broken(&mut self, error: ProtocolError, now: Time) {
        crate::log::warn!(%error, "the server broke the protocol");
        self.calls.counters.broken_server += 1;
        self.give_session_up(UnknownCause::BrokenServer, now);
        self.connection.blame(error);
    }

    pub(super) fn give_session_up(&mut self, cause: UnknownCause, now: Time) {
        self.note_session_over();
        // First, so that a call which is repeated now is checked against no session, and not against the one that ends.
        self.session = None;
        self.nonce.renew(&mut self.calls.random); // the next HELLO opens another session
        let (calls, at) = self.parts(now);
        let unsent = calls.empty_slots(cause, at);
        // The number of slots is one of the terms: WELCOME makes them anew.
        calls.slots = Slots::default();
        calls.waiting.return_all(unsent);
    }
}
