//! Layer 4: the background worker: one thread per process that drives clients whose calls no thread waits for.
//!
//! Such work is: started calls, orphaned slots, races, futures, sessions that drain, and what an idle client owes: the ACK of
//! its last reply, and its answer to GOAWAY. The thread starts with the first request and sleeps while there is none.
//!
//! ```text
//!  Request::Watch --> WATCH --- a tick without a turn of the client's own threads --> DRIVE --- nothing is owed --.
//!                       |                                                              ^                        |
//!                       '--- a caller drives, or nothing is owed --.   idle, or an     |                        |
//!                                                                  v   event, a timer  |                        |
//!  Request::Attend -----------------------------------------> ATTEND ------------------'                        |
//!                                                              |  ^                                             |
//!                              end <--- no connection is left -'  '--- the driver goes back, IDLE <-------------'
//!
//! While the client is idle, its socket stays in the worker's poll, so that GOAWAY is heard; a caller that drives takes it
//! back. A client that is in use costs one look for each `IDLE_AFTER`.
//!
//!  Request::DrainSession --> DRAIN SESSION --- no slot is orphaned any more --> BYE, end
//! ```

mod attend;
mod drain_session;
mod worker;

use std::sync::{Arc, Weak};

use super::inner::ClientInner;
use super::transport::Transport;
use crate::each_process::EachProcess;
use crate::log;
use crate::net::os;
use crate::net::sync::{Mutex, MutexGuard, PoisonError, per_process};

/// A request to the background worker.
#[derive(Debug)]
enum Request {
    /// Watch a client that owes something while no thread waits for it. Drive it at once if the flag is true, else only if
    /// its own threads have not driven it for a tick.
    Watch(Weak<ClientInner>, bool),
    /// Look after a client that may become idle: it owes an ACK that no caller waits for.
    Attend(Weak<ClientInner>),
    /// Process a client that the worker drives: it has something to send.
    Process(Weak<ClientInner>),
    /// Drain a session that takes no new calls.
    DrainSession(Weak<ClientInner>, Box<Transport>),
    /// Send the BYE of a client that was closed while the worker drives it, and close its socket.
    Close(Arc<ClientInner>),
}

/// The queue of requests to the background worker.
#[derive(Debug, Default)]
struct JobQueue {
    /// The requests in their order.
    requests: Vec<Request>,
    /// Wakes the worker; `None` before it was started.
    waker: Option<os::Waker>,
}

per_process! {
    // A forked child has not the worker of its parent, and a thread of its parent may have held the lock.
    static QUEUE: EachProcess<Mutex<JobQueue>> = EachProcess::new(os::process_id);
}

/// Locks the queue of this process. Returns `None` after [`MAX_FORKS`](crate::limits::MAX_FORKS) forks in a row.
fn lock() -> Option<MutexGuard<'static, JobQueue>> {
    let queue = QUEUE.get_or_make(Mutex::default)?;
    Some(queue.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Requests that the worker drives a client: at once, or if its own threads do not within a tick. Returns false if there is
/// no worker.
pub(super) fn watch(client: Weak<ClientInner>, at_once: bool) -> bool {
    send(Request::Watch(client, at_once))
}

/// Requests that the worker looks after a client while it is idle. Returns false if there is no worker.
#[cold]
pub(super) fn attend(client: Weak<ClientInner>) -> bool {
    send(Request::Attend(client))
}

/// Requests that the worker sends what a client that it drives has to send.
pub(super) fn process(client: Weak<ClientInner>) {
    send(Request::Process(client));
}

/// Gives a session that drains to the worker, with its socket.
pub(super) fn drain_session(client: Weak<ClientInner>, transport: Transport) {
    send(Request::DrainSession(client, Box::new(transport)));
}

/// Requests that the worker sends the BYE of a client that it drives. The client is kept alive until then.
pub(super) fn close(client: Arc<ClientInner>) {
    send(Request::Close(client));
}

/// Adds a request and wakes the worker, which is started if there is none in this process. Returns true if there is one.
fn send(request: Request) -> bool {
    let Some(mut queue) = lock() else { return false };
    if queue.waker.is_none() {
        match worker::spawn() {
            Ok(waker) => queue.waker = Some(waker),
            Err(error) => {
                log::error!(%error, "cannot start the background worker");
                return false;
            }
        }
    }
    queue.requests.push(request);
    if let Some(Err(error)) = queue.waker.as_ref().map(os::Waker::wake) {
        log::error!(%error, "cannot wake the background worker");
    }
    true
}

/// Notes that there is no worker any more: the next request starts another one.
fn forget_worker() {
    if let Some(mut queue) = lock() {
        queue.waker = None;
    }
}

/// Takes all requests, for the worker.
fn take_requests() -> Vec<Request> {
    lock().map(|mut queue| std::mem::take(&mut queue.requests)).unwrap_or_default()
}
