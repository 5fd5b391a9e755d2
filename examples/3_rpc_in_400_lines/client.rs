//! The client: one call at a time in one slot. It sends a call until it has the reply: again after a while without a
//! reply, and over a new connection, in the same session, when the old connection is lost.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::Contract;
use rpc_core::Reason;
use rpc_core::call::{Channel, ClientCounters, Ticket};
use rpc_core::ids::{Seq, SessionId, Token};
use rpc_core::proto::{Outcome, Request, UnknownCause};
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{Hello, Status, Welcome};

/// Longest body of a reply: the default limit of the real server.
const MAX_FRAME: usize = 4 << 20;
/// Time limit for a connection attempt, a greeting or a write.
const CONNECT: Duration = Duration::from_secs(1);
/// Pause before the next connection attempt.
const PAUSE: Duration = Duration::from_millis(20);
/// After this many attempts in a row without a frame from the server, the connection counts as lost.
const MAX_SILENT: u32 = 3;

/// A REPLY; `None` if it did not come in time; an error if the connection is lost.
type Attempt = io::Result<Option<Frame>>;

/// Carries the calls of a stub that `#[rpc]` wrote.
#[derive(Debug)]
pub(crate) struct SmallClient {
    pub(crate) server: SocketAddr,
    /// Announced in the greeting, so that the server can compare it with its own.
    pub(crate) contract: &'static Contract,
    /// Time that an attempt waits for the reply. Then the call is sent again.
    pub(crate) resend: Duration,
    /// Locked during a call: the calls of several threads run one after the other.
    pub(crate) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The session, and the secret that resumes it.
    session: Option<(SessionId, Token)>,
    connection: Option<Connection>,
    /// The number of the last call in slot 0 of the session.
    last: Seq,
    /// True if that call has no reply, although its caller was told 'unknown'.
    is_orphaned: bool,
    is_closed: bool,
    stats: ClientCounters,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    decoder: FrameDecoder,
    /// Attempts since the last frame from the server.
    silent: u32,
}

impl SmallClient {
    /// Makes a call. Every attempt sends the same number, so the server recognises each one after the first as a
    /// duplicate.
    fn make(&self, call: &Request) -> Outcome {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner); // no step panics half-way
        let until = Instant::now() + call.within;
        let mut seq = None; // the call's number, from the moment at which its first byte may have left
        while Instant::now() < until && !state.is_closed {
            match self.attempt(state, call, &mut seq, until) {
                Ok(Some(reply)) => return outcome(&reply),
                Ok(None) => state.stats.resent += 1,
                Err(_) => {
                    state.connection = None; // the next attempt makes another one
                    if state.session.is_none() && seq.is_some() {
                        return Outcome::Unknown(UnknownCause::SessionLost); // and with it the server's record of this call
                    }
                    thread::sleep(PAUSE.min(until.saturating_duration_since(Instant::now())));
                }
            }
        }
        if seq.is_none() {
            return Outcome::NotExecuted(Reason::Unreachable, String::new()); // no byte of it was ever sent
        }
        state.is_orphaned = true;
        Outcome::Unknown(UnknownCause::Deadline) // it may have run, and may still run
    }

    /// Sends the call once and waits for its reply for a while. Returns `None` if no reply came.
    fn attempt(&self, state: &mut State, call: &Request, seq: &mut Option<Seq>, until: Instant) -> Attempt {
        self.connect(state)?;
        if seq.is_none() && state.is_orphaned {
            // A slot carries one call at a time, so the last call must end first. If the server has not received it,
            // it never runs after this CANCEL. Otherwise its reply comes, and is not needed any more.
            let cancel = Header::for_call(Kind::Cancel, 0, state.last);
            if self.exchange(state, &cancel, &[], until)?.is_none() {
                return Ok(None);
            }
            state.is_orphaned = false;
        }
        state.last = *seq.get_or_insert(state.last + 1);
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        let millis = u32::try_from(left).unwrap_or(u32::MAX).max(1); // 0 means that it is too late
        let header = Header { method: call.method.id, millis, ..Header::for_call(Kind::Call, 0, state.last) };
        self.exchange(state, &header, &call.body, until)
    }

    /// Sends a frame and waits for the REPLY with its number. REPLY frames with other numbers are duplicates.
    fn exchange(&self, state: &mut State, header: &Header, body: &[u8], until: Instant) -> Attempt {
        let connection = state.connection.as_mut().ok_or(ErrorKind::NotConnected)?;
        connection.send(header, body)?;
        let until = until.min(Instant::now() + self.resend);
        while let Some(frame) = connection.receive(until)? {
            connection.silent = 0;
            if (frame.header.kind, frame.header.seq) == (Kind::Reply, header.seq) {
                return Ok(Some(frame));
            }
        }
        connection.silent += 1;
        if connection.silent < MAX_SILENT { Ok(None) } else { Err(ErrorKind::TimedOut.into()) }
    }

    /// Connects, unless there is a connection, and opens a session or resumes the session of the last connection.
    fn connect(&self, state: &mut State) -> io::Result<()> {
        if state.connection.is_some() {
            return Ok(());
        }
        let stream = TcpStream::connect_timeout(&self.server, CONNECT)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(CONNECT))?;
        let mut connection = Connection { stream, decoder: FrameDecoder::default(), silent: 0 };
        let resume = state.session.map(|(id, token)| (id, token.0));
        let hello = Hello { resume, ..Hello::new(1, 0, &[self.contract]) };
        connection.send(&Header::new(Kind::Hello), &hello.encode())?;
        let until = Instant::now() + CONNECT;
        while let Some(frame) = connection.receive(until)? {
            match frame.header.kind {
                Kind::Welcome => {
                    let welcome = Welcome::decode(&frame.body).map_err(io::Error::other)?;
                    connection.decoder.agree(MAX_FRAME, false, true);
                    state.session = Some((welcome.session, welcome.token));
                    state.connection = Some(connection);
                    return Ok(());
                }
                Kind::SessionLost => {
                    (state.session, state.last, state.is_orphaned) = (None, 0, false);
                    break;
                }
                Kind::Busy | Kind::Reject => break,
                _ => {} // it arrived before the WELCOME, and is sent again later
            }
        }
        Err(ErrorKind::ConnectionRefused.into())
    }
}

