//! The work that every peer does: echo, get and put over a thousand keys; and what is reported about it.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use rpc_core::rpc;

/// Keys that the server holds from the start.
pub const KEYS: usize = 1000;

/// The `i`-th key: 16 bytes.
pub fn key(i: usize) -> String {
    format!("key-{:012}", i % KEYS)
}

/// The `i`-th value: 64 bytes.
pub fn value(i: usize) -> Vec<u8> {
    (0..64u8).map(|byte| byte.wrapping_add(i as u8)).collect()
}

/// The service that is measured.
#[rpc]
pub trait Peer {
    /// Gives the bytes back.
    #[rpc(idempotent)]
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    /// The value of a key.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    /// Sets a key.
    fn put(&self, key: &str, value: &[u8]);
}

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Its name on the command line.
    pub name: &'static str,
    /// The operation that is called.
    pub op: Op,
    /// Connections.
    pub connections: usize,
    /// Calls in flight on each.
    pub depth: usize,
}

/// The operation of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `echo` of so many bytes.
    Echo(usize),
    /// `get`.
    Get,
    /// `put`.
    Put,
}

/// All kinds of load, by the names that the other peers use.
pub const WORKS: [Work; 10] = [
    Work { name: "lat", op: Op::Echo(64), connections: 1, depth: 1 },
    Work { name: "getlat", op: Op::Get, connections: 1, depth: 1 },
    Work { name: "pipe64", op: Op::Get, connections: 1, depth: 64 },
    Work { name: "pipe256", op: Op::Get, connections: 1, depth: 256 },
    Work { name: "put64", op: Op::Put, connections: 1, depth: 64 },
    Work { name: "echo64", op: Op::Echo(64), connections: 1, depth: 64 },
    Work { name: "fan1", op: Op::Get, connections: 64, depth: 1 },
    Work { name: "fan16", op: Op::Get, connections: 64, depth: 16 },
    Work { name: "large", op: Op::Echo(1 << 20), connections: 1, depth: 1 },
    Work { name: "large4", op: Op::Echo(1 << 20), connections: 1, depth: 4 },
];

/// A moment of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    at: Instant,
    calls: u64,
    server_cpu: u64,
    client_cpu: u64,
    switches: u64,
}

impl Snapshot {
    /// Now, after so many calls to the server with this process id.
    pub fn take(server: u32, calls: u64) -> Self {
        Snapshot {
            at: Instant::now(),
            calls,
            server_cpu: cpu_nanoseconds(server),
            client_cpu: cpu_nanoseconds(std::process::id()),
            switches: context_switches(server),
        }
    }
}

/// One line of `key=value` pairs, as the other peers print it.
pub fn report(
    peer: &str,
    work: &Work,
    from: &Snapshot,
    to: &Snapshot,
    server: u32,
    latencies: &mut [u64],
) -> String {
    latencies.sort_unstable();
    let quantile = |part: f64| {
        let index = (latencies.len().saturating_sub(1) as f64 * part) as usize;
        latencies.get(index).map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1e3)
    };
    let seconds = (to.at - from.at).as_secs_f64();
    let calls = (to.calls - from.calls).max(1) as f64;
    let mebibytes = match work.op {
        Op::Echo(size) => calls * size as f64 / seconds / f64::from(1 << 20),
        Op::Get | Op::Put => 0.0,
    };
    let mut line = format!(
        "peer={peer}\twork={}\tcalls={calls}\tsecs={seconds:.3}\tcps={:.0}",
        work.name,
        calls / seconds
    );
    let cpu = |from: u64, to: u64| (to - from) as f64 / 1e3 / calls;
    // Writing to a String does not fail.
    let _ =
        write!(line, "\tp50={:.2}\tp99={:.2}\tp999={:.2}", quantile(0.5), quantile(0.99), quantile(0.999));
    let _ = write!(line, "\tscpu_us={:.4}", cpu(from.server_cpu, to.server_cpu));
    let _ = write!(line, "\tccpu_us={:.4}", cpu(from.client_cpu, to.client_cpu));
    let _ = write!(line, "\tscs={:.4}", (to.switches - from.switches) as f64 / calls);
    let _ = write!(line, "\tmibs={mebibytes:.0}\trss_kb={}", resident_kibibytes(server));
    line
}

/// Time on a CPU of all live threads of a process (Linux).
fn cpu_nanoseconds(process: u32) -> u64 {
    let first = |text: String| text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
    threads(process)
        .filter_map(|thread| fs::read_to_string(thread.join("schedstat")).ok().and_then(first))
        .sum()
}

/// Context switches of all live threads of a process (Linux).
fn context_switches(process: u32) -> u64 {
    let count = |text: String| -> u64 {
        let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
        lines.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum()
    };
    threads(process).filter_map(|thread| fs::read_to_string(thread.join("status")).ok().map(count)).sum()
}

/// Resident memory of a process (Linux).
pub fn resident_kibibytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn threads(process: u32) -> impl Iterator<Item = std::path::PathBuf> {
    fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// A number from the environment, or the default.
pub fn seconds_from_environment(name: &str, default: f64) -> Duration {
    let value = std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default);
    Duration::from_secs_f64(value)
}
