//! The framework's server state machine behind a mutex, for models with several threads: bytes in, calls out, answers
//! in, bytes out. What differs between the models is only who calls these functions, and on which thread.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::contract::Directory;
use rpc_core::ids::{Clock, Incarnation, Time};
use rpc_core::limits::ServerLimits;
use rpc_core::proto::server::{ConnId, ReadyCall, ServerConfig, ServerCore};
use rpc_core::service::{Dispatch, Surroundings};
use rpc_core::wire::message::Status;
use rpc_core::{MonotonicClock, Service};

use crate::api::{KvServer, Store};

/// How often the protocol's timers are looked at.
const TICK: Duration = Duration::from_millis(200);

/// A socket that any thread may write to.
pub(crate) trait Sink: Send + Sync {
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Ends it, so that whoever reads from it finds its end.
    fn end(&self);
}

struct Peer {
    /// Held from taking bytes out of the protocol until they are written: so they leave in their order.
    order: Mutex<()>,
    sink: Arc<dyn Sink>,
}

/// What all threads of a model share.
pub(crate) struct Protocol {
    core: Mutex<ServerCore>,
    peers: Mutex<HashMap<ConnId, Arc<Peer>>>,
    service: KvServer<Store>,
    clock: Arc<dyn Clock>,
    limit: usize,
}

/// Threads of a model end with its process, at the first panic of one that holds the lock: nothing is half-done that
/// anybody would go on with.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Protocol {
    /// A server of this store, without connections, and a thread that looks at its timers.
    pub(crate) fn start(store: Store) -> io::Result<Arc<Self>> {
        let service = KvServer::new(store);
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
        // Tokens that can be guessed: good enough for a measurement on this machine, and for nothing else.
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

    /// A connection begins. `sink` is given its number, and gives what is written to.
    pub(crate) fn connected<S: Sink + 'static>(
        &self,
        address: SocketAddr,
        sink: impl FnOnce(ConnId) -> io::Result<Arc<S>>,
    ) -> io::Result<ConnId> {
        let now = self.now();
        let conn = lock(&self.core).handle_connected(Some(address), now);
        let sink = sink(conn).inspect_err(|_| lock(&self.core).remove(conn, now))?;
        lock(&self.peers).insert(conn, Arc::new(Peer { order: Mutex::new(()), sink }));
        Ok(conn)
    }

    /// Bytes have come: the calls that they bring.
    pub(crate) fn received(&self, conn: ConnId, bytes: &[u8]) -> Vec<ReadyCall> {
        let now = self.now();
        let mut core = lock(&self.core);
        core.handle_input(conn, Bytes::copy_from_slice(bytes), now);
        std::iter::from_fn(|| core.poll_call(now)).collect()
    }

    /// Runs a call on this thread, and sends its answer.
    pub(crate) fn run(&self, call: &ReadyCall) {
        let mut reply = Vec::new();
        let status = self.dispatch(call, &mut reply);
        let now = self.now();
        lock(&self.core).finish(call.key, status, &reply, now);
        self.flush();
    }

    fn dispatch(&self, call: &ReadyCall, reply: &mut Vec<u8>) -> Status {
        let entered = Cell::new(false);
        let around = Surroundings {
            call: call.call,
            peer: call.peer,
            deadline: call.deadline,
            clock: &self.clock,
            cancelled: call.cancelled.as_ref(),
            limit: self.limit,
        };
        match self.service.dispatch(Dispatch::new(call.entry.index, &call.body, reply, &entered, around)) {
            Ok(dispatched) => dispatched.status(),
            Err(refused) => {
                reply.extend_from_slice(refused.detail.as_bytes());
                Status::Refused(refused.reason)
            }
        }
    }

    /// Writes what waits, on every connection that has something.
    pub(crate) fn flush(&self) {
        loop {
            let next = lock(&self.core).poll_dirty();
            match next {
                Some(conn) => self.write(conn),
                None => return,
            }
        }
    }

    /// Writes what waits on one connection, as far as its socket takes it.
    pub(crate) fn write(&self, conn: ConnId) {
        let Some(peer) = lock(&self.peers).get(&conn).cloned() else { return };
        let _order = lock(&peer.order);
        loop {
            let bytes = lock(&self.core).outgoing(conn).map(|out| out.unsent().to_vec()).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            let written = peer.sink.write(&bytes);
            let now = self.now();
            match written {
                Ok(count) => lock(&self.core).handle_written(conn, count, now),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break, // an event will say when to go on
                Err(_) => {
                    lock(&self.core).handle_closed(conn, now);
                    break;
                }
            }
        }
        if lock(&self.core).wants_close(conn) {
            peer.sink.end();
        }
    }

    /// The connection is gone.
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
