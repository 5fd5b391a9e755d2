//! The load of an async peer: a task for each call in flight, which makes one call after the other.

use crate::Failure;
use crate::meter::{Lane, Length, Meter, step};
use crate::work::{Op, Work};

/// More calls than any work has in flight on a connection.
pub(crate) const IN_FLIGHT: usize = 4096;

/// A client of a peer. Copies share a connection.
pub(crate) trait Caller: Clone + 'static {
    async fn connect(address: &str) -> Result<Self, Failure>;

    /// Makes the call with the `i`-th key, and returns the length of the bytes in its reply.
    async fn call(&self, op: Op, i: usize, payload: &[u8]) -> Result<usize, Failure>;
}

type Task = tokio::task::JoinHandle<Result<(), Failure>>;

/// Makes the calls of `work`. `start` makes a task of a future; the caller knows if the future can move between threads.
pub(crate) async fn load<C: Caller>(
    address: &str,
    work: Work,
    length: Length,
    start: impl Fn(C, Work, usize, Lane) -> Task,
) -> Result<(), Failure> {
    let meter = Meter::new(work.in_flight(), work.is_timed(), length);
    let mut clients = Vec::new();
    for _ in 0..work.connections {
        clients.push(C::connect(address).await?);
    }
    let timer = meter.start()?;
    let mut tasks = Vec::new();
    for number in 0..work.in_flight() {
        let client = clients[number / work.depth].clone();
        tasks.push(start(client, work, number * 17, meter.lane(number)));
    }
    for task in tasks {
        task.await??;
    }
    timer.join().map_err(|_| "the timer panicked")??;
    Ok(meter.finish()?)
}

/// The calls of one task.
pub(crate) async fn calls<C: Caller>(
    client: C,
    work: Work,
    first: usize,
    mut lane: Lane,
) -> Result<(), Failure> {
    let payload = work.op.payload();
    let expected = match work.op {
        Op::Echo(size) => size,
        Op::Get => 64,
        Op::Put => 0,
    };
    let mut i = first;
    while lane.goes_on(0) {
        let began = lane.begins();
        if client.call(work.op, i, &payload).await? != expected {
            return Err("a reply of another length".into());
        }
        lane.ends(began);
        i += 1;
    }
    Ok(())
}

/// Connects many times, and lets the measuring process look at the server's memory.
pub(crate) async fn idle<C: Caller>(address: &str, count: usize) -> Result<(), Failure> {
    let first = C::connect(address).await?; // state that the server makes at its first call is not counted
    first.call(Op::Get, 0, &[]).await?;
    step("first")?;
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(C::connect(address).await?);
    }
    step("connected")?;
    for client in &clients {
        client.call(Op::Get, 1, &[]).await?;
    }
    Ok(step("called")?)
}
