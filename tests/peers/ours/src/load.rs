//! The loads of our client: one thread for each connection keeps the calls of its depth in flight, or one thread for each
//! call blocks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rpc_core::{ClientLimits, Connector, Pending};

use crate::meter::{Lane, Length, Meter, step};
use crate::work::{KEYS, Op, Work, key, value};
use crate::{Failure, PeerClient};

/// A call that has been started.
enum Started {
    Bytes(Pending<Vec<u8>>),
    Value(Pending<Option<Vec<u8>>>),
    Nothing(Pending<()>),
}

impl Started {
    fn wait(self) -> Result<(), Failure> {
        match self {
            Started::Bytes(pending) => drop(pending.wait()?),
            Started::Value(pending) => drop(pending.wait()?.ok_or("no such key")?),
            Started::Nothing(pending) => pending.wait()?,
        }
        Ok(())
    }
}

/// The calls of one thread.
struct Load {
    client: PeerClient,
    op: Op,
    keys: Vec<String>,
    bytes: Vec<u8>,
    next: usize,
}

impl Load {
    fn new(client: PeerClient, op: Op, first: usize) -> Self {
        let bytes = if op == Op::Put { value(first) } else { op.payload() };
        Load { client, op, keys: (0..KEYS).map(key).collect(), bytes, next: first }
    }

    fn key(&mut self) -> usize {
        self.next = (self.next + 1) % KEYS;
        self.next
    }

    fn call(&mut self) -> Result<(), Failure> {
        let at = self.key();
        match self.op {
            Op::Echo(_) => drop(self.client.echo(&self.bytes)?),
            Op::Get => drop(self.client.get(&self.keys[at])?.ok_or("no such key")?),
            Op::Put => self.client.put(&self.keys[at], &self.bytes)?,
        }
        Ok(())
    }

    fn start(&mut self) -> Started {
        let at = self.key();
        match self.op {
            Op::Echo(_) => Started::Bytes(self.client.start.echo(&self.bytes)),
            Op::Get => Started::Value(self.client.start.get(&self.keys[at])),
            Op::Put => Started::Nothing(self.client.start.put(&self.keys[at], &self.bytes)),
        }
    }

    fn block(mut self, mut lane: Lane) -> Result<(), Failure> {
        while lane.goes_on(0) {
            let began = lane.begins();
            self.call()?;
            lane.ends(began);
        }
        Ok(())
    }

    fn pipeline(mut self, mut lane: Lane, depth: usize) -> Result<(), Failure> {
        let mut started = VecDeque::with_capacity(depth);
        while lane.goes_on(started.len()) {
            if started.len() == depth {
                started.pop_front().map(Started::wait).transpose()?;
                lane.ends(None);
            }
            started.push_back(self.start());
        }
        for call in started {
            call.wait()?;
            lane.ends(None);
        }
        Ok(())
    }
}

/// Makes the calls of `work`, and writes the lines of [`meter`](crate::meter). A caller looks for its reply for `spin` before it
/// sleeps.
///
/// # Errors
/// Returns an error if the server cannot be reached, or a call fails.
pub fn load(address: SocketAddr, work: Work, length: Length, spin: Duration) -> Result<(), Failure> {
    let (threads, depth) = if work.threads { (work.depth, 1) } else { (1, work.depth) };
    let meter = Meter::new(work.connections * threads, work.is_timed(), length);
    let limits = ClientLimits { spin, ..ClientLimits::default() };
    let mut clients = Vec::new();
    for _ in 0..work.connections {
        let slots = u16::try_from(work.depth.max(64))?;
        let client: PeerClient = Connector::new().limits(limits.clone()).slots(slots).connect(address)?;
        clients.push(client);
    }
    let timer = meter.start()?;
    let mut loads = Vec::new();
    for number in 0..work.connections * threads {
        let client = clients[number / threads].clone();
        let (load, lane) = (Load::new(client, work.op, number * 17), meter.lane(number));
        let run = move || if depth == 1 { load.block(lane) } else { load.pipeline(lane, depth) };
        loads.push(thread::Builder::new().name(format!("load {number}")).spawn(run)?);
    }
    for load in loads {
        load.join().map_err(|_| "a thread of the load panicked")??;
    }
    timer.join().map_err(|_| "the timer panicked")??;
    Ok(meter.finish()?)
}

/// Connects many times, and lets the measuring process look at the server's memory: before, after the connections, and
/// after a call on each.
///
/// # Errors
/// Returns an error if the server cannot be reached, or a call fails.
pub fn idle(address: SocketAddr, count: usize) -> Result<(), Failure> {
    let first = PeerClient::connect(address)?; // state that the server makes at its first call is not counted
    first.get(&key(0))?;
    step("first")?;
    let clients = (0..count).map(|_| PeerClient::connect(address)).collect::<Result<Vec<_>, _>>()?;
    step("connected")?;
    for client in &clients {
        client.get(&key(1))?;
    }
    Ok(step("called")?)
}
