//! Model 6, tasks: a task for each connection and one for each call, on an executor with a thread for each core. It is what
//! Go's runtime does with goroutines. This thread waits for the sockets and wakes tasks; a clock wakes those that sleep.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Token};
use rpc_core::proto::server::{ConnId, ReadyCall};

use crate::api::Store;
use crate::executor::Executor;
use crate::protocol::Protocol;
use crate::readiness::accept;
use crate::timer::Timer;

const LISTEN: Token = Token(usize::MAX);

/// The state of a socket, as its task sees it.
#[derive(Default)]
struct Readiness {
    is_readable: bool,
    waiting: Option<Waker>,
}

/// The socket of a connection, and the task that waits for it.
struct Socket {
    stream: Arc<TcpStream>,
    readiness: Mutex<Readiness>,
}

impl Socket {
    /// Called by the thread that waits for the sockets.
    fn wake(&self) {
        let mut readiness = self.readiness.lock().unwrap_or_else(PoisonError::into_inner);
        readiness.is_readable = true;
        let waiting = readiness.waiting.take();
        drop(readiness);
        if let Some(task) = waiting {
            task.wake();
        }
    }

    /// Waits until there may be something to read.
    fn readable(&self) -> impl Future<Output = ()> {
        poll_fn(|cx| {
            let mut readiness = self.readiness.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::take(&mut readiness.is_readable) {
                return Poll::Ready(());
            }
            readiness.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// The parts that all tasks share.
#[derive(Clone)]
struct Parts {
    protocol: Arc<Protocol>,
    executor: Arc<Executor>,
    timer: Timer,
    wait: Duration,
}

/// Serves. The store does not wait: `wait` is the time that a task waits before it calls the handler, without its thread.
pub(crate) fn serve(listener: TcpListener, store: &Arc<Store>, wait: Duration) -> io::Result<()> {
    let (executor, timer) = (Executor::new(), Timer::start()?);
    let parts = Parts { protocol: Protocol::start(store)?, executor: Arc::clone(&executor), timer, wait };
    executor.spawn(std::future::pending()); // never ends, so the threads do not either
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        let executor = Arc::clone(&executor);
        thread::Builder::new().spawn(move || executor.run())?;
    }
    wait_for_sockets(&parts, listener)
}

fn wait_for_sockets(parts: &Parts, listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = mio::Poll::new()?;
    poll.registry().register(&mut listener, LISTEN, Interest::READABLE)?;
    let mut sockets: HashMap<ConnId, Arc<Socket>> = HashMap::new();
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            let Token(conn) = event.token();
            if event.token() == LISTEN {
                accept(&parts.protocol, &listener, poll.registry(), |conn, stream| {
                    let socket = Arc::new(Socket { stream, readiness: Mutex::default() });
                    sockets.insert(conn, Arc::clone(&socket));
                    parts.executor.spawn(connection(parts.clone(), conn, socket));
                })?;
            } else if let Some(socket) = sockets.get(&conn) {
                if event.is_writable() {
                    parts.protocol.write(conn); // the output that did not fit before
                }
                if event.is_readable() {
                    socket.wake();
                }
                if event.is_read_closed() {
                    sockets.remove(&conn); // its task has it as well
                }
            }
        }
    }
}

/// The task of a connection: it reads, and starts a task for each call. It reads as a thread would, but waits as a task.
async fn connection(parts: Parts, conn: ConnId, socket: Arc<Socket>) {
    let mut is_open = true;
    while is_open {
        socket.readable().await;
        let mut calls = Vec::new();
        is_open = read(&parts.protocol, conn, &socket.stream, &mut calls);
        parts.protocol.flush(); // WELCOME, and what else is no call
        for call in calls {
            parts.executor.spawn(run(parts.clone(), call));
        }
    }
    parts.protocol.closed(conn);
}

/// The task of a call.
async fn run(parts: Parts, call: ReadyCall) {
    if !parts.wait.is_zero() {
        parts.timer.sleep(parts.wait).await;
    }
    parts.protocol.run(&call);
}

/// Reads all there is. Returns false if the connection has ended. The room is on the stack of the thread, and not in the
/// task: it is not needed while the task waits.
fn read(protocol: &Protocol, conn: ConnId, mut stream: &TcpStream, calls: &mut Vec<ReadyCall>) -> bool {
    let mut room = [0; 4096];
    loop {
        match stream.read(&mut room) {
            Ok(0) => return false,
            Ok(count) => calls.extend(protocol.received(conn, room.get(..count).unwrap_or_default())),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
