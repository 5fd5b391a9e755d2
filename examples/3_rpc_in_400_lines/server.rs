//! The server: one thread and one event loop. It reads what has arrived, decodes frames, asks the filter, runs calls,
//! and writes the replies.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll};
use rpc_core::MonotonicClock;
use rpc_core::Reason;
use rpc_core::contract::{Directory, Entry};
use rpc_core::ids::{CallId, Clock, Incarnation, SessionId, Token};
use rpc_core::service::{CallEnv, Dispatch, Service};
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{Agreement, Hello, Status, Table, VERSION, Welcome, decode_name};

use crate::filter::{Decision, Filter};

/// The number under which the listening socket is registered.
const LISTENER: mio::Token = mio::Token(0);
/// Longest body of a frame after the greeting: enough for this lesson.
pub(crate) const MAX_FRAME: usize = 1 << 20;
/// Most slots of a session: each keeps one reply until the client has it.
const MAX_SLOTS: u16 = 64;
/// Time that a session outlives its connection: longer than a client needs to connect again.
const LEASE: Duration = Duration::from_secs(60);

/// Serves one service.
pub(crate) struct Server {
    poll: Poll,
    pub(crate) listener: TcpListener,
    /// By a number that is never used twice, so that an event of a closed connection finds nothing.
    connections: HashMap<usize, Connection>,
    last_number: usize,
    sessions: HashMap<SessionId, Session>,
    service: Arc<dyn Service>,
    /// Finds a method by the id in a CALL frame.
    directory: Directory,
    /// Identifies this run of the server: a client can see from it that the server was restarted.
    incarnation: Incarnation,
}

/// One TCP connection of a client.
struct Connection {
    number: usize,
    stream: TcpStream,
    decoder: FrameDecoder,
    /// Bytes that the socket has not accepted yet.
    unsent: Vec<u8>,
    /// Set by the greeting.
    session: Option<SessionId>,
}

/// A client's state on the server, kept across its connections.
struct Session {
    /// The secret that a client must send to resume the session.
    token: Token,
    filter: Filter,
    /// The connection that carries the session.
    connection: Option<usize>,
    /// The time at which the last connection was closed.
    detached: Instant,
}

impl Server {
    /// Returns a server that listens at `addr`.
    pub(crate) fn bind(addr: SocketAddr, service: Arc<dyn Service>) -> io::Result<Self> {
        let (poll, mut listener) = (Poll::new()?, TcpListener::bind(addr)?);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let directory = Directory::new(vec![service.contract()]).map_err(io::Error::other)?;
        let incarnation = Incarnation(u128::from_le_bytes(random()?));
        let (connections, last_number, sessions) = (HashMap::new(), LISTENER.0, HashMap::new());
        Ok(Server { poll, listener, connections, last_number, sessions, service, directory, incarnation })
    }

