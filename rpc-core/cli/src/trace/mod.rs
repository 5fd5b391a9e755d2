//! `rpc trace`: a proxy in front of a server that shows each frame which passes, byte by byte.
//!
//! `known` asks the server for the types of its methods, `socket` has TCP and Unix sockets as one, `pass` carries the bytes of a
//! connection, and `show` and `chrome` write what was seen.

mod chrome;
mod known;
mod pass;
mod show;
mod socket;

use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrome::Chrome;
use clap::Args;
use rpc_core::Escaped;
use rpc_frames::{Methods, Style};
use show::{Form, Output};
use socket::{Server, Socket};

use crate::status::{Failure, Status};

/// Most connections at the same time: each has two threads, and memory for two frames.
const MOST_CONNECTIONS: usize = 1024;
/// The stack of a thread that passes bytes on: a value is opened through at most 64 levels.
const STACK: usize = 1 << 20;
/// The pause after a failure to accept, most often for lack of descriptors: others may be closed meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// Shows each frame between clients and a server: clients connect to LISTEN, and their bytes go on to SERVER unchanged
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The address for clients: HOST:PORT; port 0 takes a free one
    listen: String,
    /// The server: HOST:PORT, or unix:/PATH
    server: String,
    /// A line of JSON for each frame, with all its fields
    #[arg(long)]
    json: bool,
    /// One line for each frame, without its bytes
    #[arg(long, conflicts_with = "json")]
    short: bool,
    /// Also write each call as an event to this file, for a viewer of traces: chrome://tracing, or ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    chrome: Option<PathBuf>,
    /// Bytes of a frame that are kept and shown; its checksum is judged over all of them
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(36..=1 << 20))]
    keep: u32,
    /// End after this many connections have ended
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections: Option<u32>,
    /// Do not ask the server for the types of its methods: it may not be running yet
    #[arg(long)]
    without_types: bool,
}

/// Runs the proxy.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let server: Server = options.server.parse().map_err(|text: String| Failure::new(Status::Usage, text))?;
    let addresses = options.listen.to_socket_addrs().map_err(|error| {
        let listen = &options.listen;
        Failure::new(
            Status::Usage,
            format!("{listen} is no address to listen at, as 127.0.0.1:4001 is: {error}"),
        )
    })?;
    let chrome = options.chrome.as_ref().map(|path| {
        let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
        Chrome::begin(file).map_err(|error| cannot_write(path, &error))
    });
    let chrome = chrome.transpose()?;
    let listener = TcpListener::bind(&addresses.collect::<Vec<_>>()[..]).map_err(|error| {
        Failure::new(Status::Server, format!("cannot listen at {}: {error}", options.listen))
    })?;
    let methods =
        if options.without_types { known::of_reflection() } else { known::ask(&server, &options.server)? };
    let form = match (options.json, options.short) {
        (true, _) => Form::Json,
        (false, true) => Form::Short,
        (false, false) => Form::Bytes(Style { colour: wants_colour(), most: options.keep as usize }),
    };
    let output = Mutex::new(Output::new(form, chrome, started()));
    let proxy =
        Arc::new(Proxy { server, methods, keep: options.keep as usize, output, open: AtomicUsize::new(0) });
    let at = listener.local_addr().map_err(|error| Failure::new(Status::Server, error.to_string()))?;
    proxy
        .output()
        .note(&format!("clients connect to {at}; their frames go on to {}", Escaped(&options.server)));
    accept(&listener, &proxy, options.connections)
}

fn cannot_write(path: &std::path::Path, error: &io::Error) -> Failure {
    Failure::new(Status::Usage, format!("cannot write {}: {error}", path.display()))
}

fn wants_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Returns the present as both clocks have it.
fn started() -> (Instant, Duration) {
    (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The state that all threads share.
#[derive(Debug)]
struct Proxy {
    server: Server,
    methods: Methods,
    /// Bytes of a frame that are kept.
    keep: usize,
    output: Mutex<Output>,
    /// The connections that are open.
    open: AtomicUsize,
}

impl Proxy {
    fn output(&self) -> std::sync::MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Accepts connections, for ever or so many.
fn accept(listener: &TcpListener, proxy: &Arc<Proxy>, most: Option<u32>) -> Result<(), Failure> {
    let mut threads = Vec::new();
    for number in 1_u32.. {
        if most.is_some_and(|most| number > most) {
            break;
        }
        let client = loop {
            match listener.accept() {
                Ok((client, _)) => break client,
                Err(_) => thread::sleep(PAUSE),
            }
        };
        if proxy.open.load(Ordering::Relaxed) >= MOST_CONNECTIONS {
            let text = format!("refused: {MOST_CONNECTIONS} connections are open");
            proxy.output().event(number, "refused", &text);
            continue;
        }
        proxy.open.fetch_add(1, Ordering::Relaxed);
        let mine = Arc::clone(proxy);
        let begun = thread::Builder::new().stack_size(STACK).spawn(move || one(&mine, number, client));
        match begun {
            Ok(thread) if most.is_some() => threads.push(thread),
            Ok(_) => {}
            Err(error) => {
                proxy.open.fetch_sub(1, Ordering::Relaxed);
                proxy.output().event(number, "refused", &format!("refused: no thread for it: {error}"));
            }
        }
    }
    for thread in threads {
        let _ = thread.join(); // a panic was told on standard error
    }
    proxy.output().finish();
    Ok(())
}

/// Carries one connection from its beginning to its end.
fn one(proxy: &Arc<Proxy>, number: u32, client: TcpStream) {
    let peer = client.peer_addr().map_or_else(|_| "?".to_owned(), |peer| peer.to_string());
    proxy.output().event(number, "opened", &format!("opened by {peer}"));
    let end = match proxy.server.connect() {
        Ok(server) => match pass::both_ways(proxy, number, Socket::Tcp(client), server) {
            Ok(()) => "closed".to_owned(),
            Err(error) => format!("closed: {error}"),
        },
        Err(error) => format!("closed: cannot reach the server: {error}"),
    };
    proxy.output().event(number, "closed", &end);
    proxy.open.fetch_sub(1, Ordering::Relaxed);
}
