//! Layer 3: code of the user around each call of a service: it may refuse a call, and it learns how the call ended.
//!
//! ```text
//!  Around::dispatch:  before --> run( Service::dispatch ) --> after --> the reply is sent
//!                        |
//!                        '-- Refused: the call did not run
//!  a reply that comes later:  before --> run --> .. Responder::reply --> after --> the reply is sent
//! ```
//! A wrapped service is a service, so a server that uses none of this runs none of it.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CallContext, CallEnv, Dispatch, Dispatched, DrainSignal, Holder, Notice, Refused, Service};
use crate::contract::Contract;
use crate::error::Reason;
use crate::log;
use crate::panics::{contain, is_giving_up};
use crate::proto::server::CallKey;
use crate::wire::message::Status;

/// Code that runs around each call of a service, for [`Around`]. A closure `Fn(&CallContext) -> Result<(), Refused>` is one that
/// only looks at a call before it runs.
///
/// All functions run on the thread of the handler, so what blocks in them blocks as a handler does. A call that is sent again by the
/// network runs them once, as it runs the handler once.
///
/// ```
/// use std::time::{Duration, Instant};
/// use rpc_core::{CallContext, Refused, ServerHook, Status};
///
/// /// Writes a line for each call that took long.
/// struct SlowLog(Duration);
///
/// impl ServerHook for SlowLog {
///     type State = Instant;
///
///     fn before(&self, _: &CallContext) -> Result<Instant, Refused> {
///         Ok(Instant::now())
///     }
///
///     fn after(&self, cx: &CallContext, began: Instant, status: Status) {
///         if began.elapsed() > self.0 {
///             eprintln!("{} took {:?}: {status:?}", cx.method().name, began.elapsed());
///         }
///     }
/// }
/// ```
pub trait ServerHook: Send + Sync + 'static {
    /// The state of one call, from `before` to `after`: a start time, a place that is taken, a span. It is dropped when the call
    /// has ended, also if `after` panics.
    type State: Send + 'static;

    /// Looks at a call that is about to run. Its arguments are not decoded yet.
    ///
    /// # Errors
    /// Returns an error to refuse the call: it did not run, and its record says so for ever. A hook that panics denies the call.
    fn before(&self, cx: &CallContext) -> Result<Self::State, Refused>;

    /// Runs the handler: for code that must be on the stack around it, such as an entered span. The default runs it and nothing else.
    fn run<R>(&self, _state: &Self::State, handler: impl FnOnce() -> R) -> R {
        handler()
    }

    /// Learns how a call ended that `before` has let through, before its reply is sent. For a reply that comes later it runs on
    /// the thread that ends the call. A panic of it is logged, and changes nothing for the caller.
    fn after(&self, _cx: &CallContext, _state: Self::State, _status: Status) {}
}

impl<F: Fn(&CallContext) -> Result<(), Refused> + Send + Sync + 'static> ServerHook for F {
    type State = ();

    fn before(&self, cx: &CallContext) -> Result<(), Refused> {
        self(cx)
    }
}

impl<H: ServerHook> ServerHook for Arc<H> {
    type State = H::State;

    fn before(&self, cx: &CallContext) -> Result<H::State, Refused> {
        (**self).before(cx)
    }

    fn run<R>(&self, state: &H::State, handler: impl FnOnce() -> R) -> R {
        (**self).run(state, handler)
    }

    fn after(&self, cx: &CallContext, state: H::State, status: Status) {
        (**self).after(cx, state, status);
    }
}

