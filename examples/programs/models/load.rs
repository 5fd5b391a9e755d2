//! The clients of a measurement: one thread, many connections, one call in flight on each. It drives the framework's client
//! state machine by hand, since a thousand blocking clients would be a thousand threads on the measured machine.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rpc_core::ClientLimits;
use rpc_core::ids::Clock;
use rpc_core::proto::client::{ClientConfig, ClientCore, Event};
use rpc_core::proto::{Outcome, Request};
use rpc_core::wire::{codec, frame};
use rpc_core::{Client, MonotonicClock};

use crate::api::KvClient;

/// Longer than any measurement: no retransmissions, no deadlines.
const LONG: Duration = Duration::from_secs(600);
/// Time limit for all connections to be greeted.
const GREETING: Duration = Duration::from_secs(30);

/// Sockets that one look at them can find ready.
const EVENTS: usize = 1024;

/// The result of a time under load.
pub(crate) struct Load {
    pub(crate) calls: u64,
    pub(crate) took: Duration,
    /// In microseconds.
    pub(crate) latencies: Histogram<u64>,
}

struct Caller {
    core: ClientCore,
    stream: TcpStream,
    out: Vec<u8>,
    began: Instant,
}

/// All connections to one server.
pub(crate) struct Callers {
    poll: Poll,
    events: Events,
    clock: MonotonicClock,
    callers: Vec<Caller>,
    room: Vec<u8>,
    finished: u64,
    latencies: Histogram<u64>,
}

impl Callers {
    /// Connects, and waits until every session is open.
    pub(crate) fn connect(addresses: &[SocketAddr], connections: usize) -> io::Result<Self> {
        let mut all = Callers {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            clock: MonotonicClock::new(),
            callers: Vec::new(),
            room: vec![0; 64 << 10],
            finished: 0,
            latencies: histogram()?,
        };
        for (number, &address) in (0..connections).zip(addresses.iter().cycle()) {
            all.add(address, number)?;
            if number % 64 == 63 {
                all.turn(Duration::ZERO, false)?; // the server's backlog is finite
            }
        }
        let until = Instant::now() + GREETING;
        while all.callers.iter().any(|caller| !caller.core.is_ready()) {
            if Instant::now() > until {
                return Err(io::Error::new(ErrorKind::TimedOut, "not all connections were greeted in time"));
            }
            all.turn(Duration::from_millis(20), false)?;
        }
        Ok(all)
    }

    fn add(&mut self, address: SocketAddr, number: usize) -> io::Result<()> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        let limits =
            ClientLimits { slots: 1, resend_first: LONG, ping_after: LONG, ..ClientLimits::default() };
        let config =
            ClientConfig { limits, contracts: vec![KvClient::CONTRACT], features: 0, seed: number as u64 };
        let mut core = ClientCore::new(config);
        let now = self.clock.now();
        core.poll_connect(now);
        core.handle_connected(now);
        let mut caller = Caller { core, stream, out: Vec::new(), began: Instant::now() };
        caller.write(&self.clock)?;
        self.callers.push(caller);
        Ok(())
    }

    /// Keeps one call in flight on each connection for this time.
    pub(crate) fn run(&mut self, time: Duration) -> io::Result<Load> {
        for number in 0..self.callers.len() {
            self.start(number)?;
        }
        // Replies that have arrived while thousands of calls were started belong to the time before.
        for _ in 0..=self.callers.len() / EVENTS {
            self.turn(Duration::ZERO, true)?;
        }
        let began = Instant::now();
        self.finished = 0;
        self.latencies.reset();
        while began.elapsed() < time {
            self.turn(Duration::from_millis(10), true)?;
        }
        Ok(Load { calls: self.finished, took: began.elapsed(), latencies: self.latencies.clone() })
    }

    /// Waits at most `time` for the calls that are in flight, and returns their latencies: those of a slow server belong to
    /// the result as well, otherwise a server that answers few calls would look quick.
    pub(crate) fn drain(&mut self, time: Duration) -> io::Result<Histogram<u64>> {
        let began = Instant::now();
        self.latencies.reset();
        while began.elapsed() < time && self.callers.iter().any(|caller| caller.core.in_flight() > 0) {
            self.turn(Duration::from_millis(10), false)?;
        }
        Ok(self.latencies.clone())
    }

    /// Returns the ages of the calls that still have no reply, in microseconds: their latency is longer, and is not known.
    pub(crate) fn open_ages(&self) -> impl Iterator<Item = u64> {
        let open = self.callers.iter().filter(|caller| caller.core.in_flight() > 0);
        open.map(|caller| caller.began.elapsed().as_micros() as u64)
    }

    /// Starts a call on a connection that has none in flight.
    fn start(&mut self, number: usize) -> io::Result<()> {
        let Some(caller) = self.callers.get_mut(number).filter(|caller| caller.core.in_flight() == 0) else {
            return Ok(());
        };
        let Some(method) = KvClient::CONTRACT.methods.first() else { return Ok(()) };
        let mut body = Vec::new();
        codec::encode(&("subject",), &mut body, 1024).map_err(io::Error::other)?;
        let body_crc = frame::body_checksum(&body, true);
        let request = Request {
            method,
            body,
            body_crc,
            metadata: 0,
            within: LONG,
            repeat: false,
            retry: false,
            fail_fast: false,
        };
        caller.began = Instant::now();
        caller.core.start(1, request, self.clock.now()).map_err(|outcome| failed(&outcome))?;
        caller.write(&self.clock)
    }

    /// Waits for replies; with `again`, each connection with a reply calls again.
    fn turn(&mut self, limit: Duration, again: bool) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(limit)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for number in ready {
            let answered = match self.callers.get_mut(number) {
                Some(caller) => caller.read(&mut self.room, &self.clock)?,
                None => None,
            };
            if let Some(began) = answered {
                self.finished += 1;
                self.latencies.saturating_record(began.elapsed().as_micros() as u64);
                if again {
                    self.start(number)?;
                }
            }
        }
        Ok(())
    }
}

impl Caller {
    /// Reads all there is. If a call has its reply, returns the time at which it began.
    fn read(&mut self, room: &mut [u8], clock: &MonotonicClock) -> io::Result<Option<Instant>> {
        let mut answered = None;
        loop {
            match self.stream.read(room) {
                Ok(0) => {
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed a connection"));
                }
                Ok(count) => {
                    let bytes = Bytes::copy_from_slice(room.get(..count).unwrap_or_default());
                    self.core.handle_input(bytes, clock.now());
                    let last = count < room.len();
                    while let Some(event) = self.core.poll_event() {
                        match event {
                            Event::Finished(_, Outcome::Done(_)) => answered = Some(self.began),
                            Event::Finished(_, other) | Event::Resolved(_, other) => {
                                return Err(failed(&other));
                            }
                        }
                    }
                    if last {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(answered)
    }

    /// One small frame fits into an idle socket's buffer; if it does not, the measurement is not valid.
    fn write(&mut self, clock: &MonotonicClock) -> io::Result<()> {
        self.out.clear();
        self.core.poll_transmit(&mut self.out, clock.now());
        self.stream.write_all(&self.out)?;
        self.core.handle_flushed(clock.now());
        Ok(())
    }
}

fn failed(outcome: &Outcome) -> io::Error {
    io::Error::other(format!("a call ended without a value: {outcome:?}"))
}

fn histogram() -> io::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 600_000_000, 3).map_err(io::Error::other)
}
