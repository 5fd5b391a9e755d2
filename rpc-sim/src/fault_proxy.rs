//! A TCP proxy that causes the faults of the simulator on real connections.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rpc_core::ids::Time;

use crate::faults::{Faults, FaultsSeen};
use crate::mangler::{Delivery, Mangler};

/// The number of queued bytes of one direction at which the proxy stops reading.
const MOST_QUEUED: usize = 4 << 20;

/// The interval at which an idle thread checks if it must stop.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// A proxy between clients and a server that drops, repeats, delays and reorders whole frames, and cuts connections.
///
/// It uses four threads for each connection, since it is for tests and demonstrations. It stops when it is dropped.
///
/// ```
/// use std::time::Duration;
/// use rpc_core::{Connector, Health, HealthClient, Server};
/// use rpc_sim::{FaultProxy, Faults};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?.spawn()?;
/// let faults = Faults::none().duplicate(0.5);
/// let proxy = FaultProxy::start("127.0.0.1:0".parse()?, server.local_addr(), faults, 1)?;
///
/// let settings = Connector::new().connect_timeout(Duration::from_secs(10));
/// let health: HealthClient = settings.connect(proxy.addr())?; // in place of the server's address
/// health.check()?;
/// # health.call.close();
/// # server.drain_within(Duration::ZERO); // BYE may still be on its way
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    /// The address at which the proxy listens.
    addr: SocketAddr,
    /// The state that all threads share.
    inner: Arc<ProxyInner>,
    /// The thread that accepts connections; `None` once the proxy was stopped.
    acceptor: Option<JoinHandle<()>>,
}

/// The state that all threads of a proxy share.
#[derive(Debug)]
struct ProxyInner {
    /// The address of the server.
    upstream: SocketAddr,
    /// The seed of all random choices.
    seed: u64,
    /// The time at which the proxy was started.
    began: Instant,
    /// The faults of new connections.
    faults: Mutex<Faults>,
    /// The lanes of all open connections.
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// The faults of lanes that have ended.
    seen: Mutex<FaultsSeen>,
    /// The sockets of half-open connections, kept until the network heals.
    held: Mutex<Vec<TcpStream>>,
    /// The end of the partition, in the proxy's time.
    blocked_until: AtomicU64,
    /// The number of connections so far.
    connections: AtomicU64,
    /// True if all threads must stop.
    stop: AtomicBool,
}

/// One direction of one connection.
#[derive(Debug)]
struct Lane {
    /// The frames under way, and the faults they meet.
    mangler: Mutex<Mangler>,
    /// Notified after every change of the mangler.
    changed: Condvar,
    /// The socket that is read.
    from: TcpStream,
    /// The socket that is written.
    to: TcpStream,
    /// True once the connection has ended.
    done: AtomicBool,
}

