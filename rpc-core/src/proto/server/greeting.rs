//! Floor 2: HELLO and what answers it: a new session, an old one resumed, or a reason why not; and the table of methods.

use super::connection::Stage;
use super::session::{Session, SessionKey};
use super::{ConnId, HandOver, ServerCore};
use crate::error::ProtocolError;
use crate::ids::{SessionId, Time, Token};
use crate::limits::MAX_SLOTS;
use crate::wire::frame::{self, Header, Kind};
use crate::wire::message::{
    self, Agreement, FEATURE_NO_BODY_CHECKSUM, FEATURES, Hello, Table, VERSION, Welcome,
};

/// What a stranger is told: somebody who speaks another protocol reads it in a dump of the bytes.
pub(super) fn stranger_text(error: &ProtocolError) -> String {
    match error {
        ProtocolError::Version { .. } => format!("{error}: this server speaks version {VERSION}"),
        _ => "this port speaks the rpc-core protocol (not HTTP, not TLS); see docs/wire.md".to_owned(),
    }
}

impl ServerCore {
    pub(super) fn handle_hello(&mut self, conn: ConnId, body: &[u8], now: Time) -> Result<(), ProtocolError> {
        let hello = Hello::decode(body)?;
        match &hello.resume {
            Some((id, _)) if self.belongs_elsewhere(*id) => self.hand_over(conn, id.loop_number(), body),
            Some((id, token)) => self.resume(conn, &hello, *id, Token(*token), body, now),
            None => self.open(conn, &hello, body),
        }
        Ok(())
    }

    /// The same HELLO again gets the same WELCOME: the first one may have been lost. Another one is an error (W8).
    pub(super) fn handle_hello_again(&mut self, conn: ConnId, body: &[u8]) -> Result<(), ProtocolError> {
        let Some(connection) = self.connections.get(conn) else { return Ok(()) };
        let Stage::Attached(key) = connection.stage else { return Ok(()) };
        if connection.hello != body {
            return Err(ProtocolError::Unexpected("second HELLO"));
        }
        let resumed = Hello::decode(body)?.resume.is_some();
        self.welcome(conn, key, resumed);
        Ok(())
    }

    pub(super) fn handle_methods(&mut self, conn: ConnId, body: &[u8]) -> Result<(), ProtocolError> {
        let name = message::decode_name(body)?;
        let table = match self.config.directory.contract(name) {
            Some(contract) => Table::of(contract),
            None => Table { service: name.to_owned(), methods: Vec::new() },
        };
        self.send(conn, &Header::new(Kind::Table), &table.encode());
        Ok(())
    }

    fn belongs_elsewhere(&self, id: SessionId) -> bool {
        let number = id.loop_number();
        number != self.config.loop_number && usize::from(number) < self.config.loops
    }

