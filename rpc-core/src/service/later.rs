//! Layer 3: replies that come later: a method returns at once, and its call waits for a responder instead of for a thread.
//!
//! ```text
//!  Later::pair --> (Responder, Later)      the method returns the Later, and its thread is free
//!                     |          '--> bind: the call is held
//!                     '--> reply, give_up, or dropped: the call ends, on the thread that does it
//!  CANCEL, deadline, end of the session --> tell: is_cancelled, poll_cancelled, on_cancel
//! ```

mod draining;

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::drain_signal::DrainSignal;
use crate::ids::{Clock, Time};
use crate::limits::{Bounds, MAX_DETAIL};
use crate::panics::contain;
use crate::proto::server::{CallKey, Told};
use crate::wire::message::{Status, cut};

/// The text for the caller of a call whose responder was dropped.
const DROPPED: &str = "the service has dropped the call without a reply";

/// The result of a method whose reply comes later: its method returns one in place of a `T`. Callers see a `T`, and the contract
/// is that of a method that returns a `T`.
///
/// ```
/// use std::sync::Mutex;
/// use rpc_core::{Later, Responder, Server, rpc};
///
/// #[rpc]
/// pub trait Gate {
///     /// Waits until the gate is opened. Returns the text of the one who opened it.
///     fn pass(&self) -> Later<String>;
///     fn open(&self, text: &str) -> u64;
/// }
///
/// #[derive(Default)]
/// struct Waiting(Mutex<Vec<Responder<String>>>);
///
/// impl Gate for Waiting {
///     fn pass(&self) -> Later<String> {
///         let (responder, later) = Later::pair();
///         self.0.lock().unwrap().push(responder);
///         later // the thread is free, and the call waits
///     }
///
///     fn open(&self, text: &str) -> u64 {
///         let waiting = std::mem::take(&mut *self.0.lock().unwrap());
///         let count = waiting.len() as u64;
///         waiting.into_iter().for_each(|responder| responder.reply(text.to_owned()));
///         count
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(GateServer::new(Waiting::default())).bind("127.0.0.1:0")?.spawn()?;
/// let gate = GateClient::connect(server.local_addr())?;
/// let pass = gate.start.pass();
/// while gate.open("hello")? == 0 {}
/// assert_eq!(pass.wait()?, "hello");
/// # gate.call.close();
/// # Ok(())
/// # }
/// ```
#[must_use = "a method returns it; dropped, it ends its responder"]
pub struct Later<T> {
    /// The state that it shares with its responder.
    shared: Arc<Shared<T>>,
}

/// The other half of a [`Later`]: it ends the call, once, from any thread. Dropped without that, it gives the call up.
///
/// ```
/// use std::thread;
/// use rpc_core::{Later, Responder, rpc};
///
/// #[rpc]
/// pub trait Primes {
///     fn count(&self, below: u32) -> Later<usize>;
/// }
///
/// struct Counts;
///
/// impl Primes for Counts {
///     fn count(&self, below: u32) -> Later<usize> {
///         let (responder, later) = Later::pair();
///         thread::spawn(move || count(below, responder));
///         later
///     }
/// }
///
/// fn count(below: u32, responder: Responder<usize>) {
///     let mut primes: Vec<u32> = Vec::new();
///     for n in 2..below {
///         if responder.is_cancelled() {
///             return responder.give_up("no caller waits any longer");
///         }
///         if primes.iter().all(|prime| n % prime != 0) {
///             primes.push(n);
///         }
///     }
///     responder.reply(primes.len());
/// }
/// ```
#[must_use = "dropped without a reply, it gives the call up"]
pub struct Responder<T> {
    /// The state that it shares with the [`Later`].
    shared: Arc<Shared<T>>,
}

/// A function to be run when a caller waits no longer, once, where user code may run.
pub type Notice = Box<dyn FnOnce() + Send>;

/// The driver of a server, as a held call sees it.
pub trait Holder: Send + Sync {
    /// Ends a call that is held.
    fn finish(&self, key: CallKey, status: Status, body: Vec<u8>);

    /// Runs a function of the user soon, on a thread that drives no loop.
    fn notify(&self, notice: Notice);

    /// Returns the signal of the server's drain.
    fn draining(&self) -> &Arc<DrainSignal>;
}

/// The state that both halves share.
struct Shared<T> {
    /// The state, under a lock that is held for some instructions, and never while user code runs.
    inner: Mutex<Inner<T>>,
}

