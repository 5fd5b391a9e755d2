//! Measures the memory of the duplicate filter: `filter-memory [CALLS] [SESSIONS]`. It holds ten million calls of one client,
//! and ten thousand sessions at rest; other clients must get their replies meanwhile. The clients are processes of their own,
//! so that the resident memory is the server's.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rpc_core::ids::Seq;
use rpc_core::wire::frame::{self, Header, Kind, body_checksum};
use rpc_core::wire::message::Hello;
use rpc_core::{Client, Server, ServerHandle};
use rpc_ours::work::key;
use rpc_ours::{Peer, PeerClient, PeerServer};

type Failure = Box<dyn Error + Send + Sync>;

struct Echo;

impl Peer for Echo {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        Some(key.as_bytes().repeat(4))
    }
    fn put(&self, _key: &str, _value: &[u8]) {}
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| arguments.get(at).and_then(|word| word.parse().ok()).unwrap_or(default);
    match arguments.first().map(String::as_str) {
        Some("calls") => return many_calls(&arguments[1], number(2, 0)),
        Some("sessions") => return many_sessions(&arguments[1], number(2, 0)),
        _ => {}
    }
    let server = Server::builder().service(PeerServer::new(Echo)).bind("127.0.0.1:0")?.spawn()?;
    let address = server.local_addr();
    let (calls, sessions) = (number(0, 10_000_000), number(1, 10_000));
    let before = resident_kibibytes(std::process::id());
    println!("at rest: {before} KiB resident");

    println!("\n{calls} calls of one client, 64 in flight:");
    let began = Instant::now();
    let child = spawn("calls", address, calls)?;
    let (most_kept, slowest) = watch(child, address, &server, |_| false)?;
    let seconds = began.elapsed().as_secs_f64();
    show(&server, before);
    println!(
        "  at most {most_kept} bytes of replies kept; {:.0} calls/s; slowest call of another client {slowest:?}",
        calls as f64 / seconds
    );

    println!("\n{sessions} sessions at rest, after a call each:");
    let before = resident_kibibytes(std::process::id());
    let child = spawn("sessions", address, sessions)?;
    let (_, slowest) = watch(child, address, &server, |now| now as u64 > sessions)?;
    show(&server, before);
    println!("  slowest call of another client meanwhile {slowest:?}");
    server.stop()?;
    Ok(())
}

fn spawn(what: &str, address: SocketAddr, count: u64) -> Result<Child, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([what, &address.to_string(), &count.to_string()]).stdin(Stdio::piped());
    Ok(command.spawn()?)
}

/// Calls as another client, once a millisecond, until the child ends or `enough` of the number of sessions; then lets it end.
fn watch(
    mut child: Child,
    address: SocketAddr,
    handle: &ServerHandle,
    enough: impl Fn(usize) -> bool,
) -> Result<(usize, Duration), Failure> {
    let other = PeerClient::connect(address)?;
    let (mut most_kept, mut slowest) = (0, Duration::ZERO);
    while child.try_wait()?.is_none() && !enough(handle.counters().sessions) {
        let from = Instant::now();
        other.get(&key(1))?;
        slowest = slowest.max(from.elapsed());
        most_kept = most_kept.max(handle.counters().kept_bytes);
        std::thread::sleep(Duration::from_millis(1));
    }
    if child.try_wait()?.is_none() {
        std::thread::sleep(Duration::from_secs(1)); // at rest
        show_sessions(handle);
        drop(child.stdin.take()); // the sign to end
    }
    if !child.wait()?.success() {
        return Err("a client process failed".into());
    }
    Ok((most_kept, slowest))
}

fn show(handle: &ServerHandle, before: u64) {
    let now = handle.counters();
    let resident = resident_kibibytes(std::process::id());
    println!(
        "  {} sessions, {} records of {} bytes, {} bytes of replies kept",
        now.sessions, now.records, now.record_bytes, now.kept_bytes
    );
    println!(
        "  {} executions, {} duplicates; resident {resident} KiB, {} more than before",
        now.executions,
        now.duplicates(),
        resident.saturating_sub(before)
    );
}

fn show_sessions(handle: &ServerHandle) {
    let now = handle.counters();
    let resident = resident_kibibytes(std::process::id());
    println!(
        "  {} sessions, {} connections, {} bytes of records, {} bytes kept, {resident} KiB resident",
        now.sessions, now.connections, now.record_bytes, now.kept_bytes
    );
}

fn many_calls(address: &str, calls: u64) -> Result<(), Failure> {
    let client = PeerClient::connect(address)?;
    let mut flying = std::collections::VecDeque::new();
    for _ in 0..calls {
        if flying.len() == 64 {
            let oldest: Option<rpc_core::Pending<_>> = flying.pop_front();
            oldest.map(rpc_core::Pending::wait).transpose()?;
        }
        flying.push_back(client.start.get("key-000000000001"));
    }
    for pending in flying {
        pending.wait()?;
    }
    Ok(())
}

/// Sessions by hand, a socket each: a client of ours takes three descriptors, and there are 20,000 in all.
fn many_sessions(address: &str, count: u64) -> Result<(), Failure> {
    let method = PeerClient::CONTRACT.methods[1].id;
    let mut hello = Vec::new();
    frame::append(
        &mut hello,
        &Header::new(Kind::Hello),
        &Hello::new(64, 0, &[PeerClient::CONTRACT]).encode(),
        true,
    );
    let arguments = [&3u64.to_le_bytes()[..], b"key"].concat();
    let seq: Seq = 1;
    let call = Header { method, millis: 5000, ..Header::for_call(Kind::Call, 0, seq) };
    hello.extend(call.encode(arguments.len(), body_checksum(&arguments, true)));
    hello.extend(arguments);
    let mut sockets = Vec::new();
    for _ in 0..count {
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(&hello)?;
        sockets.push(socket);
    }
    let mut answer = [0; 1024];
    for socket in &mut sockets {
        let mut got = 0;
        while got < 150 {
            got += socket.read(&mut answer)?; // WELCOME, and the reply
        }
    }
    std::io::stdin().read_to_end(&mut Vec::new())?; // until the server has looked
    Ok(())
}

/// Resident memory of a process (Linux).
fn resident_kibibytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
