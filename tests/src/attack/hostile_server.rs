//! A server that says what it likes, and the real client against it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpc_core::ids::{Incarnation, SessionId, Token};
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind};
use rpc_core::wire::message::{Agreement, Hello, Welcome};

use super::attacker::framed;

/// The step in which a conversation looks if the case is over.
const STEP: Duration = Duration::from_millis(50);

/// The counts that a hostile server keeps.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Connections.
    pub(super) connections: AtomicU64,
    /// CALL frames.
    pub(super) calls: AtomicU64,
    /// The highest slot of them.
    pub(super) highest_slot: AtomicU64,
    over: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// The part of a hostile server that a case writes: it gets a connection and its number, from 1 on.
pub(super) type Script = fn(&mut Talk, u64) -> Option<()>;

/// A hostile server. It ends when dropped.
#[derive(Debug)]
pub(super) struct HostileServer {
    /// The address.
    pub(super) address: SocketAddr,
    /// The frames that it has seen.
    pub(super) seen: Arc<Seen>,
}

impl HostileServer {
    /// Listens. `at` is a number that the script may read: the place of a fault.
    pub(super) fn start(script: Script, at: usize) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || {
                    if let Some(mut talk) = Talk::new(stream, seen, at) {
                        let _ = script(&mut talk, number); // the client may go in the middle of it
                    }
                });
            }
        });
        Ok(HostileServer { address, seen })
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::SeqCst);
        for stream in self.seen.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // ends its thread
        }
        let _ = TcpStream::connect(self.address); // wakes the listener, which sees that it is over
    }
}

/// One connection of a hostile server. Its methods return `None` when the client has gone or the case is over.
#[derive(Debug)]
pub(super) struct Talk {
    stream: TcpStream,
    decoder: FrameDecoder,
    seen: Arc<Seen>,
    /// The place of a fault.
    pub(super) at: usize,
    /// The client's HELLO.
    pub(super) hello: Option<Hello>,
}

impl Talk {
    fn new(stream: TcpStream, seen: Arc<Seen>, at: usize) -> Option<Self> {
        stream.set_read_timeout(Some(STEP)).ok()?;
        stream.set_nodelay(true).ok()?;
        seen.streams.lock().unwrap_or_else(PoisonError::into_inner).push(stream.try_clone().ok()?);
        let mut decoder = FrameDecoder::default();
        decoder.agree(8 << 20, false, false);
        Some(Talk { stream, decoder, seen, at, hello: None })
    }

    /// Returns the next frame.
    pub(super) fn frame(&mut self) -> Option<Frame> {
        let mut chunk = [0; 16 << 10];
        loop {
            if let Some(frame) = self.decoder.next_frame().ok()? {
                if frame.header.kind == Kind::Call {
                    self.seen.calls.fetch_add(1, Ordering::SeqCst);
                    self.seen.highest_slot.fetch_max(frame.header.slot.into(), Ordering::SeqCst);
                }
                return Some(frame);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.decoder.push(Bytes::copy_from_slice(&chunk[..count])),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                        if self.seen.over.load(Ordering::SeqCst) {
                            return None;
                        }
                    }
                    _ => return None,
                },
            }
        }
    }

    /// Reads HELLO.
    pub(super) fn hello(&mut self) -> Option<Hello> {
        let frame = self.frame().filter(|frame| frame.header.kind == Kind::Hello)?;
        let hello = Hello::decode(&frame.body).ok()?;
        self.hello = Some(hello.clone());
        Some(hello)
    }

    /// Returns an honest WELCOME: the session that the client wants to resume, or a new one.
    pub(super) fn welcome(&self) -> Welcome {
        let resume = self.hello.as_ref().and_then(|hello| hello.resume);
        let services = self.hello.as_ref().map_or(0, |hello| hello.services.len());
        Welcome {
            version: 1,
            features: 0,
            incarnation: Incarnation(1),
            session: resume.map_or(SessionId(7 << 8), |(session, _)| session),
            token: Token([0x40; 32]),
            slots: self.hello.as_ref().map_or(1, |hello| hello.slots.max(1)),
            max_frame: 4 << 20,
            lease_ms: 60_000,
            resumed: resume.is_some(),
            agreements: vec![Agreement::Same; services],
        }
    }

    /// Reads HELLO and answers honestly.
    pub(super) fn greet(&mut self) -> Option<()> {
        self.hello()?;
        let welcome = self.welcome();
        self.say(Kind::Welcome, &welcome.encode())
    }

    /// Waits for a CALL.
    pub(super) fn call(&mut self) -> Option<Header> {
        loop {
            let frame = self.frame()?;
            if frame.header.kind == Kind::Call {
                return Some(frame.header);
            }
        }
    }

    /// Reads HELLO, answers honestly, and waits for a CALL.
    pub(super) fn greet_and_take(&mut self) -> Option<Header> {
        self.greet()?;
        self.call()
    }

    /// Sends a frame without a slot.
    pub(super) fn say(&mut self, kind: Kind, body: &[u8]) -> Option<()> {
        self.send(&framed(&Header::new(kind), body))
    }

    /// Sends a REPLY.
    pub(super) fn reply(&mut self, to: &Header, code: u8, millis: u32, body: &[u8]) -> Option<()> {
        let header = Header { code, millis, ..Header::for_call(Kind::Reply, to.slot, to.seq) };
        self.send(&framed(&header, body))
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<()> {
        if self.seen.over.load(Ordering::SeqCst) {
            return None;
        }
        self.stream.write_all(bytes).ok()
    }

    /// Sends bytes again and again, until the client goes or the case is over.
    pub(super) fn flood(&mut self, bytes: &[u8]) -> Option<()> {
        let batch = bytes.repeat((64 << 10) / bytes.len().max(1) + 1);
        loop {
            self.send(&batch)?;
        }
    }

    /// Reads and says nothing, until the client goes or the case is over.
    pub(super) fn silence(&mut self) -> Option<()> {
        loop {
            self.frame()?;
        }
    }

    /// Waits, unless the case is over.
    pub(super) fn pause(&mut self, length: Duration) -> Option<()> {
        let until = Instant::now() + length;
        while Instant::now() < until {
            if self.seen.over.load(Ordering::SeqCst) {
                return None;
            }
            std::thread::sleep(STEP.min(length));
        }
        Some(())
    }
}