/// The state under the lock.
struct Inner<T> {
    /// The stage of the call.
    stage: Stage<T>,
    /// The call, once it is known.
    call: Option<CallState>,
    /// True once the caller is known to wait no longer.
    is_told: bool,
    /// Woken when the caller waits no longer.
    waker: Option<Waker>,
    /// Run when the caller waits no longer.
    callback: Option<Notice>,
    /// The wishes of the holder for the begin of a drain, if it has any.
    drain: Option<Box<draining::DrainWatch>>,
}

/// The stage of a call that replies later.
enum Stage<T> {
    /// Its method has not returned, and it has no reply.
    Made,
    /// Its method has not returned, and it has ended.
    Early(Result<T, String>),
    /// Its method has returned, and it waits for its reply.
    Held(HeldCall<T>),
    /// It has ended, or its [`Later`] was dropped.
    Over,
}

/// The part of a held call that ends it.
struct HeldCall<T> {
    /// Writes the reply.
    encode: Encode<T>,
    /// The name of the call.
    key: CallKey,
    /// The bounds of its reply.
    bounds: Bounds,
}

/// The part of a held call that is there until both halves are gone.
struct CallState {
    /// The driver of the server.
    holder: Arc<dyn Holder>,
    /// The time until which the caller waits.
    deadline: Time,
    /// The clock of `deadline`.
    clock: Arc<dyn Clock>,
}

/// A function that appends a reply of at most so many bytes, and returns its status.
pub(super) type Encode<T> = fn(T, &mut Vec<u8>, Bounds) -> Status;

/// The call that a [`Later`] is bound to.
pub(super) struct Bound<'a> {
    /// The name of the call.
    pub(super) key: CallKey,
    /// The bounds of its reply.
    pub(super) bounds: Bounds,
    /// The time until which the caller waits.
    pub(super) deadline: Time,
    /// The clock of `deadline`.
    pub(super) clock: &'a Arc<dyn Clock>,
    /// Set when the caller waits no longer.
    pub(super) told: Option<&'a Arc<Told>>,
    /// The driver of the server.
    pub(super) holder: &'a Arc<dyn Holder>,
}

impl<T: Send + 'static> Later<T> {
    /// Returns a result that comes later, and the responder that ends it.
    pub fn pair() -> (Responder<T>, Later<T>) {
        let stage = Stage::Made;
        let inner = Inner { stage, call: None, is_told: false, waker: None, callback: None, drain: None };
        let shared = Arc::new(Shared { inner: Mutex::new(inner) });
        (Responder { shared: Arc::clone(&shared) }, Later { shared })
    }

    /// Returns a result that is there already.
    pub fn now(value: T) -> Later<T> {
        let (responder, later) = Later::pair();
        responder.reply(value);
        later
    }

    /// Binds it to its call, whose method has returned. Returns the status if it has ended already, and writes its reply then.
    pub(super) fn bind(self, encode: Encode<T>, bound: Bound<'_>, reply: &mut Vec<u8>) -> Option<Status> {
        let Bound { key, bounds, deadline, clock, told, holder } = bound;
        let mut inner = self.shared.lock();
        match std::mem::replace(&mut inner.stage, Stage::Over) {
            Stage::Early(ended) => {
                drop(inner);
                Some(written(ended, encode, reply, bounds))
            }
            Stage::Made => {
                inner.stage = Stage::Held(HeldCall { encode, key, bounds });
                inner.call =
                    Some(CallState { holder: Arc::clone(holder), deadline, clock: Arc::clone(clock) });
                let watch = inner.drain.is_some().then_some(&self.shared);
                drop(inner);
                watch.into_iter().for_each(Shared::listen_for_drain);
                if let Some(told) = told {
                    let shared: Weak<Shared<T>> = Arc::downgrade(&self.shared);
                    told.listen(move || {
                        shared.upgrade().into_iter().for_each(|shared| shared.tell());
                    });
                }
                None
            }
            Stage::Held(_) | Stage::Over => None, // a `Later` is bound once, and is there until then
        }
    }
}

