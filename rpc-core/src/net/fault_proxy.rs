//! Floor 4 (feature `sim`): a TCP proxy that does to real connections what the simulator does to its own.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::ids::Time;
use crate::sim::{Delivery, Faults, FaultsSeen, Mangler};

/// Bytes on their way in one direction beyond which it is not read further.
const MOST_QUEUED: usize = 4 << 20;

/// How often a thread that has nothing to do looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

/// Stands between clients and a server, and loses, repeats, delays and reorders whole frames, and cuts connections.
///
/// Four threads for each connection: it is for tests and demonstrations. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    seed: u64,
    began: Instant,
    faults: Mutex<Faults>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// By lanes that are gone.
    seen: Mutex<FaultsSeen>,
    /// Sockets of half-open connections, held until the network heals.
    held: Mutex<Vec<TcpStream>>,
    blocked_until: AtomicU64,
    connections: AtomicU64,
    stop: AtomicBool,
}

/// One direction of one connection.
#[derive(Debug)]
struct Lane {
    mangler: Mutex<Mangler>,
    changed: Condvar,
    from: TcpStream,
    to: TcpStream,
    done: AtomicBool,
}

impl FaultProxy {
    /// Listens at `listen` (port 0: any) and passes what comes to `upstream`.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub fn start(listen: SocketAddr, upstream: SocketAddr, faults: Faults, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?; // so that it can be stopped
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
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
        let mine = Arc::clone(&shared);
        let acceptor =
            thread::Builder::new().name("fault-proxy".to_owned()).spawn(move || mine.accept(&listener))?;
        Ok(FaultProxy { addr, shared, acceptor: Some(acceptor) })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What was done so far.
    pub fn stats(&self) -> FaultsSeen {
        let lanes = lock(&self.shared.lanes);
        lanes.iter().fold(*lock(&self.shared.seen), |sum, lane| sum.plus(lock(&lane.mangler).seen()))
    }

    /// Other faults from now on, for connections that stand as well.
    pub fn set_faults(&self, faults: Faults) {
        for lane in lock(&self.shared.lanes).iter() {
            lock(&lane.mangler).set_faults(faults.clone());
        }
        *lock(&self.shared.faults) = faults;
    }

    /// No faults from now on; a partition ends, half-open connections are closed.
    pub fn heal(&self) {
        self.set_faults(Faults::none());
        self.shared.blocked_until.store(0, Ordering::Relaxed);
        lock(&self.shared.held).clear();
    }

    /// Nothing passes for so long, and no connection is made.
    pub fn partition(&self, duration: Duration) {
        let until = self.shared.now().plus(duration);
        self.shared.blocked_until.store(until.0, Ordering::Relaxed);
    }

    /// Cuts every connection now.
    pub fn cut_all(&self) {
        lock(&self.shared.held).clear();
        let lanes: Vec<_> = lock(&self.shared.lanes).clone();
        lock(&self.shared.seen).cut += lanes.len() as u64 / 2;
        for lane in lanes {
            lane.close();
        }
    }

    /// Cuts every connection and accepts no more.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join(); // after it, no connection is added
            self.cut_all();
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn now(&self) -> Time {
        Time::default().plus(self.began.elapsed())
    }

