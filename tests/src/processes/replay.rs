//! A proxy that keeps the bytes that each connection has sent to the server, and sends them again on a new connection.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bytes of one connection that are kept: thousands of calls. A longer one is not sent again, since it would not be whole.
const MOST_BYTES: usize = 1 << 20;
/// Connections that are kept, the newest ones.
const MOST_CONNECTIONS: usize = 32;
/// The time for which the server's answers to a replay are read, before its connection is closed.
const ANSWERS: Duration = Duration::from_millis(200);
/// The pause of the acceptor when no connection waits.
const IDLE: Duration = Duration::from_millis(1);
/// The place of the byte that says that a HELLO resumes a session: W9, behind the header.
const RESUMES: usize = 36 + 14;

/// The proxy. It accepts no more when dropped; its connections end with their peers.
#[derive(Debug)]
pub(super) struct Replayer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    /// True if connections that open a session are sent again too.
    openings: bool,
    kept: Mutex<VecDeque<Arc<Mutex<Vec<u8>>>>>,
    replays: AtomicU64,
    bytes: AtomicU64,
    stop: AtomicBool,
}

impl Replayer {
    /// Listens at any port and forwards to `upstream`.
    pub(super) fn start(upstream: SocketAddr, openings: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?; // so that the thread can be stopped
        let addr = listener.local_addr()?;
        let (replays, bytes, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { upstream, openings, kept: Mutex::default(), replays, bytes, stop });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::Builder::new().name("replayer".to_owned()).spawn(move || {
            while !accepting.stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => drop(accepting.join(client)), // an error closes both ends
                    Err(_) => thread::sleep(IDLE),
                }
            }
        })?;
        Ok(Replayer { addr, shared, acceptor: Some(acceptor) })
    }

    /// Returns the address to connect to.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends all bytes of a connection once more, of one that lives or has ended, and returns false if none is kept.
    pub(super) fn replay(&self, random: &mut fastrand::Rng) -> bool {
        let kept = lock(&self.shared.kept);
        let fit: Vec<_> = kept.iter().filter(|record| self.shared.may_replay(&lock(record))).collect();
        let Some(record) = random.choice(fit) else { return false };
        let bytes = lock(record).clone();
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name("replay".to_owned()).spawn(move || drop(shared.send(&bytes))).is_ok()
    }

    /// Returns the number of replays that were sent whole, and of their bytes.
    pub(super) fn replays(&self) -> (u64, u64) {
        (self.shared.replays.load(Ordering::Relaxed), self.shared.bytes.load(Ordering::Relaxed))
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join(); // it returns within its pause
        }
    }
}

impl Shared {
    fn may_replay(&self, bytes: &[u8]) -> bool {
        let resumes = bytes.get(RESUMES) == Some(&1);
        (resumes || self.openings && bytes.len() > RESUMES) && bytes.len() < MOST_BYTES
    }

    /// Connects a client with the server: a thread for each direction.
    fn join(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        let server = TcpStream::connect(self.upstream)?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
        }
        let record = Arc::new(Mutex::new(Vec::new()));
        let mut kept = lock(&self.kept);
        if kept.len() == MOST_CONNECTIONS {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&record));
        drop(kept);
        let (from, to) = (server.try_clone()?, client.try_clone()?);
        thread::Builder::new().name("replayer-up".to_owned()).spawn(move || {
            forward(&client, &server, |bytes| {
                let mut record = lock(&record);
                let room = MOST_BYTES - record.len();
                record.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            });
        })?;
        thread::Builder::new().name("replayer-down".to_owned()).spawn(move || forward(&from, &to, |_| ()))?;
        Ok(())
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut server = TcpStream::connect(self.upstream)?;
        server.set_write_timeout(Some(ANSWERS))?;
        server.set_read_timeout(Some(ANSWERS))?;
        let mut answers = server.try_clone()?;
        // The answers are read meanwhile: a server does not read a peer that reads nothing.
        let reader = thread::spawn(move || io::copy(&mut answers, &mut io::sink()));
        let sent = server.write_all(bytes);
        let _ = server.shutdown(Shutdown::Write); // a peer that has gone is no fault here
        let _ = reader.join(); // it ends when the server closes, or has been silent
        sent?;
        self.replays.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Forwards one direction until its end, which closes both.
fn forward(mut from: &TcpStream, mut to: &TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        keep(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    for end in [from, to] {
        let _ = end.shutdown(Shutdown::Both); // at worst it is closed already
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // a record is valid at every step
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::{RESUMES, Replayer};

    fn hello(resumes: u8) -> Vec<u8> {
        let mut bytes = vec![7; RESUMES + 20];
        bytes[RESUMES] = resumes;
        bytes
    }

    /// Sends bytes through the proxy, and returns what the server behind it reads in a first and in a replayed connection.
    fn replayed(bytes: &[u8], openings: bool) -> (Vec<u8>, Option<Vec<u8>>) {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let replayer = Replayer::start(server.local_addr().expect("bound"), openings).expect("it starts");
        let mut client = TcpStream::connect(replayer.addr()).expect("it listens");
        client.write_all(bytes).expect("open");
        drop(client);
        let read = || {
            let mut read = Vec::new();
            server.accept().expect("connected").0.read_to_end(&mut read).expect("open");
            read
        };
        let first = read();
        let again = replayer.replay(&mut fastrand::Rng::with_seed(1)).then(read);
        (first, again)
    }

    #[test]
    fn a_connection_is_forwarded_and_sent_again_whole() {
        assert_eq!(replayed(&hello(1), false), (hello(1), Some(hello(1))));
        assert_eq!(replayed(&hello(0), true), (hello(0), Some(hello(0))));
    }

    #[test]
    fn a_connection_that_opens_a_session_is_sent_again_only_where_that_is_asked_for() {
        assert_eq!(replayed(&hello(0), false), (hello(0), None));
    }
}