impl FaultProxy {
    /// Listens at `listen` (port 0: any) and forwards all bytes to `upstream`.
    ///
    /// # Errors
    /// Returns an error if it cannot listen there.
    pub fn start(listen: SocketAddr, upstream: SocketAddr, faults: Faults, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?; // so that the thread can be stopped
        let addr = listener.local_addr()?;
        let inner = Arc::new(ProxyInner {
            upstream,
            seed,
            began: Instant::now(),
            faults: Mutex::new(faults),
            lanes: Mutex::default(),
            seen: Mutex::default(),
            held: Mutex::default(),
            blocked_until: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let mine = Arc::clone(&inner);
        let acceptor =
            thread::Builder::new().name("fault-proxy".to_owned()).spawn(move || mine.accept(&listener))?;
        Ok(FaultProxy { addr, inner, acceptor: Some(acceptor) })
    }

    /// Returns the address that clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the number of faults so far.
    pub fn seen(&self) -> FaultsSeen {
        let lanes = lock(&self.inner.lanes);
        lanes.iter().fold(*lock(&self.inner.seen), |sum, lane| sum.plus(lock(&lane.mangler).seen()))
    }

    /// Sets the faults from now on, for open connections as well.
    pub fn set_faults(&self, faults: Faults) {
        for lane in lock(&self.inner.lanes).iter() {
            lock(&lane.mangler).set_faults(faults.clone());
        }
        *lock(&self.inner.faults) = faults;
    }

    /// Ends all faults: a partition ends, and half-open connections are closed.
    pub fn heal(&self) {
        self.set_faults(Faults::none());
        self.inner.blocked_until.store(0, Ordering::Relaxed);
        lock(&self.inner.held).clear();
    }

    /// Forwards nothing and makes no connection for this duration.
    pub fn partition(&self, duration: Duration) {
        let until = self.inner.now().plus(duration);
        self.inner.blocked_until.store(until.0, Ordering::Relaxed);
    }

    /// Cuts every connection now.
    pub fn cut_all(&self) {
        lock(&self.inner.held).clear();
        let lanes: Vec<_> = lock(&self.inner.lanes).clone();
        lock(&self.inner.seen).cut += lanes.len() as u64 / 2;
        for lane in lanes {
            lane.close();
        }
    }

    /// Cuts every connection and accepts no more.
    pub fn stop(&mut self) {
        self.inner.stop.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join(); // from here on no connection is added
            self.cut_all();
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ProxyInner {
    /// Returns the time since the proxy was started.
    fn now(&self) -> Time {
        Time::default().plus(self.began.elapsed())
    }

    /// Returns the time that a partition lasts, if there is one.
    fn blocked(&self) -> Option<Duration> {
        let left = Time(self.blocked_until.load(Ordering::Relaxed)).since(self.now());
        (!left.is_zero()).then_some(left)
    }

    /// Accepts connections until the proxy is stopped.
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        while !self.stop.load(Ordering::Relaxed) {
            if self.blocked().is_some() {
                thread::sleep(Duration::from_millis(2));
                continue;
            }
            match listener.accept() {
                Ok((client, _)) => {
                    if random.f64() < lock(&self.faults).refuse || self.join(client).is_err() {
                        lock(&self.seen).refused += 1; // dropping the socket closes it
                    }
                }
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Connects a client with the server: two lanes with two threads each.
    fn join(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        client.set_nodelay(true)?;
        let server = TcpStream::connect_timeout(&self.upstream, Duration::from_secs(2))?;
        server.set_nodelay(true)?;
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let ends = [(client.try_clone()?, server.try_clone()?), (server, client)];
        for ((from, to), way) in ends.into_iter().zip(0..) {
            let mangler = Mangler::new(lock(&self.faults).clone(), self.seed ^ (number * 2 + way));
            let done = AtomicBool::new(false);
            let lane =
                Arc::new(Lane { mangler: Mutex::new(mangler), changed: Condvar::new(), from, to, done });
            let mut lanes = lock(&self.lanes);
            self.sweep(&mut lanes);
            lanes.push(Arc::clone(&lane));
            drop(lanes);
            let (reader, writer) = (Arc::clone(self), Arc::clone(self));
            let other = Arc::clone(&lane);
            thread::Builder::new().name("fault-proxy-reads".to_owned()).spawn(move || reader.read(&lane))?;
            thread::Builder::new()
                .name("fault-proxy-writes".to_owned())
                .spawn(move || writer.write(&other))?;
        }
        Ok(())
    }

    /// Removes lanes that have ended, and keeps the count of their faults.
    fn sweep(&self, lanes: &mut Vec<Arc<Lane>>) {
        lanes.retain(|lane| {
            let done = lane.done.load(Ordering::Relaxed);
            if done {
                let mut seen = lock(&self.seen);
                *seen = seen.plus(lock(&lane.mangler).seen());
            }
            !done
        });
    }

    /// Reads one direction of a connection until its end.
    fn read(&self, lane: &Lane) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = (&lane.from).read(&mut buffer).unwrap_or(0);
            let mut mangler = lock(&lane.mangler);
            if count == 0 {
                mangler.end(self.now());
            } else {
                mangler.push(buffer.get(..count).unwrap_or_default(), self.now());
            }
            lane.changed.notify_all();
            while mangler.queued() > MOST_QUEUED && !lane.done.load(Ordering::Relaxed) {
                mangler = wait(&lane.changed, mangler, CHECK_EVERY);
            }
            if count == 0 || lane.done.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Writes one direction of a connection, as the mangler delivers it.
    fn write(&self, lane: &Lane) {
        let mut mangler = lock(&lane.mangler);
        while !lane.done.load(Ordering::Relaxed) {
            let now = self.now();
            if let Some(left) = self.blocked() {
                mangler = wait(&lane.changed, mangler, left.min(CHECK_EVERY));
                continue;
            }
            match mangler.pop(now) {
                Some(Delivery::Bytes(bytes)) => {
                    drop(mangler);
                    if (&lane.to).write_all(&bytes).is_err() {
                        return lane.close();
                    }
                    mangler = lock(&lane.mangler);
                    lane.changed.notify_all(); // there may be room again
                }
                Some(Delivery::End) => {
                    let was_cut = mangler.seen().cut > 0;
                    drop(mangler);
                    return self.end(lane, was_cut);
                }
                None => {
                    let pause = mangler.next_at().map_or(CHECK_EVERY, |at| at.since(now).min(CHECK_EVERY));
                    mangler = wait(&lane.changed, mangler, pause.max(Duration::from_micros(20)));
                }
            }
        }
    }

    /// Ends a connection. After a cut, sometimes only one side sees the end.
    fn end(&self, lane: &Lane, was_cut: bool) {
        let half_open =
            was_cut && fastrand::Rng::with_seed(self.now().0).f64() < lock(&self.faults).half_open;
        if half_open {
            let _ = lane.to.shutdown(Shutdown::Both);
            lane.done.store(true, Ordering::Relaxed);
            if let Ok(kept) = lane.from.try_clone() {
                lock(&self.held).push(kept);
            }
        } else {
            lane.close();
        }
    }
}

impl Lane {
    /// Closes both ends. The other lane of the connection reads an end of file.
    fn close(&self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = self.from.shutdown(Shutdown::Both);
        let _ = self.to.shutdown(Shutdown::Both);
        self.changed.notify_all();
    }
}

/// Locks a mutex. A thread that panics leaves no state half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a lane changes, or `limit` is over.
fn wait<'a>(changed: &Condvar, held: MutexGuard<'a, Mangler>, limit: Duration) -> MutexGuard<'a, Mangler> {
    match changed.wait_timeout(held, limit) {
        Ok((held, _)) => held,
        Err(poisoned) => poisoned.into_inner().0,
    }
}
