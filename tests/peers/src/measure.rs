//! One measurement: a fresh server, a load, a time that counts.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rpc_examples::children::{Children, Worker};
use rpc_examples::choices::name_of;
use rpc_examples::status::{Failure, Status};
use rpc_ours::work::Work;

use crate::options::Place;
use crate::peer::Peer;
use crate::processes::{cpu_nanoseconds, resident_bytes, start, two_processors};
use crate::programs::Programs;
use crate::raw::{Language, fill};
use crate::syscalls::{self, COUNTED};

/// The time before the counted one: caches fill, and the server learns which methods are quick.
const WARM: Duration = Duration::from_millis(150);
/// Time limit for a line from a process, beside the time that it measures.
const PATIENCE: Duration = Duration::from_secs(30);
/// The server's memory is read this long after the last step: it has then handled all connections.
const SETTLE: Duration = Duration::from_millis(200);

/// The figures of one peer in one work, in one round. A figure that was not measured is `None`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) calls_per_second: Option<f64>,
    pub(crate) p50_micros: Option<f64>,
    pub(crate) p99_micros: Option<f64>,
    pub(crate) server_cpu_micros: Option<f64>,
    pub(crate) client_cpu_micros: Option<f64>,
    pub(crate) server_syscalls: Option<f64>,
    pub(crate) client_syscalls: Option<f64>,
    pub(crate) connected_bytes: Option<f64>,
    pub(crate) called_bytes: Option<f64>,
}

/// The fixed parts of all measurements.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) children: Children,
    pub(crate) programs: Programs,
    pub(crate) time: Duration,
    /// Connections of the measurement of memory.
    pub(crate) idle: usize,
}

/// Both ends of a measurement.
struct Pair {
    server: Worker,
    load: Worker,
}

impl Bench {
    /// Measures a load. With `count_syscalls`, only its system calls: counting them takes time of its own.
    pub(crate) fn load(
        &self,
        place: Place,
        peer: Peer,
        work: &Work,
        count_syscalls: bool,
    ) -> Result<Figures, Failure> {
        // `perf` needs a moment before it counts.
        let time = if count_syscalls { Duration::from_secs_f64(COUNTED * 2.0) } else { self.time };
        let pair =
            self.start(place, peer, |address| self.programs.load(peer, address, work, (WARM, time)))?;
        let until = Instant::now() + WARM + time + PATIENCE;
        let before = line(&pair.load, until, "begin")?;
        let cpu = || [cpu_nanoseconds(pair.server.pid()), cpu_nanoseconds(pair.load.pid())];
        let (began, counting) = (cpu(), count_syscalls.then(|| [&pair.server, &pair.load].map(count)));
        let [server_syscalls, client_syscalls] =
            counting.unwrap_or_default().map(|counting| counting.and_then(syscalls::Counting::per_second));
        let after = line(&pair.load, until, "end")?;
        let ended = cpu();
        let (Some(first), Some([last, nanoseconds])) = (before.first(), after.first_chunk()) else {
            return Err(Failure::new(Status::Server, "a line of the load without its numbers"));
        };
        let calls = last.saturating_sub(*first) as f64;
        if calls == 0.0 {
            return Err(Failure::new(Status::Server, "no call had its reply in the time"));
        }
        let per_second = calls / (*nanoseconds as f64 / 1e9);
        if count_syscalls {
            let per_call = |syscalls: Option<f64>| syscalls.map(|syscalls| syscalls / per_second);
            return Ok(Figures {
                server_syscalls: per_call(server_syscalls),
                client_syscalls: per_call(client_syscalls),
                ..Figures::default()
            });
        }
        let cpu = |which: usize| {
            let (began, ended) = (began[which]?, ended[which]?);
            Some(ended.saturating_sub(began) as f64 / 1e3 / calls)
        };
        let latencies = latencies(&pair.load, until)?;
        let quantile = |part: f64| {
            let latencies = latencies.as_ref().filter(|_| work.is_timed())?;
            Some(latencies.value_at_quantile(part) as f64 / 1e3)
        };
        Ok(Figures {
            calls_per_second: Some(per_second),
            p50_micros: quantile(0.5),
            p99_micros: quantile(0.99),
            server_cpu_micros: cpu(0),
            client_cpu_micros: cpu(1),
            ..Figures::default()
        })
    }

