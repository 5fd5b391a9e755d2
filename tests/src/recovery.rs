//! The processes of `prove recovery`: a server in a process of its own, and a relay that refuses, cuts, and falls silent.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rpc_core::{Server, rpc};

use crate::processes::child::{ChildProcess, LISTENS};
use crate::processes::words::Words;

/// The role of the server's process.
pub(crate) const SERVER: &str = "recovery-server";
/// The interval at which the threads of a relay look at its state.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The service.
#[rpc]
pub(crate) trait Answer {
    /// Returns the number.
    fn answer(&self, number: u64) -> u64;
}

struct Same;

impl Answer for Same {
    fn answer(&self, number: u64) -> u64 {
        number
    }
}

/// Plays the role of the server, until its standard input ends.
pub(crate) fn serve(_: &Words) -> Result<(), String> {
    let server = Server::builder().service(AnswerServer::new(Same)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).map_err(|error| error.to_string())?;
    println!("{LISTENS}{}", server.local_addr());
    let _ = std::io::stdin().read_to_end(&mut Vec::new()); // an error is its end too
    Ok(())
}

/// Starts the server.
pub(crate) fn start_server() -> Result<(ChildProcess, SocketAddr), String> {
    ChildProcess::listen(SERVER, &Words::new(std::iter::empty()))
}

/// A relay between a client and its server.
pub(crate) struct Relay {
    state: Arc<State>,
    address: SocketAddr,
    upstream: SocketAddr,
}

#[derive(Default)]
struct State {
    /// Connections before this number pass nothing.
    silent_before: AtomicU64,
    /// The number of connections so far.
    accepted: AtomicU64,
    /// The thread that accepts ends.
    refuses: AtomicBool,
    /// The sockets of all connections.
    sockets: Mutex<Vec<TcpStream>>,
    /// The thread that accepts.
    accepts: Mutex<Option<std::thread::JoinHandle<()>>>,
}

fn text(error: std::io::Error) -> String {
    format!("the relay: {error}")
}

impl Relay {
    /// Begins to listen.
    pub(crate) fn start(upstream: SocketAddr) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let address = listener.local_addr().map_err(text)?;
        let relay = Relay { state: Arc::default(), address, upstream };
        relay.accept(listener)?;
        Ok(relay)
    }

    /// Returns the address at which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes any more on the connections that there are. Returns the time.
    pub(crate) fn silence(&self) -> Result<Instant, String> {
        self.state.silent_before.store(self.state.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(Instant::now())
    }

    /// Cuts all connections and listens no longer. Returns the time.
    pub(crate) fn refuse(&self) -> Result<Instant, String> {
        self.state.refuses.store(true, Ordering::SeqCst);
        let accepts = self.state.accepts.lock().unwrap_or_else(PoisonError::into_inner).take();
        if accepts.is_some_and(|thread| thread.join().is_err()) {
            return Err("the relay's thread panicked".to_owned());
        }
        for socket in self.state.sockets.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = socket.shutdown(std::net::Shutdown::Both); // it may have ended by itself
        }
        Ok(Instant::now())
    }

    /// Listens again at the same address. Returns the time.
    pub(crate) fn listen(&self) -> Result<Instant, String> {
        self.state.refuses.store(false, Ordering::SeqCst);
        self.accept(TcpListener::bind(self.address).map_err(text)?)?;
        Ok(Instant::now())
    }

    fn accept(&self, listener: TcpListener) -> Result<(), String> {
        listener.set_nonblocking(true).map_err(text)?;
        let (state, upstream) = (Arc::clone(&self.state), self.upstream);
        let thread = std::thread::spawn(move || {
            while !state.refuses.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => state.connect(client, upstream),
                    Err(_) => std::thread::sleep(LOOK_EVERY),
                }
            }
        });
        *self.state.accepts.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.refuse(); // its threads end
    }
}

impl State {
    /// Passes bytes between a client and a new connection to the server.
    fn connect(self: &Arc<Self>, client: TcpStream, upstream: SocketAddr) {
        let number = self.accepted.fetch_add(1, Ordering::SeqCst);
        let Ok(server) = TcpStream::connect(upstream) else { return };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (Ok(from), Ok(to), Ok(kept)) = (from.try_clone(), to.try_clone(), from.try_clone()) else {
                return;
            };
            self.sockets.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            let state = Arc::clone(self);
            std::thread::spawn(move || state.pass(number, from, to));
        }
    }

    /// Passes the bytes of one direction, until its end.
    fn pass(&self, number: u64, mut from: TcpStream, mut to: TcpStream) {
        let _ = (from.set_nonblocking(false), to.set_nodelay(true)); // a relay that is slow shows in the figures
        let mut bytes = [0; 4096];
        loop {
            match from.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                // What arrives is swallowed, as on a way that has lost the state of the connection.
                Ok(_) if number < self.silent_before.load(Ordering::SeqCst) => {}
                Ok(count) if to.write_all(&bytes[..count]).is_err() => break,
                Ok(_) => {}
            }
        }
        if number >= self.silent_before.load(Ordering::SeqCst) {
            let _ = to.shutdown(std::net::Shutdown::Both); // it may have ended by itself
        }
    }
}
