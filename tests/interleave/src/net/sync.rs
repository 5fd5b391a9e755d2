//! Simulated locks, threads and clock, in place of `rpc-core/src/net/sync.rs`.

pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle::sync::{Mutex, MutexGuard, PoisonError};

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use crate::world;

/// Declares a value of which a process has one: here, of which an execution has one.
macro_rules! per_process {
    (static $name:ident: $type:ty = $value:expr;) => {
        shuttle::lazy_static! { static ref $name: $type = $value; }
    };
}
pub(crate) use per_process;

/// A point in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Instant(world::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(*self)
    }

    pub(crate) fn checked_add(&self, time: Duration) -> Option<Self> {
        self.0.checked_add(u64::try_from(time.as_micros()).ok()?).map(Instant)
    }

    pub(crate) fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A condition variable whose time-outs are those of the virtual clock.
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner(shuttle::sync::Condvar);

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.0.notify_all();
    }
}

impl Condvar {
    pub(crate) fn notify_all(&self) {
        self.inner.0.notify_all();
    }

    pub(crate) fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        quiet: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        self.inner.0.wait_while(guard, quiet).unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut quiet: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        let until = world::after(limit);
        // A time-out that fires before this thread waits fires again: the clock wakes a thread that it has woken before.
        world::notify_at(until, &Waker::from(Arc::clone(&self.inner)), || {
            while quiet(&mut guard) && world::now() < until {
                guard = self.inner.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
            guard
        })
    }
}

pub(crate) mod thread {
    //! Threads that the scheduler chooses between, which can be parked.

    use std::any::Any;
    use std::io;
    use std::num::NonZeroUsize;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::Waker;
    use std::time::Duration;

    pub(crate) use shuttle::thread::yield_now;

    use crate::world::{self, EndOfWorld};

    pub(crate) use shuttle::thread::ThreadId;

    /// One in so many parks ends for no reason, as `std` allows.
    const SPURIOUS: u32 = 40;

    /// The token of a thread, and the waker of its task while it is parked.
    #[derive(Debug, Default)]
    pub(crate) struct Parker(Mutex<(bool, Option<Waker>)>);

    /// A thread.
    #[derive(Clone, Debug)]
    pub(crate) struct Thread {
        id: ThreadId,
        parker: Arc<Parker>,
    }

    impl Thread {
        pub(crate) fn id(&self) -> ThreadId {
            self.id
        }

        pub(crate) fn unpark(&self) {
            let mut state = self.parker.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            world::note(|| format!("unparks {:?}", self.id));
            let waker = state.1.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            world::switch();
        }
    }

    /// The number of the running thread.
    pub(crate) fn number() -> usize {
        shuttle::thread::current().id().into()
    }

    pub(crate) fn current() -> Thread {
        let id = shuttle::thread::current().id();
        let parker = world::with(|world| Arc::clone(world.parkers.entry(id.into()).or_default()));
        Thread { id, parker }
    }

    pub(crate) fn park() {
        park_until(None);
    }

    pub(crate) fn park_timeout(limit: Duration) {
        park_until(Some(world::after(limit)));
    }

    fn park_until(until: Option<u64>) {
        world::switch();
        if world::once_in(SPURIOUS) {
            world::note(|| "is unparked for no reason".to_owned());
            return;
        }
        world::note(|| "parks".to_owned());
        let thread = current();
        world::wait(until, |waker| {
            let mut state = thread.parker.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.1 = Some(waker.clone());
            std::mem::take(&mut state.0).then_some(())
        });
    }

    pub(crate) fn sleep(limit: Duration) {
        world::wait::<()>(Some(world::after(limit)), |_| None);
    }

    pub(crate) fn available_parallelism() -> io::Result<NonZeroUsize> {
        NonZeroUsize::new(2).ok_or_else(|| io::Error::other("2 is 0"))
    }

    /// As that of `std`.
    #[derive(Debug, Default)]
    pub(crate) struct Builder(String);

    impl Builder {
        pub(crate) fn new() -> Self {
            Builder::default()
        }

        pub(crate) fn name(self, name: String) -> Self {
            Builder(name)
        }

        /// Every thread of a scenario has the scheduler's own stack.
        pub(crate) fn stack_size(self, _: usize) -> Self {
            self
        }

        pub(crate) fn spawn<T: Send + 'static>(
            self,
            work: impl FnOnce() -> T + Send + 'static,
        ) -> io::Result<JoinHandle<T>> {
            let fails = world::with(|world| {
                let one_in = world.spawns_fail;
                one_in > 0 && world.random.u32(0..one_in) == 0
            });
            if fails {
                return Err(io::Error::other("no thread is left, as the scenario wants"));
            }
            let handle = shuttle::thread::spawn(move || {
                let _ends = Life(number());
                match catch_unwind(AssertUnwindSafe(work)) {
                    Ok(done) => Some(done),
                    Err(panic) if panic.is::<EndOfWorld>() => None,
                    Err(panic) => resume_unwind(panic),
                }
            });
            let number = handle.thread().id().into();
            world::note(|| format!("starts thread {number}, {}", self.0));
            world::with(|world| {
                world.threads.entry(number).or_insert(self.0);
            });
            Ok(JoinHandle(handle))
        }
    }

    /// Notes the end of a thread.
    struct Life(usize);

    impl Drop for Life {
        fn drop(&mut self) {
            world::with(|world| world.threads.insert(self.0, String::new()));
        }
    }

    /// As that of `std`.
    #[derive(Debug)]
    pub(crate) struct JoinHandle<T>(shuttle::thread::JoinHandle<Option<T>>);

    impl<T> JoinHandle<T> {
        pub(crate) fn join(self) -> Result<T, Box<dyn Any + Send>> {
            self.0.join()?.ok_or_else(|| Box::new("the execution is over") as Box<dyn Any + Send>)
        }
    }
}

pub(crate) mod mpsc {
    //! A channel whose receiver waits in virtual time.

    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::Waker;
    use std::time::Duration;

    use crate::world;

    #[derive(Debug)]
    struct State<T> {
        messages: VecDeque<T>,
        senders: usize,
        waker: Option<Waker>,
    }

    type Shared<T> = Arc<Mutex<State<T>>>;

    fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The other end is gone, or it said nothing in time.
    #[derive(Debug)]
    pub(crate) struct Failed;

    #[derive(Debug)]
    pub(crate) struct Sender<T>(Shared<T>);

    #[derive(Debug)]
    pub(crate) struct Receiver<T>(Shared<T>);

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let state = State { messages: VecDeque::new(), senders: 1, waker: None };
        let shared = Arc::new(Mutex::new(state));
        (Sender(Arc::clone(&shared)), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, message: T) -> Result<(), Failed> {
            let mut state = lock(&self.0);
            state.messages.push_back(message);
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
            world::switch();
            Ok(())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            let mut state = lock(&self.0);
            state.senders -= 1;
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn recv_timeout(&self, limit: Duration) -> Result<T, Failed> {
            world::switch();
            let found = world::wait(Some(world::after(limit)), |waker| {
                let mut state = lock(&self.0);
                state.waker = Some(waker.clone());
                match state.messages.pop_front() {
                    Some(message) => Some(Ok(message)),
                    None => (state.senders == 0).then_some(Err(Failed)),
                }
            });
            found.unwrap_or(Err(Failed))
        }
    }
}
