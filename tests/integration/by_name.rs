//! Calls by name over real sockets: a client without the trait, what it finds, and what it is told.

use std::thread;
use std::time::{Duration, Instant};

use rpc_core::call::Never;
use rpc_core::error::Reason;
use rpc_core::{ByName, CallError, ConnectError, Connector, Race, Server, ServerHandle, rpc};

use crate::raw_client::PATIENCE;
use crate::test_service::own_host;

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct TooMuch(u64);

#[rpc]
pub(crate) trait Sums {
    fn add(&self, x: u64, y: u64) -> Result<u64, TooMuch>;
    fn describe(&self, what: &str, bytes: &[u8]) -> String;
}

/// The same service, built later.
mod later {
    #[rpc_core::rpc]
    pub(super) trait Sums {
        fn add(&self, x: u32, y: u32) -> u32;
    }
}

struct Plain;

impl Sums for Plain {
    fn add(&self, x: u64, y: u64) -> Result<u64, TooMuch> {
        x.checked_add(y).filter(|sum| *sum < 1000).ok_or(TooMuch(1000))
    }
    fn describe(&self, what: &str, bytes: &[u8]) -> String {
        format!("{what} of {} bytes", bytes.len())
    }
}

impl later::Sums for Plain {
    fn add(&self, x: u32, y: u32) -> u32 {
        x + y
    }
}

struct Running {
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn start(server: Server) -> Self {
        let handle = server.handle();
        let thread = thread::spawn(move || server.run().expect("it serves until it is drained"));
        Running { handle, thread: Some(thread) }
    }

    fn client(&self, services: &[&str]) -> ByName {
        Connector::new().connect_by_name(self.handle.local_addr(), services).expect("it listens")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.drain();
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || thread::panicking());
        }
    }
}

fn sums() -> Running {
    let server = Server::builder().service(SumsServer::new(Plain)).bind("127.0.0.1:0");
    Running::start(server.expect("a port is free"))
}

#[test]
fn a_method_is_called_by_its_name() {
    let server = sums();
    let client = server.client(&["Sums"]);
    assert_eq!(client.call::<u64, TooMuch>("Sums.add", &(20_u64, 22_u64)).expect("it adds"), 42);
    let text: String =
        client.call::<_, Never>("Sums.describe", &("a value", vec![1_u8, 2])).expect("it does");
    assert_eq!(text, "a value of 2 bytes");
    match client.call::<u64, TooMuch>("Sums.add", &(999_u64, 1_u64)) {
        Err(CallError::Service(error)) => assert_eq!(error, TooMuch(1000)),
        other => panic!("{other:?}"),
    }
    let names: Vec<_> = client.methods("Sums").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Sums.add", "Sums.describe"]);
    client.close();
}

#[test]
fn an_unknown_name_is_refused_with_the_names_that_exist() {
    let server = sums();
    let client = server.client(&["Sums", "Votes"]);
    let told = |name: &str| match client.call::<(), Never>(name, &()) {
        Err(CallError::NotExecuted(refusal)) => {
            assert_eq!(refusal.reason, Reason::NoSuchMethod);
            refusal.to_string()
        }
        other => panic!("{other:?}"),
    };
    let text = told("Sums.subtract");
    assert!(text.contains("there is no `Sums.subtract`; `Sums` has `Sums.add(x: u64, y: u64) -> "), "{text}");
    assert!(text.contains("`Sums.describe(what: &str, bytes: &[u8]) -> String`"), "{text}");
    assert!(told("Votes.ask").contains("the server has no service `Votes`"));
    assert!(
        told("Other.thing").contains("`Other` is not among the services that this client was connected for")
    );
    assert!(told("").contains("names are written `Service.method`"));
    client.close();
}

#[test]
fn wrong_arguments_are_refused_before_anything_runs() {
    let server = sums();
    let client = server.client(&["Sums"]);
    let refused = client.call::<u64, TooMuch>("Sums.add", &("not", "numbers"));
    assert!(
        matches!(&refused, Err(CallError::NotExecuted(why)) if why.reason == Reason::BadArguments),
        "{refused:?}"
    );
    let misread = client.call::<String, TooMuch>("Sums.add", &(1_u64, 2_u64)); // 3 is no text of three bytes
    assert!(matches!(&misread, Err(CallError::ReplyLost(_))), "{misread:?}");
    client.close();
}

#[test]
fn calls_by_name_are_started_and_raced() {
    let server = sums();
    let client = server.client(&["Sums"]);
    let mut race = Race::new();
    for x in 0..10_u64 {
        race.add(x, client.start::<u64, TooMuch>("Sums.add", &(x, x)));
    }
    race.add(99, client.start::<u64, TooMuch>("Sums.nothing", &(1_u64,)));
    let mut seen = 0;
    for (x, reply) in race {
        match reply {
            Ok(sum) => assert_eq!(sum, 2 * x),
            Err(error) => assert_eq!((x, error.ran()), (99, Some(false))),
        }
        seen += 1;
    }
    assert_eq!(seen, 11);
    client.close();
}

#[test]
fn a_server_that_was_built_anew_is_asked_again() {
    let server = Server::builder().service(SumsServer::new(Plain)).bind((own_host(1), 0));
    let server = Running::start(server.expect("a port is free"));
    let address = server.handle.local_addr();
    let client = server.client(&["Sums"]).with_deadline(Duration::from_secs(2));
    assert_eq!(client.call::<u64, TooMuch>("Sums.add", &(1_u64, 2_u64)).expect("it adds"), 3);
    drop(server);
    let later = Server::builder()
        .service(later::SumsServer::new(Plain))
        .bind(address)
        .expect("the port is free again");
    let _later = Running::start(later);
    let until = Instant::now() + PATIENCE;
    let sum = loop {
        match client.call::<u32, Never>("Sums.add", &(1_u32, 2_u32)) {
            Ok(sum) => break sum,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    assert_eq!((sum, client.methods("Sums").len()), (3, 1));
    client.close();
}

#[test]
fn a_name_that_cannot_travel_is_refused_at_once() {
    let server = sums();
    let long = "x".repeat(256);
    let refused = Connector::new().connect_by_name(server.handle.local_addr(), &[&long]);
    assert!(matches!(refused, Err(ConnectError::LongName(256))));
}