impl Connection {
    fn send(&mut self, header: &Header, body: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, true);
        self.stream.write_all(&bytes)
    }

    /// Returns the next frame, or `None` if there is none at `until`.
    fn receive(&mut self, until: Instant) -> io::Result<Option<Frame>> {
        let mut buffer = [0; 16 << 10];
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.decoder.push(buffer[..count?].to_vec().into()),
            }
        }
    }
}

/// Returns what a REPLY says about its call.
fn outcome(reply: &Frame) -> Outcome {
    let text = || String::from_utf8_lossy(&reply.body).into_owned();
    match Status::from_code(reply.header.code) {
        Ok(Status::Done) => Outcome::Done(reply.body.clone()),
        Ok(Status::Failed) => Outcome::Failed(reply.body.clone()),
        Ok(Status::Panicked | Status::GivenUp) => Outcome::Panicked(text()),
        Ok(Status::ReplyLost) => Outcome::ReplyLost(text()),
        Ok(Status::Refused(reason)) => Outcome::NotExecuted(reason, text()),
        Err(_) => Outcome::Unknown(UnknownCause::BrokenServer),
    }
}

/// The stubs call through this trait. A call has ended when `start` returns, so no call is ever pending here, and the
/// methods for pending calls have nothing to do.
impl Channel for SmallClient {
    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        (self.make(&request), None)
    }

    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        Err(self.make(&request))
    }

    fn wait(&self, _: Ticket, _: Option<Duration>) -> Option<Outcome> {
        None
    }

    fn poll(&self, _: Ticket, _: &Waker) -> Option<Outcome> {
        None
    }

    fn resolve(&self, _: Ticket, _: Duration) -> Option<Outcome> {
        None
    }

    fn abandon(&self, _: Ticket) {}

    fn forget(&self, _: Ticket) {}

    fn peer(&self) -> Arc<str> {
        self.server.to_string().into()
    }

    fn counters(&self) -> ClientCounters {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stats
    }

    /// Ends the session on the server. If BYE is lost, the session ends there after its lease.
    fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_closed = true;
        if let Some(mut connection) = state.connection.take() {
            let _ = connection.send(&Header::new(Kind::Bye), &[]);
        }
    }
}
