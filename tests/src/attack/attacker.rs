//! One connection of an attacker: any bytes, any frames, from an address of its own, and never a wait without end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpc_core::Client;
use rpc_core::ids::{MethodId, Nonce};
use rpc_core::wire::codec;
use rpc_core::wire::frame::{self, Frame, FrameDecoder, Header, Kind};
use rpc_core::wire::message::{Hello, Status, Welcome};
use serde::Serialize;
use socket2::{Domain, Socket, Type};

use super::service::TargetClient;

/// The longest wait for a connection, and for room to write.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time that calls have left: longer than any case.
const MILLIS: u32 = 120_000;
/// The longest reply that an attacker reads whole.
const LONGEST: usize = 8 << 20;

/// An answer, or its absence.
#[derive(Debug)]
pub(super) enum Heard {
    /// A frame.
    Frame(Frame),
    /// The server has closed the connection.
    Closed,
    /// Nothing, within the time.
    Silence,
}

impl Heard {
    /// Returns the frame's kind.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Heard::Frame(frame) => Some(frame.header.kind),
            _ => None,
        }
    }

    /// Returns the answer in one word, with the text of a refusal.
    pub(super) fn text(&self) -> String {
        match self {
            Heard::Closed => "closed".to_owned(),
            Heard::Silence => "silence".to_owned(),
            Heard::Frame(frame) => match (frame.header.kind, Status::from_code(frame.header.code)) {
                (Kind::Reply, Ok(status)) => format!("{status:?}"),
                (kind, _) => kind.name().to_owned(),
            },
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Attacker {
    /// The socket, for what is not a frame.
    pub(super) stream: TcpStream,
    decoder: FrameDecoder,
    /// The session, once it is open.
    pub(super) welcome: Option<Welcome>,
}

/// Returns the address of an attacker of this number. All of 127.0.0.0/8 is this machine: attackers do not share an address
/// with the healthy client, which comes from 127.0.0.1.
pub(super) fn source(number: usize) -> Ipv4Addr {
    let [.., high, low] = (number as u32 + 2).to_be_bytes();
    Ipv4Addr::new(127, 66, high, low.max(1))
}

/// Connects from an address. `narrow` takes as little as possible from the kernel: a reader that never reads.
pub(super) fn connect(to: SocketAddr, from: Ipv4Addr, narrow: bool) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    if narrow {
        socket.set_recv_buffer_size(4 << 10)?;
    }
    // A reset at the end: thousands of closed connections would occupy the ports for a minute.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// Returns a HELLO with its body. It has no nonce: played again, it opens another session.
pub(super) fn hello(slots: u16) -> Vec<u8> {
    let body = Hello::new(slots, 0, &[TargetClient::CONTRACT]).encode();
    framed(&Header::new(Kind::Hello), &body)
}

/// Returns a HELLO with a nonce of its own, as an honest client sends it.
pub(super) fn hello_with_nonce(slots: u16) -> Vec<u8> {
    let mut nonce = [0; 16];
    fastrand::fill(&mut nonce);
    let hello = Hello { nonce: Some(Nonce(nonce)), ..Hello::new(slots, 0, &[TargetClient::CONTRACT]) };
    framed(&Header::new(Kind::Hello), &hello.encode())
}

/// Returns a frame.
pub(super) fn framed(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36 + body.len());
    frame::append(&mut bytes, header, body, true);
    bytes
}

/// Returns a frame without a body.
pub(super) fn bare(kind: Kind, slot: u16, seq: u64) -> Vec<u8> {
    framed(&Header::for_call(kind, slot, seq), &[])
}

/// Returns the id of a method of the service.
pub(super) fn method(name: &str) -> MethodId {
    let named = |known: &&rpc_core::Method| known.name.split('.').nth(1) == Some(name);
    TargetClient::CONTRACT.methods.iter().find(named).expect("a method of the service").id
}

/// Returns a CALL with these bytes as arguments.
pub(super) fn call_raw(name: &str, slot: u16, seq: u64, body: &[u8]) -> Vec<u8> {
    let header = Header { method: method(name), millis: MILLIS, ..Header::for_call(Kind::Call, slot, seq) };
    framed(&header, body)
}

/// Returns a CALL.
pub(super) fn call<A: Serialize>(name: &str, slot: u16, seq: u64, arguments: &A) -> Vec<u8> {
    call_raw(name, slot, seq, &encoded(arguments))
}

/// Returns the bytes of a value.
pub(super) fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut body = Vec::new();
    codec::encode(value, &mut body, usize::MAX).expect("plain values");
    body
}

