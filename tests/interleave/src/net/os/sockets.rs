//! Simulated connections and listeners.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};

use super::lock;
use super::poll::{Event, Registration, Source};
use crate::net::Address;
use crate::net::sync::thread;
use crate::proto::peer::Peer;
use crate::world;

/// Unread bytes that a connection holds in each direction, unless a scenario wants less: more than its calls need at once.
pub(crate) const CAPACITY: usize = 4096;

/// One end of a connection.
#[derive(Debug, Default)]
struct End {
    incoming: VecDeque<u8>,
    closed: bool,
    registration: Option<Registration>,
    /// The other side found no room: it is told when there is.
    wants_room: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Line {
    ends: [End; 2],
    /// No answer to the connecting, or cut since.
    dead: bool,
}

impl Line {
    fn tell(&self, side: usize) {
        let end = &self.ends[side];
        let Some(Registration { poll, token }) = &end.registration else { return };
        let closed = self.ends[1 - side].closed || self.dead;
        let readable = !end.incoming.is_empty() || closed;
        let writable = self.ends[1 - side].incoming.len() < capacity() || closed;
        poll.push(Event { token: *token, readable, writable, closed, failed: self.dead });
    }
}

fn capacity() -> usize {
    world::with(|world| world.capacity)
}

/// Cuts every connection: each side sees a reset.
pub(crate) fn cut_all() {
    let lines = world::with(|world| std::mem::take(&mut world.lines));
    for line in lines.iter().filter_map(Weak::upgrade) {
        let mut line = lock(&line);
        line.dead = true;
        line.tell(0);
        line.tell(1);
    }
    world::switch();
}

#[derive(Debug)]
pub(crate) struct Stream {
    line: Arc<Mutex<Line>>,
    side: usize,
    peer: SocketAddr,
}

impl Stream {
    pub(crate) fn connect(to: &Address) -> io::Result<Self> {
        let to = to.tcp().ok_or(ErrorKind::Unsupported)?; // the simulated machine has no files
        let port = world::with(|world| world.ports.get(&to).cloned());
        let line = Arc::new(Mutex::new(Line { dead: port.is_none(), ..Line::default() }));
        world::note(|| format!("connects to {to}, which listens: {}", port.is_some()));
        world::with(|world| world.lines.push(Arc::downgrade(&line)));
        if let Some(port) = port {
            let from = world::with(|world| {
                world.next_port += 1;
                SocketAddr::from(([127, 0, 0, 1], world.next_port))
            });
            let server = Stream { line: Arc::clone(&line), side: 1, peer: from };
            port.arrive(server);
        }
        Ok(Stream { line, side: 0, peer: to })
    }

    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(lock(&self.line).dead.then(|| ErrorKind::ConnectionRefused.into()))
    }

    pub(crate) fn connected(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A defect that a scenario wants of a thread: it panics in the middle of its work.
fn perhaps_panic() {
    let me = thread::number();
    let wanted = world::with(|world| {
        let name = world.threads.get(&me).map_or("caller", String::as_str);
        let wanted = world.defect.is_some_and(|defect| name.starts_with(defect));
        if wanted {
            world.defect = None;
        }
        wanted
    });
    assert!(!wanted, "a defect, as the scenario wants");
}

impl Stream {
    pub(crate) fn read_more(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let before = into.len();
        into.resize(into.capacity(), 0);
        let read = self.read(&mut into[before..]);
        into.truncate(before + read.as_ref().map_or(0, |count| *count));
        read
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        perhaps_panic();
        let mut line = lock(&self.line);
        if line.dead {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let closed = line.ends[1 - self.side].closed;
        let end = &mut line.ends[self.side];
        let count = end.incoming.len().min(into.len());
        if count == 0 {
            return if closed { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        for (to, from) in into.iter_mut().zip(end.incoming.drain(..count)) {
            *to = from;
        }
        let left = end.incoming.len();
        world::note(|| format!("reads {count} bytes, {left} are left"));
        if std::mem::take(&mut end.wants_room) {
            line.tell(1 - self.side);
        }
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let mut line = lock(&self.line);
        let other = 1 - self.side;
        if line.dead || line.ends[other].closed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let room = capacity().saturating_sub(line.ends[other].incoming.len());
        let count = from.len().min(room);
        if count == 0 {
            line.ends[other].wants_room = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        line.ends[other].incoming.extend(from.iter().take(count));
        line.tell(other);
        drop(line);
        world::note(|| format!("writes {count} bytes"));
        world::switch();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Stream {
    fn set_registration(&mut self, registration: Option<Registration>) {
        let mut line = lock(&self.line);
        line.ends[self.side].registration = registration;
        line.tell(self.side);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut line = lock(&self.line);
        line.ends[self.side].closed = true;
        line.ends[self.side].registration = None;
        line.tell(1 - self.side);
    }
}

/// An address where connections arrive.
#[derive(Debug, Default)]
pub(crate) struct Port(Mutex<(VecDeque<Stream>, Option<Registration>)>);

impl Port {
    fn arrive(&self, stream: Stream) {
        let mut port = lock(&self.0);
        port.0.push_back(stream);
        tell_port(port.1.as_ref());
    }
}

fn tell_port(registration: Option<&Registration>) {
    if let Some(Registration { poll, token }) = registration {
        poll.push(Event { token: *token, readable: true, writable: false, closed: false, failed: false });
    }
}

/// A listener without a poll.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    port: Arc<Port>,
}

impl Listener {
    pub(crate) fn listen(address: &Address) -> io::Result<Self> {
        let mut address = address.tcp().ok_or(ErrorKind::Unsupported)?;
        let port = Arc::new(Port::default());
        world::with(|world| {
            if address.port() == 0 {
                world.next_port += 1;
                address.set_port(world.next_port);
            }
            world.ports.insert(address, Arc::clone(&port));
        });
        Ok(Listener { address, port })
    }

    pub(crate) fn local_addr(&self) -> io::Result<Address> {
        Ok(Address::Tcp(self.address))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        world::with(|world| world.ports.remove(&self.address));
        let waiting = std::mem::take(&mut lock(&self.port.0).0);
        drop(waiting); // their clients see the end
    }
}

#[derive(Debug)]
pub(crate) struct PolledListener(Listener);

impl PolledListener {
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        Ok(PolledListener(listener))
    }

    pub(crate) fn accept(&self) -> io::Result<(Stream, Peer)> {
        let stream = lock(&self.0.port.0).0.pop_front().ok_or(ErrorKind::WouldBlock)?;
        let peer = Peer::Tcp(stream.peer);
        Ok((stream, peer))
    }
}

impl Source for PolledListener {
    fn set_registration(&mut self, registration: Option<Registration>) {
        let mut port = lock(&self.0.port.0);
        port.1 = registration;
        if !port.0.is_empty() {
            tell_port(port.1.as_ref());
        }
    }
}
