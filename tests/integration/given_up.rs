//! Handlers that give their call up, and handlers that return too late: what their callers are told over sockets.

use std::thread;
use std::time::Duration;

use rpc_core::{CallContext, CallError, RunningServer, Server, rpc};

use crate::raw_client::PATIENCE;

#[rpc]
trait Work {
    /// Gives up at once if it is told to.
    fn count(&self, cx: &CallContext, gives_up: bool) -> u64;

    /// The same, with an error of its own that says something else.
    fn list(&self, cx: &CallContext) -> Result<Vec<String>, String>;

    /// Returns 0 as soon as its caller waits no longer.
    #[rpc(slow)]
    fn returns_late(&self, cx: &CallContext) -> u64;

    /// Gives up as soon as its caller waits no longer.
    #[rpc(slow)]
    fn gives_up_late(&self, cx: &CallContext) -> u64;
}

struct Worker;

fn until_no_caller_waits(cx: &CallContext) {
    while !cx.is_cancelled() {
        thread::park_timeout(Duration::from_millis(1));
    }
}

impl Work for Worker {
    fn count(&self, cx: &CallContext, gives_up: bool) -> u64 {
        if gives_up { cx.give_up("told to \x1b[31m") } else { 7 }
    }

    fn list(&self, cx: &CallContext) -> Result<Vec<String>, String> {
        cx.give_up("")
    }

    fn returns_late(&self, cx: &CallContext) -> u64 {
        until_no_caller_waits(cx);
        0
    }

    fn gives_up_late(&self, cx: &CallContext) -> u64 {
        until_no_caller_waits(cx);
        cx.give_up("no caller waits")
    }
}

fn started() -> (RunningServer, WorkClient) {
    let server = Server::builder().service(WorkServer::new(Worker)).bind("127.0.0.1:0").expect("bound");
    let server = server.spawn().expect("started");
    let client = WorkClient::connect(server.local_addr()).expect("connected");
    (server, client)
}

#[test]
fn a_handler_that_gives_up_has_a_verdict_of_its_own_and_the_server_goes_on() {
    let (server, work) = started();
    let error = work.count(true).expect_err("given up");
    let CallError::GivenUp(given_up) = &error else { panic!("{error:?}") };
    assert_eq!((given_up.message.as_str(), error.ran()), ("told to \x1b[31m", Some(true)));
    let text = error.to_string();
    assert!(
        text.contains("began once and was given up by the service: told to") && !text.contains('\x1b'),
        "{text}"
    );
    let error = work.list().expect_err("given up");
    assert!(matches!(&error, CallError::GivenUp(given_up) if given_up.message.is_empty()), "{error:?}");
    assert_eq!(work.count(false).expect("it counts"), 7);
    let counters = server.counters();
    assert_eq!((counters.given_up, counters.panics), (2, 0));
    work.call.close();
}

#[test]
fn v11_what_a_handler_does_after_its_callers_deadline_is_never_the_verdict_and_resolve_finds_it() {
    let (_server, work) = started();
    let hurried = work.call.with_deadline(Duration::from_millis(30));
    let (mut returned, mut given_up) = (0, 0);
    for _ in 0..15 {
        match late(hurried.returns_late()) {
            None => {}
            Some(Ok(0)) => returned += 1,
            other => panic!("it has returned: {other:?}"),
        }
        match late(hurried.start.gives_up_late().wait()) {
            None => {}
            Some(Err(CallError::GivenUp(why))) if why.message == "no caller waits" => given_up += 1,
            other => panic!("it was given up: {other:?}"),
        }
    }
    assert!(returned > 0 && given_up > 0, "on a machine that begins a call within its deadline now and then");
    work.call.close();
}

/// Returns what became of a call that ran until its deadline was over. `None`: it did not begin in time.
fn late(outcome: Result<u64, CallError>) -> Option<Result<u64, CallError>> {
    match outcome {
        Err(CallError::Unknown(unknown)) => match unknown.resolve(PATIENCE) {
            Err(CallError::NotExecuted(_)) => None,
            known => Some(known),
        },
        Err(CallError::NotExecuted(_)) => None,
        other => panic!("V11: what came after the deadline is the verdict: {other:?}"),
    }
}