    /// Serves until the process ends. This is the whole event loop.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    mio::Token(number) => self.serve(number),
                }
            }
        }
    }

    /// Accepts all waiting connections: the listener's next event comes only for later ones.
    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            self.last_number += 1;
            let (number, interest) = (self.last_number, Interest::READABLE | Interest::WRITABLE);
            self.poll.registry().register(&mut stream, mio::Token(number), interest)?;
            stream.set_nodelay(true)?; // a reply must not wait for more bytes
            let (decoder, unsent) = (FrameDecoder::default(), Vec::new());
            self.connections.insert(number, Connection { number, stream, decoder, unsent, session: None });
        }
        Ok(())
    }

    /// Serves a connection that is readable or writable. A connection that fails or breaks a rule is closed. Its
    /// session stays, so that the client can connect again and resume it.
    fn serve(&mut self, number: usize) {
        let Some(mut connection) = self.connections.remove(&number) else { return };
        let is_open = self.receive(&mut connection).unwrap_or(false);
        let is_written = connection.write().is_ok(); // also when it is to be closed: the last frame may say why
        if is_open && is_written {
            self.connections.insert(number, connection);
        } else if let Some(session) = connection.session.and_then(|id| self.sessions.get_mut(&id)) {
            (session.connection, session.detached) = (None, Instant::now());
        }
    }

    /// Reads until the socket has no more, since the next event comes only after that, and acts on every whole frame.
    /// Returns false if the connection is to be closed.
    fn receive(&mut self, connection: &mut Connection) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        loop {
            let count = match connection.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Ok(0) => return Ok(false), // the client has closed it
                read => read?,
            };
            connection.decoder.push(Bytes::copy_from_slice(&buffer[..count]));
            while let Some(frame) = connection.decoder.next_frame().map_err(io::Error::other)? {
                if !self.handle(connection, &frame)? {
                    return Ok(false);
                }
            }
        }
    }

    /// Acts on one frame. Returns false if the connection is to be closed.
    fn handle(&mut self, connection: &mut Connection, frame: &Frame) -> io::Result<bool> {
        if frame.header.kind == Kind::Hello {
            return self.greet(connection, &frame.body);
        }
        let Some(id) = connection.session else { return Ok(false) }; // HELLO must be the first frame
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(false) };
        let decision = match frame.header.kind {
            Kind::Call => session.filter.call(frame),
            Kind::Cancel => session.filter.cancel(frame, Status::Refused(Reason::Cancelled)),
            Kind::Ack => session.filter.ack(frame),
            Kind::Ping => {
                connection.send(&Header::new(Kind::Pong), &[]);
                Decision::Ignore
            }
            Kind::Methods => {
                connection.send(&Header::new(Kind::Table), &self.table(&frame.body)?.encode(0));
                Decision::Ignore
            }
            _ => {
                self.sessions.remove(&id); // BYE, or a frame that no client sends
                return Ok(false);
            }
        };
        match decision {
            Decision::Run => self.run_call(connection, id, frame),
            Decision::Reply(status, reply) => connection.reply(&frame.header, status, &reply),
            Decision::Ignore => {}
            Decision::Violation => return Ok(false),
        }
        Ok(true)
    }

    /// Runs a new call to its end, records the result, and sends it.
    fn run_call(&mut self, connection: &mut Connection, id: SessionId, frame: &Frame) {
        let mut reply = Vec::new();
        let status = match self.directory.find(frame.header.method) {
            _ if frame.header.millis == 0 => Status::Refused(Reason::Deadline),
            _ if frame.skipped.is_some() => Status::Refused(Reason::TooLarge),
            None => Status::Refused(Reason::NoSuchMethod),
            Some(entry) => self.dispatch(id, frame, entry, &mut reply),
        };
        connection.reply(&frame.header, status, &reply);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.filter.finish(frame, status, reply);
        }
    }

    /// Calls the service through the stub that `#[rpc]` wrote: it decodes the arguments and encodes the result.
    fn dispatch(&self, session: SessionId, frame: &Frame, entry: Entry, reply: &mut Vec<u8>) -> Status {
        let (header, entered) = (frame.header, Cell::new(false));
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::new()); // for implementations that ask for the time left
        let env = CallEnv {
            call: CallId { session, slot: header.slot, seq: header.seq },
            method: entry.method,
            peer: None,
            deadline: clock.now().plus(Duration::from_millis(header.millis.into())),
            clock: &clock,
            cancelled: None,
            bounds: MAX_FRAME.into(),
            held: None,
            metadata: None,
        };
        let call = Dispatch::new(entry.index.into(), &frame.body, reply, &entered, env);
        // A panic of the implementation ends its call, not the server.
        match catch_unwind(AssertUnwindSafe(|| self.service.dispatch(call))) {
            Ok(Ok(dispatched)) => return dispatched.status().unwrap_or(Status::GivenUp), // it holds no call
            Ok(Err(refused)) => return Status::Refused(refused.reason),
            Err(_) => reply.clear(), // it may hold a part of the result
        }
        if entered.get() { Status::Panicked } else { Status::Refused(Reason::BadArguments) }
    }

    /// Answers a HELLO: opens a session, or resumes the session that it names.
    fn greet(&mut self, connection: &mut Connection, body: &[u8]) -> io::Result<bool> {
        let hello = Hello::decode(body).map_err(io::Error::other)?;
        self.sessions.retain(|_, session| session.connection.is_some() || session.detached.elapsed() < LEASE);
        let agreements = hello.services.iter().map(|(name, hash)| self.agreement(name, *hash)).collect();
        let id = match (connection.session, &hello.resume) {
            (Some(id), _) => id, // the same HELLO again, because its WELCOME was lost
            (None, Some((id, _))) => *id,
            (None, None) => self.open_session(hello.slots)?,
        };
        let is_owner = |session: &&mut Session| match &hello.resume {
            Some((_, token)) => session.token.matches(&Token(*token)),
            None => true,
        };
        let Some(session) = self.sessions.get_mut(&id).filter(is_owner) else {
            connection.send(&Header::new(Kind::SessionLost), &self.incarnation.0.to_le_bytes());
            return Ok(false);
        };
        if let Some(old) = session.connection.replace(connection.number) {
            self.connections.remove(&old); // a session has one connection: the newest
        }
        let welcome = Welcome {
            version: VERSION,
            features: 0,
            incarnation: self.incarnation,
            session: id,
            token: session.token,
            slots: session.filter.slots(),
            max_frame: MAX_FRAME as u32,
            lease_ms: LEASE.as_millis() as u32,
            resumed: hello.resume.is_some(),
            agreements,
        };
        connection.session = Some(id);
        connection.decoder.agree(MAX_FRAME, true, true);
        connection.send(&Header::new(Kind::Welcome), &welcome.encode());
        Ok(true)
    }

    fn open_session(&mut self, slots: u16) -> io::Result<SessionId> {
        let (id, token) = (SessionId::new(0, random()?), Token(random()?));
        let filter = Filter::new(slots.clamp(1, MAX_SLOTS));
        self.sessions.insert(id, Session { token, filter, connection: None, detached: Instant::now() });
        Ok(id)
    }

    /// Compares the client's contract of a service with the server's.
    fn agreement(&self, name: &str, hash: u64) -> Agreement {
        match self.directory.contract(name) {
            Some(contract) if contract.hash == hash => Agreement::Same,
            Some(_) => Agreement::Differs,
            None => Agreement::Missing,
        }
    }

    /// Returns the methods of a service, for a client that wants to report what differs.
    fn table(&self, body: &[u8]) -> io::Result<Table> {
        let name = decode_name(body).map_err(io::Error::other)?;
        let unknown = Table { service: name.to_owned(), ..Table::default() };
        Ok(self.directory.contract(name).map_or(unknown, Table::of))
    }
}

impl Connection {
    /// Queues the REPLY of a call.
    fn reply(&mut self, call: &Header, status: Status, body: &[u8]) {
        self.send(
            &Header { code: status.code(), ..Header::for_call(Kind::Reply, call.slot, call.seq) },
            body,
        );
    }

    /// Queues a frame: the frames of one turn of the loop leave in one write.
    fn send(&mut self, header: &Header, body: &[u8]) {
        append(&mut self.unsent, header, body, true);
    }

    /// Writes as much as the socket accepts.
    fn write(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                written => drop(self.unsent.drain(..written?)),
            }
        }
        Ok(())
    }
}

/// Returns random bytes of the operating system.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