/// Writes a number over the length of a frame, and the right checksum over its header.
pub(super) fn claim(frame: &mut [u8], length: u32) {
    frame[0..4].copy_from_slice(&length.to_le_bytes());
    let checksum = frame::body_checksum(&frame[..32], true);
    frame[32..36].copy_from_slice(&checksum.to_le_bytes());
}

impl Attacker {
    /// Connects and says nothing.
    pub(super) fn silent(to: SocketAddr, number: usize, narrow: bool) -> Result<Self, String> {
        let stream = connect(to, source(number), narrow)
            .map_err(|error| format!("an attacker cannot connect: {error}"))?;
        let mut decoder = FrameDecoder::default();
        decoder.agree(LONGEST, false, true);
        Ok(Attacker { stream, decoder, welcome: None })
    }

    /// Connects and opens a session.
    pub(super) fn greeted(to: SocketAddr, number: usize, slots: u16) -> Result<Self, String> {
        Self::silent(to, number, false)?.greet(hello(slots))
    }

    /// Connects and opens a session, and will not read.
    pub(super) fn narrow(to: SocketAddr, number: usize, slots: u16) -> Result<Self, String> {
        Self::silent(to, number, true)?.greet(hello(slots))
    }

    /// Connects and resumes a session.
    pub(super) fn resumed(to: SocketAddr, number: usize, of: &Welcome) -> Result<Self, String> {
        let resume = Some((of.session, of.token.0));
        let body = Hello { resume, ..Hello::new(of.slots, 0, &[TargetClient::CONTRACT]) }.encode();
        Self::silent(to, number, false)?.greet(framed(&Header::new(Kind::Hello), &body))
    }

    /// Sends a HELLO and reads the WELCOME.
    pub(super) fn greet(mut self, hello: Vec<u8>) -> Result<Self, String> {
        self.send(&hello);
        match self.hear(PATIENCE) {
            Heard::Frame(frame) if frame.header.kind == Kind::Welcome => {
                self.welcome = Some(Welcome::decode(&frame.body).map_err(|error| error.to_string())?);
                Ok(self)
            }
            other => Err(format!("{} in answer to HELLO", other.text())),
        }
    }

    /// The slots that were granted.
    pub(super) fn slots(&self) -> u16 {
        self.welcome.as_ref().map_or(0, |welcome| welcome.slots)
    }

    /// Sends bytes; returns false if the server does not take them.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Waits for a frame.
    pub(super) fn hear(&mut self, within: Duration) -> Heard {
        let until = Instant::now() + within;
        let mut chunk = vec![0; 64 << 10];
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => return Heard::Frame(frame),
                Ok(None) => {}
                Err(_) => return Heard::Closed, // bytes that are no frames end the conversation as well
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                return Heard::Silence;
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Heard::Closed,
                Ok(count) => self.decoder.push(Bytes::copy_from_slice(&chunk[..count])),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Heard::Silence,
                    _ => return Heard::Closed,
                },
            }
        }
    }

    /// Reads until the connection is closed; returns the last frame before, and true if it was closed within the time.
    pub(super) fn hear_to_the_end(&mut self, within: Duration) -> (Option<Frame>, bool) {
        let until = Instant::now() + within;
        let mut last = None;
        loop {
            match self.hear(until.saturating_duration_since(Instant::now())) {
                Heard::Frame(frame) => last = Some(frame),
                Heard::Closed => return (last, true),
                Heard::Silence => return (last, false),
            }
        }
    }

    /// Returns true if the server has closed the connection. It waits for nothing, and reads what is there.
    pub(super) fn is_closed(&mut self) -> bool {
        is_closed(&self.stream)
    }

    /// Makes one call; the answer in one word.
    pub(super) fn ask<A: Serialize>(&mut self, name: &str, slot: u16, seq: u64, arguments: &A) -> String {
        self.send(&call(name, slot, seq, arguments));
        self.hear(PATIENCE).text()
    }
}

/// Returns true if the other side has closed a connection. It waits for nothing, and reads what is there.
pub(super) fn is_closed(mut stream: &TcpStream) -> bool {
    let mut chunk = [0; 4096];
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let closed = loop {
        match stream.read(&mut chunk) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    };
    let _ = stream.set_nonblocking(false); // the next use of a broken socket says so
    closed
}
