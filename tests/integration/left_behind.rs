//! Handlers that a server leaves behind when its grace time is over: they and the holders of their calls are told.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rpc_core::{CallContext, CallError, Later, Responder, RunningServer, Server, rpc};

use crate::raw_client::PATIENCE;

#[rpc]
trait Clerk {
    /// Replies later, and returns late.
    #[rpc(slow)]
    fn later(&self) -> Later<u64>;

    /// Looks at its context until no caller waits.
    #[rpc(slow)]
    fn looks(&self, cx: &CallContext) -> u64;
}

/// The ends of the test.
struct Slow {
    responders: Sender<Responder<u64>>,
    returns: Mutex<Receiver<()>>,
    looked: Sender<()>,
}

impl Clerk for Slow {
    fn later(&self) -> Later<u64> {
        let (responder, later) = Later::pair();
        self.responders.send(responder).expect("the test listens");
        let returns = self.returns.lock().unwrap_or_else(PoisonError::into_inner);
        returns.recv_timeout(PATIENCE).expect("the test lets it return");
        later
    }

    fn looks(&self, cx: &CallContext) -> u64 {
        self.looked.send(()).expect("the test listens");
        while !cx.is_cancelled() {
            thread::park_timeout(Duration::from_millis(1));
        }
        self.looked.send(()).expect("the test listens");
        0
    }
}

/// A server whose drain has just ended by force, with what its handlers say.
struct Bench {
    server: RunningServer,
    client: ClerkClient,
    responders: Receiver<Responder<u64>>,
    lets_return: Sender<()>,
    looked: Receiver<()>,
}

fn bench() -> Bench {
    let ((responder, responders), (lets_return, returns), (look, looked)) = (channel(), channel(), channel());
    let slow = Slow { responders: responder, returns: Mutex::new(returns), looked: look };
    let server = Server::builder().service(ClerkServer::new(slow)).bind("127.0.0.1:0").expect("bound");
    let server = server.spawn().expect("started");
    let client = ClerkClient::connect(server.local_addr()).expect("connected");
    let client = client.call.with_deadline(10 * PATIENCE); // so that no deadline tells them
    Bench { server, client, responders, lets_return, looked }
}

#[test]
fn v12_the_holder_of_a_call_is_told_though_its_method_returns_after_the_end_of_the_server() {
    let Bench { server, client, responders, lets_return, .. } = bench();
    let pending = client.start.later();
    let responder = responders.recv_timeout(PATIENCE).expect("it begins");
    let (tell, told) = channel();
    responder.on_cancel(move || tell.send(()).expect("the test waits"));
    server.drain_within(Duration::ZERO);
    server.wait().expect("the drain ends");
    lets_return.send(()).expect("it waits");
    told.recv_timeout(PATIENCE).expect("no caller waits any longer");
    assert!(responder.is_cancelled());
    assert!(matches!(pending.wait(), Err(CallError::Unknown(_))), "a handler that ran was left behind");
    client.call.close();
}

#[test]
fn v12_a_handler_that_a_drain_leaves_behind_is_told() {
    let Bench { server, client, looked, .. } = bench();
    let pending = client.start.looks();
    looked.recv_timeout(PATIENCE).expect("it begins");
    server.drain_within(Duration::ZERO);
    server.wait().expect("the drain ends");
    looked.recv_timeout(PATIENCE).expect("no caller waits any longer");
    assert!(matches!(pending.wait(), Err(CallError::Unknown(_))), "its result has no loop to go to");
    client.call.close();
}
