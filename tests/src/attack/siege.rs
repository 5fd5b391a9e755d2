//! Everything at once: thousands of idle, half-open and slow connections, readers that never read, handshakes, floods.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rpc_core::wire::frame::Kind;

use super::attacker::{Attacker, call, call_raw, connect, hello, is_closed, source};
use super::case::{Trial, bound, bytes, millis};
use super::flood::{Flood, Frames};
use super::healthy::{Healthy, Window};
use super::process::{Limits, Memory, ServerProcess};

/// Readers that never read.
const READERS: usize = 1_000;
/// Descriptors beside the connections: the process's own, floods, healthy clients.
const SPARE: u64 = 200;
/// The pause of the healthy client: it is there to be disturbed.
const PACE: Duration = Duration::from_micros(200);
/// The threads that shake hands.
const SHAKERS: usize = 2;
/// Connections that are opened before their answers are read.
const BATCH: usize = 100;
/// The time of one flood.
const FLOOD: Duration = Duration::from_millis(1_500);
/// The floods: one of each cost to the server.
const FLOODS: [Frames; 5] = [Frames::Ack, Frames::Ping, Frames::Reset, Frames::Methods, Frames::Calls];

/// The size of a siege.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Connections that are held open: half of them idle, a quarter half-open, a quarter slow.
    pub(crate) connections: usize,
    /// Handshakes.
    pub(crate) handshakes: u64,
    /// The time at which what is left is not begun.
    pub(crate) until: Instant,
    /// The time for which the healthy client is counted in each phase.
    pub(crate) window: Duration,
}

/// A server under siege.
struct Siege<'a> {
    server: ServerProcess,
    healthy: Healthy,
    before: Memory,
    alone: Window,
    size: Size,
    trial: &'a mut Trial,
}

/// Raises the limit of open descriptors as far as it goes, and returns it. Children inherit it.
pub(crate) fn raise_descriptors() -> Result<u64, String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .map_err(|error| format!("the limit of open descriptors cannot be raised: {error}"))?;
    Ok(maximum.unwrap_or(u64::MAX))
}

/// Returns the connections that fit, and says so if they are fewer than were asked for.
pub(crate) fn fitting(trial: &mut Trial, wanted: usize) -> Result<usize, String> {
    let limit = raise_descriptors()?;
    let fits = usize::try_from(limit.saturating_sub(SPARE + READERS as u64)).unwrap_or(usize::MAX);
    if fits < wanted {
        let text = format!(
            "ulimit -n allows {limit} descriptors, so that only {fits} of {wanted} connections are held; raise it: ulimit -Hn"
        );
        println!("siege: {text}");
        trial.fact(text);
    }
    Ok(wanted.min(fits))
}

/// Besieges a server, and judges.
pub(crate) fn besiege(trial: &mut Trial, size: Size, show: &mut dyn FnMut(&str)) -> Result<(), String> {
    let server = ServerProcess::start(&Limits::default())?;
    let healthy = Healthy::start(server.address, PACE)?;
    std::thread::sleep(Duration::from_millis(200));
    show("the healthy client alone");
    let alone = healthy.window(size.window);
    server.reset_peak()?;
    let before = server.memory().ok_or("the server ended before the siege")?;
    let mut siege = Siege { server, healthy, before, alone, size, trial };
    show("idle connections");
    let idle = siege.idle()?;
    show("half-open and slow connections");
    let slow = siege.slow()?;
    show("readers that never read");
    siege.readers()?;
    show("handshakes");
    siege.handshakes()?;
    show("floods");
    siege.floods()?;
    drop(slow);
    drop(idle);
    show("after it");
    siege.end()
}