    /// Measures the server's memory for each of many connections: connected, and after a call.
    pub(crate) fn idle(&self, peer: Peer) -> Result<Figures, Failure> {
        let pair = self.start(Place::None, peer, |address| self.programs.idle(peer, address, self.idle))?;
        let until = Instant::now() + PATIENCE;
        let mut memory = Vec::new();
        for step in ["first", "connected", "called"] {
            line(&pair.load, until, step)?;
            thread::sleep(SETTLE);
            memory.push(resident_bytes(pair.server.pid()));
            pair.load.tell("go on")?;
        }
        let each = |step: usize| {
            let (first, now) = (memory[0]?, memory[step]?);
            Some(now.saturating_sub(first) as f64 / self.idle as f64)
        };
        Ok(Figures { connected_bytes: each(1), called_bytes: each(2), ..Figures::default() })
    }

    fn start(
        &self,
        place: Place,
        peer: Peer,
        load: impl FnOnce(SocketAddr) -> Result<std::process::Command, Failure>,
    ) -> Result<Pair, Failure> {
        let name = name_of(peer);
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?; // free now, and not given again at once
        let (first, second) = two_processors()?;
        let (server_at, load_at) = match place {
            Place::Same => (Some(first), Some(first)),
            Place::Split => (Some(first), second),
            Place::None => (None, None),
        };
        let command = self.programs.server(peer, address)?;
        let server = start(&self.children, &format!("the server of {name}"), command, server_at)?;
        wait_until_it_accepts(&server, address)?;
        if peer == Peer::Redis {
            fill(address, Language::Redis).map_err(|error| Failure::new(Status::Server, error))?;
        }
        let load = start(&self.children, &format!("the load of {name}"), load(address)?, load_at)?;
        Ok(Pair { server, load })
    }
}

fn count(process: &Worker) -> Option<syscalls::Counting> {
    syscalls::begin(process.pid())
}

fn wait_until_it_accepts(server: &Worker, address: SocketAddr) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        if server.has_ended() || Instant::now() > until {
            return Err(Failure::new(Status::Server, format!("{} does not serve", server.name())));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Reads the line that begins with this word, and returns its numbers.
fn line(load: &Worker, until: Instant, word: &str) -> Result<Vec<u64>, Failure> {
    let line = load.next_line(until)?;
    numbers(&line, word)
        .ok_or_else(|| Failure::new(Status::Server, format!("{} wrote {line:?}", load.name())))
}

fn numbers(line: &str, word: &str) -> Option<Vec<u64>> {
    let mut words = line.split_whitespace();
    (words.next()? == word).then_some(())?;
    words.map(|word| word.parse().ok()).collect()
}

/// Reads the latencies, up to the end of the load's output.
fn latencies(load: &Worker, until: Instant) -> Result<Option<Histogram<u64>>, Failure> {
    let mut all: Option<Histogram<u64>> = None;
    loop {
        let line = match load.next_line(until) {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(all),
            Err(error) => return Err(error.into()),
        };
        let pair = numbers(&line, "latency");
        let Some([nanoseconds, count]) = pair.as_deref().and_then(|pair| pair.first_chunk()) else {
            return Err(Failure::new(Status::Server, format!("{} wrote {line:?}", load.name())));
        };
        let all = match &mut all {
            Some(all) => all,
            None => all.insert(Histogram::new(3).map_err(|error| Failure::new(Status::Server, error))?),
        };
        all.record_n(*nanoseconds, *count).map_err(|error| Failure::new(Status::Server, error))?;
    }
}
