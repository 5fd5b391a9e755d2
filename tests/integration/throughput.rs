//! A measurement, not a test: what the server costs per call. Run it alone, optimised, pinned to one core:
//! `taskset -c 0 cargo test --release -p rpc-tests --test integration -- --ignored --nocapture throughput`

use std::fs;
use std::time::Instant;

use crate::raw_client::RawClient;
use crate::test_service::{CONTRACT, ECHO, NAP, TestServer};

const ROUNDS: usize = 9;
const CALLS: u64 = 200_000;

#[test]
#[ignore = "a measurement"]
fn throughput() {
    for depth in depths() {
        let server = TestServer::start();
        let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 1024);
        let mut seq = 0;
        let mut figures = Vec::new();
        for _ in 0..ROUNDS {
            let turns = CALLS / if depth == 1 { 4 } else { u64::from(depth) };
            let (began, cpu) = (Instant::now(), server_cpu());
            for _ in 0..turns {
                seq += 1;
                for slot in 0..depth {
                    client.queue_call(&ECHO, slot, seq, &("0123456789abcdef",));
                }
                client.flush();
                for _ in 0..depth {
                    client.reply();
                }
            }
            let calls = (turns * u64::from(depth)) as f64;
            figures.push((began.elapsed().as_nanos() as f64 / calls, (server_cpu() - cpu) as f64 / calls));
        }
        let median = |of: fn(&(f64, f64)) -> f64| {
            let mut all: Vec<f64> = figures.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let (whole, server) = (median(|f| f.0), median(|f| f.1));
        eprintln!(
            "depth {depth:3}: {whole:7.0} ns a call, of which the server's threads {server:7.0} ns (Linux)"
        );
    }
}

/// The time that quick calls take while one in a hundred sleeps, on the same connection.
#[test]
#[ignore = "a measurement"]
fn sleepers() {
    const SLEEP_MS: u64 = 100;
    let server = TestServer::start();
    let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 1024);
    let (mut times, mut awake, mut asleep) = (Vec::new(), (1..1024_u16).collect::<Vec<_>>(), 0_u64);
    for seq in 1..=100_000_u64 {
        if seq % 100 == 0 {
            let slot = awake.pop().expect("a free slot");
            asleep += 1;
            client.queue_call(&NAP, slot, seq, &(SLEEP_MS,));
        }
        client.queue_call(&ECHO, 0, seq, &("0123456789abcdef",));
        let began = Instant::now();
        client.flush();
        loop {
            let reply = client.reply();
            if reply.slot == 0 {
                break;
            }
            assert!(reply.status.ran(), "{reply:?}");
            awake.push(reply.slot);
            asleep -= 1;
        }
        times.push(began.elapsed().as_micros());
    }
    for _ in 0..asleep {
        client.reply();
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
    eprintln!(
        "quick calls beside sleepers: p50 {p50} us, p99 {p99} us, p99.9 {p999} us, longest {} us",
        at(1.0)
    );
}

/// The memory that an idle client costs the server: `.. --ignored --nocapture idle_connections`.
#[test]
#[ignore = "a measurement"]
fn idle_connections() {
    const CLIENTS: usize = 4000; // two descriptors each
    let server = TestServer::start();
    let warm: Vec<_> = (0..100).map(|_| one_call(&server)).collect();
    let before = resident();
    let clients: Vec<_> = (0..CLIENTS).map(|_| one_call(&server)).collect();
    let each = resident().saturating_sub(before) / CLIENTS;
    eprintln!("an idle session with its connection, after one call: {each} bytes (Linux)");
    drop((warm, clients));
}

fn one_call(server: &TestServer) -> std::net::TcpStream {
    let mut client = server.client();
    client.call(&ECHO, 0, 1, &("hello",));
    let stream = client.stream.try_clone().expect("a descriptor");
    client.vanish(); // without BYE; the clone keeps the connection
    stream
}

fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// Calls in flight; `DEPTH=64` measures one depth alone.
fn depths() -> Vec<u16> {
    match std::env::var("DEPTH") {
        Ok(depth) => vec![depth.parse().expect("a number")],
        Err(_) => vec![1, 16, 64],
    }
}

/// Nanoseconds that the threads of servers in this process have run: unlike the clock, it does not count neighbours.
fn server_cpu() -> u64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    let of = |path: std::path::PathBuf| {
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let ran = fs::read_to_string(path.join("schedstat")).ok()?;
        name.starts_with("rpc-loop").then_some(())?;
        ran.split_whitespace().next()?.parse::<u64>().ok()
    };
    tasks.filter_map(|task| of(task.ok()?.path())).sum()
}