impl Siege<'_> {
    fn to(&self) -> SocketAddr {
        self.server.address
    }

    fn grown(&self) -> u64 {
        self.server.memory().map_or(0, |now| now.resident.saturating_sub(self.before.resident))
    }

    /// Counts the healthy client's calls, and judges them; the p99 only where a bound for it is stated.
    fn judge(&mut self, beside: &str, p99: bool) {
        let seen = self.healthy.window(self.size.window);
        let ratio = seen.p99.as_secs_f64() / self.alone.p99.as_secs_f64().max(1e-6);
        self.trial.unharmed(&format!("beside {beside}"), &seen);
        self.trial.at_least(format!("healthy calls beside {beside}"), seen.calls, 1);
        if p99 {
            self.trial.slow(format!("p99 beside {beside}, of that alone"), ratio, bound::SLOWER);
        }
        self.trial.fact(format!(
            "beside {beside}: p99 {:.2} ms (alone {:.2} ms), longest {:.1} ms, {:.0} calls/s (alone {:.0}), memory {}",
            millis(seen.p99),
            millis(self.alone.p99),
            millis(seen.longest),
            seen.rate,
            self.alone.rate,
            bytes(self.grown()),
        ));
    }

    /// Connections with a session that have made one call each.
    fn idle(&mut self) -> Result<Vec<TcpStream>, String> {
        let count = self.size.connections / 2;
        let mut held = Vec::with_capacity(count);
        for number in 0..count {
            let mut attacker = Attacker::greeted(self.to(), number, 64)?;
            let answer = attacker.ask("echo", 0, 1, &("x",));
            if answer != "Done" {
                return Err(format!("{answer} in answer to a call of idle connection {number}"));
            }
            held.push(attacker.stream);
        }
        std::thread::sleep(Duration::from_millis(200));
        let each = self.grown() / count.max(1) as u64;
        self.trial.memory(format!("an idle connection of {count}, after one call"), each, bound::IDLE);
        self.judge("idle connections", true);
        Ok(held)
    }

    /// Half-open and slow connections, which are made again when they are cut.
    fn slow(&mut self) -> Result<Holder, String> {
        let holder = Holder::start(self.to(), self.size.connections / 2);
        std::thread::sleep(2 * self.size.window + Duration::from_secs(1)); // in a full siege, longer than the time for HELLO
        self.judge("half-open and slow connections", true);
        let (held, cut) = (holder.held.load(Ordering::Relaxed), holder.cut.load(Ordering::Relaxed));
        self.trial
            .fact(format!("{held} half-open and slow connections were held, {cut} were cut and made again"));
        Ok(holder)
    }

    fn readers(&mut self) -> Result<(), String> {
        // Each asks for 4 MiB: the kernel takes up to half of that, and the rest is the server's.
        let mut readers = Vec::new();
        for number in 0..READERS {
            let mut reader = Attacker::narrow(self.to(), 20_000 + number, 64)?;
            let calls: Vec<u8> =
                (0..reader.slots()).flat_map(|slot| call("big", slot, 1, &(64_u64 << 10,))).collect();
            reader.send(&calls);
            readers.push(reader);
        }
        self.judge("a thousand readers that never read", true);
        let grown = self.grown();
        self.trial.memory("pinned by all connections", grown, bound::TOGETHER);
        Ok(())
    }

    fn handshakes(&mut self) -> Result<(), String> {
        let (to, until) = (self.to(), self.size.until);
        let share = self.size.handshakes / SHAKERS as u64;
        let threads: Vec<_> =
            (0..SHAKERS).map(|thread| std::thread::spawn(move || shake(to, thread, share, until))).collect();
        let began = Instant::now();
        std::thread::sleep(Duration::from_millis(500));
        self.judge("handshakes", false);
        let (mut made, mut failed) = (0, 0);
        for thread in threads {
            let (good, bad) = thread.join().map_err(|_| "a thread panicked".to_owned())?;
            made += good;
            failed += bad;
        }
        let asked = self.size.handshakes;
        self.trial.at_most("handshakes without an answer", failed, 0);
        let rate = made as f64 / began.elapsed().as_secs_f64();
        self.trial.fact(format!("{made} of {asked} handshakes, {rate:.0}/s, memory {}", bytes(self.grown())));
        if made + failed < asked {
            let text = format!("the time was over after {made} of {asked} handshakes; --seconds gives more");
            println!("siege: {text}");
        }
        Ok(())
    }

    fn floods(&mut self) -> Result<(), String> {
        for frames in FLOODS {
            if Instant::now() >= self.size.until {
                println!("siege: the time was over before the flood of {frames:?}; --seconds gives more");
                continue;
            }
            let flood = Flood::start(self.to(), frames);
            std::thread::sleep(FLOOD);
            self.judge(&format!("a flood of {frames:?}"), false);
            flood.end()?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), String> {
        std::thread::sleep(Duration::from_secs(1));
        let memory = self.server.memory().ok_or("the server ended")?;
        let after = self.healthy.window(self.size.window);
        self.trial.fact(format!(
            "after it: p99 {:.2} ms, memory {} (peak {}, before {})",
            millis(after.p99),
            bytes(memory.resident),
            bytes(memory.peak),
            bytes(self.before.resident),
        ));
        let new = Attacker::greeted(self.to(), 60_000, 4).map(|mut new| new.ask("echo", 0, 1, &("x",)));
        self.trial.holds("a new client is served", new == Ok("Done".to_owned()), format!("{new:?}"));
        let exit = self.server.exit();
        self.trial.holds("the server lives", exit.is_none(), exit.unwrap_or_default());
        Ok(())
    }
}

