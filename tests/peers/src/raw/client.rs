//! Clients without a framework: one thread, which answers each read with one write of as many requests as there were
//! replies. They drive the raw server and redis.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use mio::{Events, Interest, Poll, Token};
use rpc_ours::Failure;
use rpc_ours::meter::{Lane, Length, Meter, step};
use rpc_ours::work::{KEYS, Op, Work};

use super::framing::{Arguments, Language};

/// The room for replies: more than 256 small ones. It grows for a larger reply.
const ROOM: usize = 256 * 1024;

/// The requests and replies of one connection.
struct Exchange {
    language: Language,
    arguments: Arguments,
    op: Op,
    next: usize,
    output: Vec<u8>,
    input: Vec<u8>,
    filled: usize,
    lane: Lane,
}

impl Exchange {
    fn new(language: Language, op: Op, next: usize, lane: Lane) -> Self {
        let arguments = Arguments::new(op);
        Exchange { language, arguments, op, next, output: Vec::new(), input: vec![0; ROOM], filled: 0, lane }
    }

    /// Writes so many requests at once.
    fn send(&mut self, mut stream: impl Write, count: usize) -> Result<(), Failure> {
        self.output.clear();
        for _ in 0..count {
            self.language.request(&mut self.output, &self.arguments, self.next)?;
            self.next += 1;
        }
        // A socket that does not block takes all of it: no work with several connections has more than 16 small requests on one.
        Ok(stream.write_all(&self.output)?)
    }

    /// Reads once, and returns the number of whole replies.
    fn receive(&mut self, mut stream: impl Read) -> Result<usize, Failure> {
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
        match stream.read(&mut self.input[self.filled..])? {
            0 => return Err("the server has closed the connection".into()),
            count => self.filled += count,
        }
        let (mut used, mut replies) = (0, 0);
        while let Some(length) = self.language.reply(&self.input[used..self.filled], self.op)? {
            used += length;
            replies += 1;
        }
        self.input.copy_within(used..self.filled, 0);
        self.filled -= used;
        Ok(replies)
    }
}

/// Makes the calls of a work, and writes the lines of the meter.
pub(crate) fn load(
    address: SocketAddr,
    language: Language,
    work: Work,
    length: Length,
) -> Result<(), Failure> {
    let meter = Meter::new(work.connections, work.is_timed(), length);
    let mut all = Vec::new();
    for number in 0..work.connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        all.push((stream, Exchange::new(language, work.op, number * 17, meter.lane(number))));
    }
    let timer = meter.start()?;
    match all.pop() {
        Some((stream, exchange)) if all.is_empty() => one(&stream, exchange, work.depth)?,
        last => {
            all.extend(last);
            many(all, work.depth)?;
        }
    }
    timer.join().map_err(|_| "the timer panicked")??;
    Ok(meter.finish()?)
}

/// One connection, whose socket blocks.
fn one(stream: &TcpStream, mut exchange: Exchange, depth: usize) -> Result<(), Failure> {
    let mut began = exchange.lane.begins();
    exchange.send(stream, depth)?;
    while exchange.lane.goes_on(depth) {
        let replies = exchange.receive(stream)?;
        for _ in 0..replies {
            exchange.lane.ends(began);
        }
        if replies > 0 {
            began = exchange.lane.begins();
            exchange.send(stream, replies)?;
        }
    }
    Ok(())
}

/// Many connections, which are polled.
fn many(connections: Vec<(TcpStream, Exchange)>, depth: usize) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(connections.len());
    let mut all = Vec::new();
    for (stream, mut exchange) in connections {
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(all.len()), Interest::READABLE)?;
        exchange.send(&stream, depth)?;
        all.push((stream, exchange));
    }
    while all.iter().all(|(_, exchange)| exchange.lane.goes_on(depth)) {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let (stream, exchange) = &mut all[event.token().0];
            let replies = exchange.receive(&*stream)?;
            for _ in 0..replies {
                exchange.lane.ends(None);
            }
            if replies > 0 {
                exchange.send(&*stream, replies)?;
            }
        }
    }
    Ok(())
}

/// Makes `count` calls one after the other on a connection of its own.
fn some(stream: &TcpStream, language: Language, op: Op, count: usize) -> Result<(), Failure> {
    let lane = Meter::new(1, false, Length::Calls(count as u64)).lane(0);
    one(stream, Exchange::new(language, op, 0, lane), 1)
}

/// Puts all keys: redis begins with none.
pub(crate) fn fill(address: SocketAddr, language: Language) -> Result<(), Failure> {
    let stream = TcpStream::connect(address)?;
    some(&stream, language, Op::Put, KEYS + 1)
}

/// Connects many times, and lets the measuring process look at the server's memory.
pub(crate) fn idle(address: SocketAddr, language: Language, count: usize) -> Result<(), Failure> {
    let first = TcpStream::connect(address)?; // state that the server makes at its first call is not counted
    some(&first, language, Op::Get, 2)?;
    step("first")?;
    let streams = (0..count).map(|_| TcpStream::connect(address)).collect::<Result<Vec<_>, _>>()?;
    step("connected")?;
    for stream in &streams {
        some(stream, language, Op::Get, 2)?;
    }
    Ok(step("called")?)
}