    /// How long the partition lasts, if there is one.
    fn blocked(&self) -> Option<Duration> {
        let left = Time(self.blocked_until.load(Ordering::Relaxed)).since(self.now());
        (!left.is_zero()).then_some(left)
    }

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
                        lock(&self.seen).refused += 1; // dropped, which closes it
                    }
                }
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Connects a client with the server: two lanes, two threads each.
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

    /// Forgets lanes that have ended, but not what they have seen.
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
                mangler = wait(&lane.changed, mangler, LOOK);
            }
            if count == 0 || lane.done.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn write(&self, lane: &Lane) {
        let mut mangler = lock(&lane.mangler);
        while !lane.done.load(Ordering::Relaxed) {
            let now = self.now();
            if let Some(left) = self.blocked() {
                mangler = wait(&lane.changed, mangler, left.min(LOOK));
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
                    let pause = mangler.next_at().map_or(LOOK, |at| at.since(now).min(LOOK));
                    mangler = wait(&lane.changed, mangler, pause.max(Duration::from_micros(20)));
                }
            }
        }
    }

    /// Ends a connection; after a cut, sometimes one side only is told.
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
    /// Closes both ends; the other lane of the connection reads an end of file.
    fn close(&self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = self.from.shutdown(Shutdown::Both);
        let _ = self.to.shutdown(Shutdown::Both);
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a>(changed: &Condvar, held: MutexGuard<'a, Mangler>, limit: Duration) -> MutexGuard<'a, Mangler> {
    match changed.wait_timeout(held, limit) {
        Ok((held, _)) => held,
        Err(poisoned) => poisoned.into_inner().0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{FrameDecoder, Header, Kind, append};

    const HERE: &str = "127.0.0.1:0";
    /// Longest wait for anything: a test that hangs fails.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A server that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind(HERE).expect("a port");
        let addr = listener.local_addr().expect("bound");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        addr
    }

    fn frames(count: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for seq in 1..=count {
            append(&mut bytes, &Header::for_call(Kind::Call, 0, seq), &[7; 50], true);
        }
        bytes
    }

    /// What comes back, until each frame has come or was dropped.
    fn send_and_read(proxy: &FaultProxy, count: u64) -> Vec<u64> {
        let (until, dropped) = (Instant::now() + PATIENCE, proxy.stats().dropped);
        let mut stream = TcpStream::connect(proxy.addr()).expect("the proxy listens");
        stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a socket");
        stream.write_all(&frames(count)).expect("written");
        let mut decoder = FrameDecoder::default();
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while seen.len() as u64 + proxy.stats().dropped - dropped < count && Instant::now() < until {
            let Ok(read) = stream.read(&mut buffer) else { continue };
            decoder.push(buffer[..read].to_vec().into());
            while let Ok(Some(frame)) = decoder.next_frame() {
                seen.push(frame.header.seq);
            }
        }
        seen
    }

    fn proxy(faults: Faults) -> FaultProxy {
        FaultProxy::start(HERE.parse().expect("an address"), echo(), faults, 7).expect("it listens")
    }

    #[test]
    fn without_faults_everything_passes_in_order() {
        let proxy = proxy(Faults::none().split(0.3));
        assert_eq!(send_and_read(&proxy, 100), (1..=100).collect::<Vec<_>>());
        assert_eq!(proxy.stats().forwarded, 200);
    }

    #[test]
    fn whole_frames_are_lost_inside_a_stream_that_stays_readable() {
        let proxy = proxy(Faults::none().drop(0.2));
        let seen = send_and_read(&proxy, 100);
        assert!(seen.len() < 100 && !seen.is_empty() && seen.is_sorted(), "{seen:?}");
        assert_eq!(proxy.stats().dropped, 100 - seen.len() as u64);
        proxy.heal();
        assert_eq!(send_and_read(&proxy, 20).len(), 20);
    }

    #[test]
    fn a_partition_holds_frames_back_and_lets_them_go() {
        let proxy = proxy(Faults::none());
        let mut stream = TcpStream::connect(proxy.addr()).expect("the proxy listens");
        stream.write_all(&frames(1)).expect("written");
        let mut buffer = [0; 86];
        stream.read_exact(&mut buffer).expect("an echo");
        proxy.partition(PATIENCE);
        stream.write_all(&frames(1)).expect("written");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        assert!(stream.read_exact(&mut buffer).is_err(), "it got through");
        stream.set_read_timeout(None).expect("a socket");
        proxy.partition(Duration::from_millis(10)); // which ends by itself
        stream.read_exact(&mut buffer).expect("an echo");
    }

    #[test]
    fn cut_all_and_drop_end_every_connection() {
        let proxy = proxy(Faults::none());
        for round in 0..2 {
            let mut stream = TcpStream::connect(proxy.addr()).expect("the proxy listens");
            stream.write_all(&frames(1)).expect("written");
            let mut buffer = [0; 86];
            stream.read_exact(&mut buffer).expect("an echo");
            if round == 0 {
                proxy.cut_all();
                assert!(matches!(stream.read(&mut buffer), Ok(0) | Err(_)));
            } else {
                let addr = proxy.addr();
                drop(proxy);
                assert!(matches!(stream.read(&mut buffer), Ok(0) | Err(_)));
                assert!(TcpStream::connect(addr).is_err());
                return;
            }
        }
    }
}