/// Opens sessions and leaves them; returns the answers, and the handshakes without one.
fn shake(to: SocketAddr, thread: usize, count: u64, until: Instant) -> (u64, u64) {
    let hello = hello(64);
    let (mut made, mut failed) = (0, 0);
    while made + failed < count && Instant::now() < until {
        // A new address for each batch: a session that was never used may go, and no port is used up.
        let from = 30_000 + thread * 10_000 + (made as usize / BATCH) % 10_000;
        let left = usize::try_from(count - made - failed).unwrap_or(BATCH).min(BATCH);
        let mut open = Vec::with_capacity(left);
        for _ in 0..left {
            match Attacker::silent(to, from, false) {
                Ok(mut attacker) => {
                    attacker.send(&hello);
                    open.push(attacker);
                }
                Err(_) => failed += 1,
            }
        }
        for mut attacker in open {
            match attacker.hear(Duration::from_secs(5)).kind() {
                Some(Kind::Welcome | Kind::Busy | Kind::Reject) => made += 1,
                _ => failed += 1,
            }
        }
    }
    (made, failed)
}

/// A thread that holds half-open and slow connections: one byte a second each, made again when they are cut.
#[derive(Debug)]
struct Holder {
    stop: Arc<AtomicBool>,
    held: Arc<AtomicU64>,
    cut: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Holder {
    fn start(to: SocketAddr, count: usize) -> Self {
        let (stop, held, cut) = (Arc::default(), Arc::default(), Arc::default());
        let shared: (Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>) =
            (Arc::clone(&stop), Arc::clone(&held), Arc::clone(&cut));
        let thread = std::thread::spawn(move || hold(to, count, &shared.0, &shared.1, &shared.2));
        Holder { stop, held, cut, thread: Some(thread) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it looks after each connection
        }
    }
}

fn hold(to: SocketAddr, count: usize, stop: &AtomicBool, held: &AtomicU64, cut: &AtomicU64) {
    let hello = hello(4);
    let frame = call_raw("borrow", 0, 1, &[1; 4_000]);
    let mut lines: Vec<Option<(TcpStream, usize)>> = (0..count).map(|_| None).collect();
    while !stop.load(Ordering::Relaxed) {
        let turn = Instant::now();
        for (number, line) in lines.iter_mut().enumerate() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let half_open = number % 2 == 0;
            if line.as_ref().is_some_and(|(stream, _)| is_closed(stream)) {
                *line = None;
                cut.fetch_add(1, Ordering::Relaxed);
            }
            match line {
                None if half_open => {
                    *line = connect(to, source(10_000 + number), false).ok().map(|stream| (stream, 0));
                }
                None => {
                    *line =
                        Attacker::greeted(to, 10_000 + number, 4).ok().map(|attacker| (attacker.stream, 0));
                }
                Some((stream, sent)) => {
                    let bytes = if half_open { &hello[..hello.len() - 1] } else { &frame[..] };
                    if let Some(byte) = bytes.get(*sent) {
                        *sent += stream.write(&[*byte]).unwrap_or(0); // one that was cut is seen in the next turn
                    }
                }
            }
        }
        held.store(lines.iter().flatten().count() as u64, Ordering::Relaxed);
        while turn.elapsed() < Duration::from_secs(1) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
