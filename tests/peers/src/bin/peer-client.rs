//! The load generator of a measurement: `peer-client ADDR SERVER_PID PEER WORK`, bounded by the environment's SECS, WARM or
//! CALLS. One thread a connection keeps `depth` calls in flight; MODE=threads: one thread a call, blocking.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rpc_core::{Connector, Pending};
use rpc_peers::{
    Op, PeerClient, Snapshot, WORKS, Work, key, report, resident_kibibytes, seconds_from_environment, value,
};

type Failure = Box<dyn Error + Send + Sync>;

/// The state that the threads of a run share.
#[derive(Default)]
struct Run {
    stop: AtomicBool,
    counted: AtomicBool,
    left: AtomicU64,
    latencies: Mutex<Vec<u64>>,
}

/// Calls done by one thread, on a cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Done(AtomicU64);

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

struct Load {
    client: PeerClient,
    work: Work,
    keys: Vec<String>,
    bytes: Vec<u8>,
    next: usize,
}

impl Load {
    fn new(client: PeerClient, work: Work, first: usize) -> Self {
        let bytes = match work.op {
            Op::Echo(size) => vec![7; size],
            Op::Get | Op::Put => value(first),
        };
        Load { client, work, keys: (0..rpc_peers::KEYS).map(key).collect(), bytes, next: first }
    }

    fn key(&mut self) -> usize {
        self.next = (self.next + 1) % self.keys.len();
        self.next
    }

    fn call(&mut self) -> Result<(), Failure> {
        let at = self.key();
        match self.work.op {
            Op::Echo(_) => drop(self.client.echo(&self.bytes)?),
            Op::Get => drop(self.client.get(&self.keys[at])?.ok_or("no such key")?),
            Op::Put => self.client.put(&self.keys[at], &self.bytes)?,
        }
        Ok(())
    }

    fn start(&mut self) -> Started {
        let at = self.key();
        match self.work.op {
            Op::Echo(_) => Started::Bytes(self.client.start.echo(&self.bytes)),
            Op::Get => Started::Value(self.client.start.get(&self.keys[at])),
            Op::Put => Started::Nothing(self.client.start.put(&self.keys[at], &self.bytes)),
        }
    }

    fn run(mut self, depth: usize, run: &Run, done: &Done) -> Result<(), Failure> {
        let mut flying = VecDeque::with_capacity(depth);
        let (mut count, mut latencies) = (0, Vec::new());
        let take = || {
            run.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        };
        while !run.stop.load(Ordering::Relaxed) && take() {
            if depth == 1 {
                let began = Instant::now();
                self.call()?;
                if run.counted.load(Ordering::Relaxed) {
                    latencies.push(began.elapsed().as_nanos() as u64);
                }
                count += 1;
            } else {
                if flying.len() == depth {
                    if let Some(oldest) = flying.pop_front() {
                        Started::wait(oldest)?;
                        count += 1;
                    }
                }
                flying.push_back(self.start());
            }
            done.0.store(count, Ordering::Relaxed);
        }
        for started in flying {
            started.wait()?;
            count += 1;
        }
        done.0.store(count, Ordering::Relaxed);
        run.latencies.lock().unwrap_or_else(PoisonError::into_inner).append(&mut latencies);
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, pid, peer, name] = arguments.as_slice() else {
        return Err("usage: peer-client ADDR SERVER_PID PEER WORK".into());
    };
    let pid: u32 = pid.parse()?;
    if name == "idle" {
        return idle(address, pid, peer);
    }
    let work = *WORKS.iter().find(|work| work.name == name).ok_or("no such work")?;
    let blocking = std::env::var("MODE").is_ok_and(|mode| mode == "threads");
    let (threads, depth) = if blocking { (work.depth, 1) } else { (1, work.depth) };
    let limited = std::env::var("CALLS").ok().and_then(|calls| calls.parse().ok());
    let run = Arc::new(Run { left: AtomicU64::new(limited.unwrap_or(u64::MAX)), ..Run::default() });
    let done: Arc<Vec<Done>> = Arc::new((0..work.connections * threads).map(|_| Done::default()).collect());
    let mut loads = Vec::new();
    for connection in 0..work.connections {
        let client: PeerClient =
            Connector::new().slots(work.depth.max(64) as u16).connect(address.as_str())?;
        for thread in 0..threads {
            let me = connection * threads + thread;
            let (load, run, done) =
                (Load::new(client.clone(), work, me * 17), Arc::clone(&run), Arc::clone(&done));
            loads.push(std::thread::spawn(move || load.run(depth, &run, &done[me])));
        }
    }
    let calls = || done.iter().map(|done| done.0.load(Ordering::Relaxed)).sum::<u64>();
    if limited.is_none() {
        std::thread::sleep(seconds_from_environment("WARM", 0.3));
    }
    run.counted.store(true, Ordering::Relaxed);
    let from = Snapshot::take(pid, calls());
    if limited.is_none() {
        std::thread::sleep(seconds_from_environment("SECS", 1.0));
    } else {
        for load in std::mem::take(&mut loads) {
            load.join().map_err(|_| "a load thread panicked")??;
        }
    }
    let to = Snapshot::take(pid, calls());
    run.counted.store(false, Ordering::Relaxed);
    run.stop.store(true, Ordering::Relaxed);
    for load in loads {
        load.join().map_err(|_| "a load thread panicked")??;
    }
    let mut latencies = run.latencies.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{}", report(peer, &work, &from, &to, pid, &mut latencies));
    Ok(())
}

/// Memory of the server for each of many connections: at rest, and after a call each.
fn idle(address: &str, pid: u32, peer: &str) -> Result<(), Failure> {
    let count: usize = std::env::var("CONNS").ok().and_then(|count| count.parse().ok()).unwrap_or(5000);
    let first = PeerClient::connect(address)?;
    first.get(&key(0))?;
    let before = resident_kibibytes(pid);
    let clients = (0..count).map(|_| PeerClient::connect(address)).collect::<Result<Vec<_>, _>>()?;
    std::thread::sleep(seconds_from_environment("SETTLE", 1.0));
    let connected = resident_kibibytes(pid);
    for client in &clients {
        client.get(&key(1))?;
    }
    std::thread::sleep(seconds_from_environment("SETTLE", 1.0));
    let called = resident_kibibytes(pid);
    let each = |now: u64| now.saturating_sub(before) as f64 * 1024.0 / count as f64;
    println!(
        "peer={peer}\twork=idle\tconns={count}\trss0_kb={before}\tconn_b={:.0}\tcalled_b={:.0}",
        each(connected),
        each(called)
    );
    Ok(())
}