/// A service with a [`ServerHook`] around each of its calls. It is a service itself: several are put around each other, and the
/// outermost one runs first.
///
/// ```
/// use rpc_core::{Around, CallContext, CallError, Reason, Refused, Server, rpc};
///
/// #[rpc]
/// pub trait Log {
///     fn read(&self) -> u64;
///     fn clear(&self) -> u64;
/// }
///
/// struct Lines;
///
/// impl Log for Lines {
///     fn read(&self) -> u64 {
///         7
///     }
///     fn clear(&self) -> u64 {
///         7
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = Around::new(LogServer::new(Lines), |cx: &CallContext| match cx.method().name {
///     "Log.clear" => Err(Refused::denied("this server is for readers")),
///     _ => Ok(()),
/// });
/// let server = Server::builder().service(log).bind("127.0.0.1:0")?.spawn()?;
/// let log = LogClient::connect(server.local_addr())?;
/// assert_eq!(log.read()?, 7);
/// let Err(CallError::NotExecuted(why)) = log.clear() else { panic!("it ran") };
/// assert_eq!((why.reason, why.detail.as_str()), (Reason::Denied, "this server is for readers"));
/// # log.call.close();
/// # Ok(())
/// # }
/// ```
pub struct Around<S, H> {
    /// The service.
    service: S,
    /// The code around its calls, shared with those whose replies come later.
    hook: Arc<H>,
}

impl<S: Service, H: ServerHook> Around<S, H> {
    /// Puts `hook` around each call of `service`.
    pub fn new(service: S, hook: H) -> Self {
        Around { service, hook: Arc::new(hook) }
    }

    /// Runs the method of a call. Returns its end, and the end as the hook is told it; `None` if its reply comes later.
    fn run(&self, state: &H::State, call: Dispatch<'_>) -> (Ended, Option<Status>) {
        let entered = call.entered;
        // Unwind safety: a panic goes on to the code that contains those of handlers, as soon as the hook knows.
        let ended = catch_unwind(AssertUnwindSafe(|| self.hook.run(state, || self.service.dispatch(call))));
        let status = match &ended {
            Ok(Ok(dispatched)) => dispatched.status(),
            Ok(Err(refused)) => Some(Status::Refused(refused.reason)),
            Err(panic) => Some(status_of_panic(panic.as_ref(), entered)),
        };
        (ended, status)
    }

    /// Runs a call whose reply may come later, and so outlast its method.
    fn run_later(&self, call: Dispatch<'_>, cx: CallContext, state: H::State) -> Ended {
        let Some((key, inner)) = call.env.held else {
            let (ended, status) = self.run(&state, call);
            after(&*self.hook, &cx, state, status.unwrap_or(Status::GivenUp));
            return ended;
        };
        let (hook, stage) = (Arc::clone(&self.hook), Mutex::new(Stage::Runs));
        let around = Arc::new(HeldAround { hook, inner: Arc::clone(inner), stage });
        let holder: Arc<dyn Holder> = Arc::clone(&around) as _;
        let env = CallEnv { held: Some((key, &holder)), ..*call.env };
        let call = Dispatch { env: &env, ..call };
        let (ended, status) = self.run(&state, call);
        match status {
            Some(status) => after(&*self.hook, &cx, state, status),
            None => around.wait(cx, state),
        }
        ended
    }
}

/// The end of a method: of its own, or by a panic.
type Ended = Result<Result<Dispatched, Refused>, Box<dyn Any + Send>>;

impl<S: Service, H: ServerHook> Service for Around<S, H> {
    fn contract(&self) -> &'static Contract {
        self.service.contract()
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let cx = call.context();
        let state = contain(|| self.hook.before(&cx)).unwrap_or_else(|| {
            log::error!(method = cx.method().name, call = %cx.call(), "the code before a call panicked, so the call was denied");
            Err(Refused::denied("the code before the call panicked"))
        })?;
        let ended = if cx.method().later {
            self.run_later(call, cx, state)
        } else {
            let (ended, status) = self.run(&state, call);
            after(&*self.hook, &cx, state, status.unwrap_or(Status::GivenUp)); // such a method has a status
            ended
        };
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<S, H> fmt::Debug for Around<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Around")
    }
}

/// Returns the status of a call that has unwound.
fn status_of_panic(panic: &(dyn Any + Send), entered: &Cell<bool>) -> Status {
    match entered.get() {
        _ if is_giving_up(panic) => Status::GivenUp,
        true => Status::Panicked,
        false => Status::Refused(Reason::BadArguments), // as `dispatch` says it: the user's function was not entered
    }
}

/// Tells a hook how a call ended.
fn after<H: ServerHook>(hook: &H, cx: &CallContext, state: H::State, status: Status) {
    if contain(|| hook.after(cx, state, status)).is_none() {
        log::error!(method = cx.method().name, call = %cx.call(), "the code after a call panicked");
    }
}

/// The holder of a call whose reply comes later: the hook runs before the holder that it wraps.
struct HeldAround<H: ServerHook> {
    /// The code around the call.
    hook: Arc<H>,
    /// The holder of the call without the hook.
    inner: Arc<dyn Holder>,
    /// The stage of the call, under a lock that is never held while user code runs.
    stage: Mutex<Stage<H::State>>,
}

/// The stage of a call whose reply comes later.
enum Stage<T> {
    /// Its method has not returned to the hook.
    Runs,
    /// It has ended before its method returned to the hook.
    Ended(CallKey, Status, Vec<u8>),
    /// Its method has returned, and it has not ended.
    Waits(Box<CallContext>, T),
    /// The hook knows its end.
    Over,
}

impl<H: ServerHook> HeldAround<H> {
    fn lock(&self) -> MutexGuard<'_, Stage<H::State>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner) // each change is one statement
    }

    /// Keeps the state of a call until it ends.
    fn wait(&self, cx: CallContext, state: H::State) {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Over) {
            Stage::Ended(key, status, body) => {
                drop(stage);
                after(&*self.hook, &cx, state, status);
                self.inner.finish(key, status, body);
            }
            _ => *stage = Stage::Waits(Box::new(cx), state), // its method returns once
        }
    }
}

impl<H: ServerHook> Holder for HeldAround<H> {
    fn finish(&self, key: CallKey, status: Status, body: Vec<u8>) {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Over) {
            Stage::Waits(cx, state) => {
                drop(stage);
                after(&*self.hook, &cx, state, status);
            }
            Stage::Runs => {
                *stage = Stage::Ended(key, status, body);
                return;
            }
            Stage::Ended(..) | Stage::Over => drop(stage), // a responder ends its call once
        }
        self.inner.finish(key, status, body);
    }

    fn notify(&self, notice: Notice) {
        self.inner.notify(notice);
    }

    fn draining(&self) -> &Arc<DrainSignal> {
        self.inner.draining()
    }
}
