//! A server with a store: nothing leaves before it is durable, and nothing leaves any more once the store has failed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::{CONTRACT, PING, Ping, turn_until, write};
use crate::ids::{CallId, Incarnation};
use crate::limits::ServerLimits;
use crate::net::server::{ServeError, Server};
use crate::proto::server::{HashSecret, SessionChange};
use crate::service::{DurableError, DurableFilter, FinishedCall, Restored, dispatch};
use crate::wire::frame::{Header, Kind};
use crate::wire::message::Hello;

/// A store that notes what is done with it.
#[derive(Clone, Default)]
struct Watched {
    log: Arc<Mutex<Vec<&'static str>>>,
    fails: Arc<AtomicBool>,
}

impl Watched {
    fn note(&self, what: &'static str) {
        self.log.lock().expect("no test panics with it").push(what);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.log.lock().expect("no test panics with it"))
    }
}

impl DurableFilter for Watched {
    fn hash(&self) -> HashSecret {
        |secret| *secret
    }

    fn load(&self, _: usize) -> Result<Restored, DurableError> {
        Ok(Restored { incarnation: Incarnation(5), sessions: Vec::new(), in_use: Arc::default() })
    }

    fn note(&self, change: SessionChange) {
        self.note(match change {
            SessionChange::Opened(_) => "opened",
            SessionChange::Ended(_) => "ended",
        });
    }

    fn begin(&self, _: CallId) {
        self.note("begin");
    }

    fn end(&self, _: CallId, _: FinishedCall<'_>) {
        self.note("end");
    }

    fn commit(&self) -> Result<(), DurableError> {
        self.note("commit");
        match self.fails.load(Ordering::Relaxed) {
            true => Err(DurableError("the disk is full".into())),
            false => Ok(()),
        }
    }
}

fn hello() -> Vec<u8> {
    Hello::new(1, 0, &[&CONTRACT]).encode()
}

#[test]
fn v13_nothing_leaves_before_the_store_is_told_of_it_and_has_made_it_durable() {
    let store = Watched::default();
    let server = Server::builder().service(Ping).durable(store.clone());
    let server = server.bind("127.0.0.1:0").expect("a free port");
    let owner = &server.handle.loops()[0];
    let mut event_loop = owner.lock().parked_loop.take().expect("it was never started");
    let mut client = TcpStream::connect(server.local_addr()).expect("it listens");
    client.set_nonblocking(true).expect("an option");
    write(&mut client, &[(Header::new(Kind::Hello), &hello())]);
    turn_until(&mut event_loop, |event_loop| event_loop.core.counters().sessions == 1);
    event_loop.flush();
    assert_eq!(store.take(), ["opened", "commit"]);
    assert!(client.read(&mut [0; 4096]).is_ok_and(|count| count > 0), "WELCOME came after the commit");

    let call = Header { method: PING.id, millis: 60_000, ..Header::for_call(Kind::Call, 0, 1) };
    write(&mut client, &[(call, &[])]);
    turn_until(&mut event_loop, |event_loop| event_loop.core.has_calls());
    let now = event_loop.now;
    let ready = event_loop.core.poll_call(now).expect("it came");
    let mut reply = Vec::new();
    let status = dispatch(&owner.dispatch_env, &ready, &mut reply).expect("a reply");
    event_loop.core.finish(ready.key, status, &reply, now);
    assert_eq!(store.take(), ["begin", "end"]);
    assert!(client.read(&mut [0; 4096]).is_err(), "nothing yet");
    event_loop.flush();
    assert_eq!(store.take(), ["commit"]);
    owner.lock().parked_loop = Some(event_loop);
}

#[test]
fn v13_a_store_that_fails_ends_the_server_and_nothing_leaves_any_more() {
    let store = Watched::default();
    store.fails.store(true, Ordering::Relaxed);
    let server = Server::builder().service(Ping).durable(store).limits(ServerLimits::default());
    let running = server.bind("127.0.0.1:0").expect("a free port").spawn().expect("threads");
    let mut client = TcpStream::connect(running.handle().local_addr()).expect("it listens");
    let mut bytes = Vec::new();
    crate::wire::frame::append(&mut bytes, &Header::new(Kind::Hello), &hello(), true);
    client.write_all(&bytes).expect("there is room");
    let mut said = Vec::new();
    let _ = client.read_to_end(&mut said); // an end, or a reset
    assert_eq!(said, [0; 0]);
    let error = running.wait().expect_err("the server has ended with an error");
    assert!(matches!(error, ServeError::Durable(_)), "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
}