impl<T: Send + 'static> Responder<T> {
    /// Ends the call with this reply. It is encoded on this thread.
    pub fn reply(self, value: T) {
        self.shared.end(Ok(value));
    }

    /// Ends the call without a reply: the verdict of its caller is [`GivenUp`](crate::GivenUp) with this text.
    pub fn give_up(self, reason: impl fmt::Display) {
        self.shared.end(Err(reason.to_string()));
    }

    /// Returns true if no caller waits any longer: the call was cancelled, its deadline has passed, its session or its server has
    /// ended, or its method has returned something else. The call is to be ended all the same: its slot is taken until then.
    pub fn is_cancelled(&self) -> bool {
        let inner = self.shared.lock();
        inner.is_told || inner.time_left().is_some_and(|left| left.is_zero())
    }

    /// Returns the time that the caller still waits; `None` until the method has returned.
    pub fn time_left(&self) -> Option<Duration> {
        self.shared.lock().time_left()
    }

    /// Runs `callback` when no caller waits any longer, once; at once, on this thread, if that is so now. It runs on a thread of
    /// the server that is there for such functions, one after the other. A second one replaces the first.
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) {
        let mut inner = self.shared.lock();
        if inner.is_told {
            drop(inner);
            return callback();
        }
        let before = inner.callback.replace(Box::new(callback));
        drop(inner);
        drop(before); // user code, so not under the lock
    }

    /// Returns `Ready` if no caller waits any longer, as [`Responder::is_cancelled`]; else the task is woken when that is so.
    pub fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.shared.lock();
        if inner.is_told {
            return Poll::Ready(());
        }
        let before = inner.waker.replace(cx.waker().clone());
        drop(inner);
        drop(before);
        Poll::Pending
    }

    /// Waits until no caller waits any longer, for code of any async runtime.
    pub async fn cancelled(&self) {
        poll_fn(|cx| self.poll_cancelled(cx)).await;
    }
}

impl<T> Shared<T> {
    /// Locks the state. Each change is one statement, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the call, unless it has ended.
    fn end(&self, ended: Result<T, String>) {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.stage, Stage::Over) {
            Stage::Made => inner.stage = Stage::Early(ended),
            Stage::Held(HeldCall { encode, key, bounds }) => {
                let holder = inner.call.as_ref().map(|call| Arc::clone(&call.holder));
                let unused = (inner.waker.take(), inner.callback.take(), inner.end_watch());
                drop(inner);
                drop(unused);
                let mut body = Vec::new();
                // Contained: a value whose encoding panics must end its call too.
                let status = contain(|| written(ended, encode, &mut body, bounds));
                let status = status.unwrap_or_else(|| {
                    body = b"the encoding of its reply panicked".to_vec();
                    Status::Panicked
                });
                holder.into_iter().for_each(|holder| holder.finish(key, status, std::mem::take(&mut body)));
            }
            before @ Stage::Early(_) => inner.stage = before, // a responder ends its call once
            Stage::Over => {}
        }
    }

    /// Notes that no caller waits any longer, and passes the word on.
    fn tell(&self) {
        let mut inner = self.lock();
        inner.is_told = true;
        let (waker, callback) = (inner.waker.take(), inner.callback.take());
        let holder = inner.call.as_ref().map(|call| Arc::clone(&call.holder));
        drop(inner);
        if waker.is_none() && callback.is_none() {
            return;
        }
        let notice = move || {
            waker.into_iter().for_each(Waker::wake);
            callback.into_iter().for_each(|callback| callback());
        };
        match holder {
            Some(holder) => holder.notify(Box::new(notice)),
            None => notice(), // the method has not returned: this is its own thread
        }
    }
}

impl<T> Inner<T> {
    /// Returns the time that the caller still waits; `None` until the method has returned.
    fn time_left(&self) -> Option<Duration> {
        self.call.as_ref().map(|call| call.deadline.since(call.clock.now()))
    }
}

impl<T> Drop for Later<T> {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        if !matches!(inner.stage, Stage::Made) {
            return; // it is bound to its call, or has ended
        }
        inner.stage = Stage::Over;
        drop(inner);
        self.shared.tell();
    }
}

impl<T> Drop for Responder<T> {
    fn drop(&mut self) {
        self.shared.end(Err(DROPPED.to_owned())); // nothing, if it has ended its call
    }
}

impl<T> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

impl<T> fmt::Debug for Responder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}

/// Writes the end of a call. Returns its status.
fn written<T>(ended: Result<T, String>, encode: Encode<T>, reply: &mut Vec<u8>, bounds: Bounds) -> Status {
    match ended {
        Ok(value) => encode(value, reply, bounds),
        Err(text) => {
            reply.extend_from_slice(cut(&text, MAX_DETAIL).as_bytes());
            Status::GivenUp
        }
    }
}
