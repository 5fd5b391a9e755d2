//! The framework's server state machine behind a mutex, for models with several threads: bytes in, calls out, replies
//! in, bytes out. The models differ only in the threads that call these functions.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::ServerLimits;
use rpc_core::contract::Directory;
use rpc_core::ids::{Clock, Incarnation, Time};
use rpc_core::proto::server::{ConnId, ReadyCall, ServerConfig, ServerCore};
use rpc_core::service::{CallEnv, Dispatch};
use rpc_core::wire::message::Status;
use rpc_core::{MonotonicClock, Service};

use crate::api::{KvServer, Store};

/// Time between two checks of the protocol's timers.
const TICK: Duration = Duration::from_millis(200);

/// A socket that any thread may write to.
pub(crate) trait Sink: Send + Sync {
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Closes it, so that a thread that reads from it gets the end of the stream.
    fn end(&self);
}

struct Peer {
    /// Held from taking bytes out of the protocol until they are written, so that they leave in order.
    order: Mutex<()>,
    sink: Arc<dyn Sink>,
}

/// The state that all threads of a model share.
pub(crate) struct Protocol {
    core: Mutex<ServerCore>,
    peers: Mutex<HashMap<ConnId, Arc<Peer>>>,
    service: KvServer<Store>,
    clock: Arc<dyn Clock>,
    limit: usize,
}

/// Threads of a model end with its process at the first panic of a thread that holds the lock, so no thread goes on with
/// a half-done change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Protocol {
    /// Returns a server of this store, without connections, and starts a thread that checks its timers.
    pub(crate) fn start(store: &Arc<Store>) -> io::Result<Arc<Self>> {
        let service = KvServer::shared(Arc::clone(store));
        let limits = ServerLimits::default();
        let limit = limits.max_frame;
        let config = ServerConfig {
            limits,
            directory: Directory::new(vec![service.contract()]).map_err(io::Error::other)?,
            incarnation: Incarnation(u128::from(std::process::id())),
            loop_number: 0,
            loops: 1,
            at_most_once: true,
        };
        // Tokens that can be guessed: enough for a measurement on this machine, and for nothing else.
        let mut count = 0_u64;
        let entropy = Box::new(move || {
            count += 1;
            std::array::from_fn(|i| count.to_le_bytes()[i % 8])
        });
        let protocol = Arc::new(Protocol {
            core: Mutex::new(ServerCore::new(config, entropy)),
            peers: Mutex::default(),
            service,
            clock: Arc::new(MonotonicClock::new()),
            limit,
        });
        let ticking = Arc::clone(&protocol);
        thread::Builder::new().name("timers".to_owned()).spawn(move || {
            loop {
                thread::sleep(TICK);
                ticking.tick();
            }
        })?;
        Ok(protocol)
    }

    /// Adds a connection. `sink` gets its number, and returns the socket for its output, which is returned with the number.
    pub(crate) fn connected<S: Sink + 'static>(
        &self,
        address: SocketAddr,
        sink: impl FnOnce(ConnId) -> io::Result<Arc<S>>,
    ) -> io::Result<(ConnId, Arc<S>)> {
        let now = self.now();
        let conn = lock(&self.core).handle_connected(Some(address), now);
        let sink = sink(conn).inspect_err(|_| lock(&self.core).remove(conn, now))?;
        lock(&self.peers)
            .insert(conn, Arc::new(Peer { order: Mutex::new(()), sink: Arc::clone(&sink) as _ }));
        Ok((conn, sink))
    }

    /// Takes bytes that have arrived, and returns their calls.
    pub(crate) fn received(&self, conn: ConnId, bytes: &[u8]) -> Vec<ReadyCall> {
        let now = self.now();
        let mut core = lock(&self.core);
        core.handle_input(conn, Bytes::copy_from_slice(bytes), now);
        std::iter::from_fn(|| core.poll_call(now)).collect()
    }

    /// Runs a call on this thread, and sends its reply.
    pub(crate) fn run(&self, call: &ReadyCall) {
        let mut reply = Vec::new();
        let status = self.dispatch(call, &mut reply);
        let now = self.now();
        let mut core = lock(&self.core);
        core.finish(call.key, status, &reply, now);
        let ready: Vec<ConnId> = std::iter::from_fn(|| core.poll_ready()).collect();
        drop(core);
        ready.into_iter().for_each(|conn| self.write(conn));
    }

    fn dispatch(&self, call: &ReadyCall, reply: &mut Vec<u8>) -> Status {
        let entered = Cell::new(false);
        let env = CallEnv {
            call: call.call,
            method: call.entry.method,
            peer: call.peer,
            deadline: call.deadline,
            clock: &self.clock,
            cancelled: call.cancelled.as_ref(),
            bounds: self.limit.into(),
            held: None,
            metadata: None,
        };
        match self.service.dispatch(Dispatch::new(call.entry.index.into(), &call.body, reply, &entered, env))
        {
            Ok(dispatched) => dispatched.status().unwrap_or(Status::GivenUp), // it holds no call
            Err(refused) => {
                reply.extend_from_slice(refused.detail.as_bytes());
                Status::Refused(refused.reason)
            }
        }
    }

    /// Writes the waiting output of every connection.
    pub(crate) fn flush(&self) {
        let mut core = lock(&self.core);
        let ready: Vec<ConnId> = std::iter::from_fn(|| core.poll_ready()).collect();
        drop(core);
        ready.into_iter().for_each(|conn| self.write(conn));
    }

    /// Writes the waiting output of one connection, as far as its socket accepts it.
    pub(crate) fn write(&self, conn: ConnId) {
        let Some(peer) = lock(&self.peers).get(&conn).cloned() else { return };
        let _order = lock(&peer.order);
        let mut written = 0;
        while let Some(bytes) = self.next_output(conn, &peer, written) {
            written = match peer.sink.write(&bytes) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return, // an event comes when it is writable again
                Err(_) => return lock(&self.core).handle_closed(conn, self.now()),
            };
        }
    }

    /// Records that bytes were written, and returns the next ones. Closes the socket after the last of a connection that ends.
    fn next_output(&self, conn: ConnId, peer: &Peer, written: usize) -> Option<Vec<u8>> {
        let now = self.now();
        let mut core = lock(&self.core);
        if written > 0 {
            core.handle_written(conn, written, now);
        }
        let bytes = core.outgoing(conn).map(|out| out.unsent().to_vec()).filter(|bytes| !bytes.is_empty());
        let ends = bytes.is_none() && core.wants_close(conn);
        drop(core);
        if ends {
            peer.sink.end();
        }
        bytes
    }

    /// Removes a connection that is closed.
    pub(crate) fn closed(&self, conn: ConnId) {
        let now = self.now();
        lock(&self.core).remove(conn, now);
        lock(&self.peers).remove(&conn);
    }

    fn tick(&self) {
        let now = self.now();
        let mut core = lock(&self.core);
        core.handle_timeout(now);
        let left: Vec<_> = std::iter::from_fn(|| core.poll_call(now)).collect(); // frames that waited for a slow reader
        drop(core);
        left.iter().for_each(|call| self.run(call));
        self.flush();
    }

    fn now(&self) -> Time {
        self.clock.now()
    }
}
