//! A service written by hand, whose slow methods wait for the test instead of the clock; and a server that runs it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rpc_core::contract::{Contract, Method};
use rpc_core::limits::ServerLimits;
use rpc_core::service::{Dispatch, Dispatched, Refused};
use rpc_core::{ServeError, Server, ServerBuilder, ServerHandle, Service};

use crate::raw_client::{PATIENCE, RawClient};

pub(crate) const ECHO: Method = Method::new("Test.echo", "fn echo(text: &str) -> String");
pub(crate) const COUNT: Method = Method::new("Test.count", "fn count() -> u64");
pub(crate) const WAIT: Method = Method::new("Test.wait", "fn wait()");
pub(crate) const WAIT_SLOW: Method = Method::new("Test.wait_slow", "fn wait_slow()").slow();
pub(crate) const PANIC: Method = Method::new("Test.panic", "fn panic(text: &str)");
pub(crate) const LARGE: Method = Method::new("Test.large", "fn large(size: u64) -> Vec<u8>").idempotent();
pub(crate) const NAP: Method = Method::new("Test.nap", "fn nap(milliseconds: u64)");
pub(crate) const MISSING: Method = Method::new("Test.missing", "fn missing()");

pub(crate) static CONTRACT: Contract =
    Contract::new("Test", &[ECHO, COUNT, WAIT, WAIT_SLOW, PANIC, LARGE, NAP]);

/// A gate that a test opens: each thread that waits at it goes on, then and later.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<(bool, u64)>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.state.lock().expect("not poisoned").0 = true;
        self.changed.notify_all();
    }

    pub(crate) fn shut(&self) {
        self.state.lock().expect("not poisoned").0 = false;
    }

    pub(crate) fn pass(&self) {
        let mut state = self.state.lock().expect("not poisoned");
        state.1 += 1;
        self.changed.notify_all();
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, |s| !s.0).expect("not poisoned");
        assert!(state.0, "the gate stayed shut");
    }

    pub(crate) fn arrivals(&self) -> u64 {
        self.state.lock().expect("not poisoned").1
    }

    /// Waits until so many have come to the gate.
    pub(crate) fn wait_for_arrivals(&self, count: u64) {
        let state = self.state.lock().expect("not poisoned");
        let (state, _) =
            self.changed.wait_timeout_while(state, PATIENCE, |s| s.1 < count).expect("not poisoned");
        assert!(state.1 >= count, "{} of {count} came", state.1);
    }
}

/// The state that the handlers share with the test.
#[derive(Default)]
pub(crate) struct World {
    pub gate: Gate,
    pub runs: AtomicU64,
    pub naps: AtomicU64,
}

struct TestService(Arc<World>);

impl Service for TestService {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        match call.method() {
            0 => {
                let (text,): (&str,) = call.arguments()?;
                let text = text.to_owned();
                call.reply::<String>(text)
            }
            1 => {
                let () = call.arguments()?;
                call.reply::<u64>(self.0.runs.fetch_add(1, Ordering::SeqCst) + 1)
            }
            2 | 3 => {
                let () = call.arguments()?;
                self.0.gate.pass();
                call.reply::<()>(())
            }
            4 => {
                let (text,): (&str,) = call.arguments()?;
                panic!("{text}")
            }
            5 => {
                let (size,): (u64,) = call.arguments()?;
                call.reply::<Vec<u8>>(vec![7; size as usize])
            }
            6 => {
                let (milliseconds,): (u64,) = call.arguments()?;
                self.0.naps.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(milliseconds));
                call.reply::<()>(())
            }
            _ => call.no_such_method(),
        }
    }
}

/// A host for one test: what it lets go of cannot be taken by another test that asks for any free port. Elsewhere than
/// on Linux a machine has one address only, and luck has to do.
pub(crate) fn own_host(number: u8) -> Ipv4Addr {
    if cfg!(target_os = "linux") { Ipv4Addr::new(127, 0, 0, 10 + number) } else { Ipv4Addr::LOCALHOST }
}

/// The default bounds, but without a wait for clients that have gone without BYE when the test is over.
pub(crate) fn test_limits() -> ServerLimits {
    let (drain_linger, grace) = (Duration::ZERO, Duration::from_millis(500));
    ServerLimits { drain_linger, grace, ..ServerLimits::default() }
}

/// A server on a thread of its own. Dropped: drained, and waited for.
pub(crate) struct TestServer {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    pub world: Arc<World>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with_limits(limits: ServerLimits) -> Self {
        Self::with(|builder| builder.limits(limits))
    }

    pub(crate) fn with(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, set)
    }

    pub(crate) fn at(host: Ipv4Addr, set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let world = Arc::new(World::default());
        let builder = Server::builder().limits(test_limits()).service(TestService(Arc::clone(&world)));
        let server = set(builder).bind((host, 0)).expect("a free port");
        let (address, handle) = (server.local_addr(), server.handle());
        let thread = std::thread::spawn(move || server.run());
        TestServer { address, handle, world, thread: Some(thread) }
    }

    pub(crate) fn client(&self) -> RawClient {
        RawClient::connect(self.address, &CONTRACT, 64).0
    }

    /// Drains, and says how the server ended.
    pub(crate) fn finish(self) -> Result<(), ServeError> {
        self.handle.drain();
        self.wait()
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn wait(mut self) -> Result<(), ServeError> {
        self.thread.take().expect("once").join().expect("run does not panic")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.world.gate.open();
        self.handle.drain();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "{ended:?}");
        }
    }
}