    /// Takes the connection out of this loop. Its HELLO is written anew in front of what has not been read.
    fn hand_over(&mut self, conn: ConnId, to_loop: u8, hello: &[u8]) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        connection.stage = Stage::Closed;
        let mut input = Vec::new();
        frame::append(&mut input, &Header::new(Kind::Hello), hello, true);
        input.extend_from_slice(&std::mem::take(&mut connection.decoder).into_rest());
        self.handovers.push_back(HandOver { conn, to_loop, input: input.into() });
    }

    fn open(&mut self, conn: ConnId, hello: &Hello, body: &[u8]) {
        if self.drain.is_some() || !self.make_room(conn) {
            self.counters.turned_away += 1;
            let millis = self.config.limits.retry_after.as_millis() as u32;
            self.send(conn, &Header { millis, ..Header::new(Kind::Busy) }, &[]);
            self.close(conn, Stage::Closing);
            return;
        }
        let mut random = [0; 16];
        random.copy_from_slice(&(self.entropy)()[..16]);
        let id = SessionId::new(self.config.loop_number, random);
        let slots = hello.slots.clamp(1, self.config.limits.slots.min(MAX_SLOTS));
        let mut session = Session::new(id, Token((self.entropy)()), slots);
        session.features = hello.features & FEATURES;
        session.services = hello.services.clone();
        session.agreements = self.agreements(hello);
        session.source = self.connections.get(conn).and_then(|c| c.peer).map(|peer| peer.ip());
        let key = self.sessions.insert(session);
        self.counters.opened += 1;
        self.attach(conn, key, body);
        self.welcome(conn, key, false);
        tracing::debug!(conn, session = ?id, "session opened");
    }

    /// Resumes a session, if it is there and still fits. Unknown, expired and wrong token get the same answer.
    fn resume(&mut self, conn: ConnId, hello: &Hello, id: SessionId, token: Token, body: &[u8], now: Time) {
        let known = self.sessions.find(id).filter(|key| {
            self.sessions.get(*key).is_some_and(|session| {
                session.token.matches(&token)
                    && session.features == hello.features & FEATURES
                    && session.services == hello.services
            })
        });
        let Some(key) = known else {
            self.counters.lost += 1;
            let incarnation = self.config.incarnation.0.to_le_bytes();
            self.send(conn, &Header::new(Kind::SessionLost), &incarnation);
            self.close(conn, Stage::Closing);
            return;
        };
        if let Some(older) = self.sessions.get(key).and_then(|session| session.attached) {
            self.detach(older, now);
            self.close(older, Stage::Closed); // the latest attachment wins; what the older one sent is dropped
        }
        self.counters.resumed += 1;
        self.attach(conn, key, body);
        self.welcome(conn, key, true);
    }

    fn attach(&mut self, conn: ConnId, key: SessionKey, hello: &[u8]) {
        let limit = self.config.limits.max_frame;
        let (Some(connection), Some(session)) = (self.connections.get_mut(conn), self.sessions.get_mut(key))
        else {
            return;
        };
        connection.stage = Stage::Attached(key);
        connection.hello = hello.to_vec();
        connection.outgoing.count_from(session.sent_before);
        connection.decoder.agree(limit, true, session.features & FEATURE_NO_BODY_CHECKSUM == 0);
        session.attached = Some(conn);
        self.linger_anew();
    }

    /// Sends a WELCOME: always with a checksum, since the client learns from it whether later frames have one.
    fn welcome(&mut self, conn: ConnId, key: SessionKey, resumed: bool) {
        let (Some(connection), Some(session)) = (self.connections.get_mut(conn), self.sessions.get(key))
        else {
            return;
        };
        let welcome = Welcome {
            version: VERSION,
            features: session.features,
            incarnation: self.config.incarnation,
            session: session.id,
            token: session.token,
            slots: session.slots,
            max_frame: self.config.limits.max_frame as u32,
            lease_ms: self.config.limits.lease.as_millis() as u32,
            resumed,
            agreements: session.agreements.clone(),
        };
        connection.checksum = true;
        connection.send(&Header::new(Kind::Welcome), &welcome.encode());
        connection.checksum = session.features & FEATURE_NO_BODY_CHECKSUM == 0;
        self.touch(conn);
        if self.drain.is_some() {
            self.send(conn, &Header::new(Kind::GoAway), &[]);
        }
    }

    fn agreements(&self, hello: &Hello) -> Vec<Agreement> {
        let judge = |(name, hash): &(String, u64)| match self.config.directory.contract(name) {
            None => Agreement::Missing,
            Some(contract) if contract.hash == *hash => Agreement::Same,
            Some(_) => Agreement::Differs,
        };
        hello.services.iter().map(judge).collect()
    }

    /// Whether one more session fits. Only a session in which no call was ever admitted is ended for another.
    fn make_room(&mut self, conn: ConnId) -> bool {
        let source = self.connections.get(conn).and_then(|c| c.peer).map(|peer| peer.ip());
        if let (Some(source), Some(most)) = (source, self.config.limits.sessions_per_source) {
            if self.sessions.of_source(source) >= most {
                return false;
            }
        }
        if self.sessions.len() < self.config.limits.sessions {
            return true;
        }
        match self.sessions.evictable() {
            Some(key) => {
                self.counters.turned_away += 1;
                self.counters.evicted += 1;
                self.end_session(key);
                true
            }
            None => false,
        }
    }
}
