//! The service of the tests: one method for each end of a call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use rpc_core::{Around, CallContext, Later, Refused, Responder, RunningServer, Server, rpc};
use rpc_metrics::Metrics;

#[rpc]
pub(crate) trait Ends {
    fn done(&self) -> u64;
    fn failed(&self) -> Result<u64, String>;
    fn panicked(&self) -> u64;
    fn denied(&self) -> u64;
    fn busy(&self) -> u64;
    fn later(&self) -> Later<u64>;
}

/// Gives the responders of `later` to the test.
pub(crate) struct Tester(pub(crate) Sender<Responder<u64>>);

impl Ends for Tester {
    fn done(&self) -> u64 {
        1
    }

    fn failed(&self) -> Result<u64, String> {
        Err("not today".to_owned())
    }

    fn panicked(&self) -> u64 {
        panic!("as the test wants it")
    }

    fn denied(&self) -> u64 {
        panic!("it was let through")
    }

    fn busy(&self) -> u64 {
        2
    }

    fn later(&self) -> Later<u64> {
        let (responder, later) = Later::pair();
        self.0.send(responder).expect("the test waits for it");
        later
    }
}

/// Starts a server whose calls are counted, with a hook inside that denies one method, and finds another one's first call too many.
pub(crate) fn counted(metrics: &Metrics, tester: Tester) -> RunningServer {
    let first = AtomicBool::new(true);
    let refuses = move |cx: &CallContext| match cx.method().name {
        "Ends.denied" => Err(Refused::denied("never")),
        "Ends.busy" if first.swap(false, Ordering::Relaxed) => Err(Refused::busy("once")),
        _ => Ok(()),
    };
    let ends = metrics.around(Around::new(EndsServer::new(tester), refuses));
    let server = Server::builder().service(ends).bind("127.0.0.1:0").expect("a free port");
    server.spawn().expect("a thread")
}
