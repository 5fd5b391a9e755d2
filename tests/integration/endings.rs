//! Clients and servers that are dropped where little is left of their thread or their process: no destructor panics, or waits
//! for itself. A panic there would abort the process, so most cases run in one of their own.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rpc_core::limits::ServerLimits;
use rpc_core::{CallError, Connector, Pending, Race, RunningServer, ServeError, Server, ServerHandle};

use crate::raw_client::PATIENCE;
use crate::test_service::own_host;

#[rpc_core::rpc]
trait Place {
    fn here(&self) -> u32;
    /// Calls `here` of another server, with the client of this thread.
    #[rpc(slow)]
    fn there(&self) -> u32;
    #[rpc(slow)]
    fn rest(&self, millis: u64);
    /// Ends the server: 0 drops it, 1 stops it, 2 waits for it.
    fn end(&self, how: u32) -> Result<(), String>;
}

#[derive(Default)]
struct Town {
    next: Option<SocketAddr>,
    myself: Arc<Mutex<Option<RunningServer>>>,
}

impl Place for Town {
    fn here(&self) -> u32 {
        7
    }

    fn there(&self) -> u32 {
        let next = self.next.expect("there is another server");
        std::thread::sleep(Duration::from_millis(20)); // so that the calls of a burst are on threads of their own
        MINE.with_borrow_mut(|mine| {
            let client = mine.client.get_or_insert_with(|| connect(next));
            client.here().expect("it runs")
        })
    }

    fn rest(&self, millis: u64) {
        std::thread::sleep(Duration::from_millis(millis));
    }

    fn end(&self, how: u32) -> Result<(), String> {
        let server = self.myself.lock().expect("no panic").take().expect("once");
        match how {
            0 => {
                drop(server);
                Ok(())
            }
            1 => server.stop().map_err(|error| error.to_string()),
            _ => server.wait().map_err(|error| error.to_string()),
        }
    }
}

/// The values that a thread keeps, dropped when it ends, before or after the library's own values of this thread.
#[derive(Default)]
#[allow(dead_code, reason = "it is there to be dropped")]
struct Mine {
    client: Option<PlaceClient>,
    server: Option<RunningServer>,
    calls: Vec<Pending<()>>,
    race: Option<Race<u32, ()>>,
    error: Option<CallError>,
}

thread_local! {
    static MINE: RefCell<Mine> = RefCell::default();
}

fn serve(town: Town) -> RunningServer {
    let limits = ServerLimits { drain_linger: Duration::ZERO, ..ServerLimits::default() };
    let server = Server::builder().service(PlaceServer::new(town)).limits(limits);
    server.bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port")
}

fn connect(address: SocketAddr) -> PlaceClient {
    Connector::new().deadline(PATIENCE).connect(address).expect("it listens")
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

fn no_session_is_left(server: &ServerHandle) {
    wait_until("the sessions end with a BYE", || server.counters().sessions == 0);
}

/// A client, started calls, a race, an error that can be resolved and a server, all in use.
fn everything(address: SocketAddr) -> Mine {
    let client = connect(address);
    assert_eq!(client.here().expect("it runs"), 7);
    let calls = (0..3).map(|_| client.start.rest(1)).collect();
    let mut race = Race::new();
    race.add(1, client.start.rest(1));
    let error = client.call.with_deadline(Duration::from_millis(60)).rest(200).err();
    std::thread::sleep(Duration::from_millis(10)); // the connection counts as unwatched after 2 ms: dropping it reads once
    Mine { server: Some(serve(Town::default())), calls, race: Some(race), error, client: Some(client) }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts() {
    for child in ["client_first", "library_first", "main_thread", "handlers", "in_a_static", "unwinding"] {
        let said = crate::children::run_child("", &format!("endings::child_{child}"));
        assert!(!said.contains("Thread Local Storage"), "{child}: {said}");
    }
}

#[test]
#[ignore = "run by what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts"]
fn child_client_first() {
    let server = serve(Town::default());
    let (address, handle) = (server.local_addr(), server.handle());
    // The value is registered before the library's own values of the thread, and so dropped after them.
    let thread = std::thread::spawn(move || {
        MINE.with_borrow_mut(|mine| {
            *mine = everything(address);
            mine.server.as_ref().expect("it runs").local_addr()
        })
    });
    let inner = thread.join().expect("no panic");
    no_session_is_left(&handle);
    wait_until("the server of the thread ends", || TcpStream::connect(inner).is_err());
    server.stop().expect("drained");
}

#[test]
#[ignore = "run by what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts"]
fn child_library_first() {
    let server = serve(Town::default());
    let (address, handle) = (server.local_addr(), server.handle());
    std::thread::spawn(move || {
        let all = everything(address);
        MINE.with_borrow_mut(|mine| *mine = all);
    })
    .join()
    .expect("no panic");
    no_session_is_left(&handle);
    server.stop().expect("drained");
}

/// The main thread of a test is another one, so a thread ends with the process: `main` of the harness returns meanwhile.
#[test]
#[ignore = "run by what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts"]
fn child_main_thread() {
    let server = serve(Town::default());
    MINE.with_borrow_mut(|mine| *mine = everything(server.local_addr()));
    std::mem::forget(server);
}

/// A server whose handlers keep a client each: their threads end with the server.
#[test]
#[ignore = "run by what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts"]
fn child_handlers() {
    let other = serve(Town::default());
    let server = serve(Town { next: Some(other.local_addr()), ..Town::default() });
    let client = connect(server.local_addr());
    let calls: Vec<_> = (0..8).map(|_| client.start.there()).collect();
    for call in calls {
        assert_eq!(call.wait().expect("it runs"), 7);
    }
    assert!(other.counters().sessions > 1, "the calls were on threads of their own");
    drop(client);
    server.stop().expect("drained");
    no_session_is_left(&other.handle());
    other.stop().expect("drained");
}

static CLIENT: OnceLock<PlaceClient> = OnceLock::new();
static SERVER: OnceLock<RunningServer> = OnceLock::new();

#[test]
#[ignore = "run by what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts"]
fn child_in_a_static() {
    let server = SERVER.get_or_init(|| serve(Town::default()));
    let client = CLIENT.get_or_init(|| connect(server.local_addr()));
    assert_eq!(client.here().expect("it runs"), 7);
    assert!(client.start.rest(1000).wait_for(Duration::ZERO).is_none(), "it rests");
}

#[test]
#[ignore = "run by what_a_thread_keeps_is_dropped_with_it_and_nothing_aborts"]
fn child_unwinding() {
    let server = serve(Town::default());
    let (address, handle) = (server.local_addr(), server.handle());
    let ended = std::thread::spawn(move || {
        let _all = everything(address);
        panic!("as planned");
    })
    .join();
    assert!(ended.is_err());
    no_session_is_left(&handle);
    server.stop().expect("drained");
}

/// A server that a handler ends waits for that handler. If the handler waited for the server, its caller would have no reply.
#[test]
fn a_handler_that_ends_its_own_server_does_not_wait_for_itself() {
    for how in 0..3 {
        let myself = Arc::default();
        let town = Town { myself: Arc::clone(&myself), next: None };
        let limits = ServerLimits { grace: Duration::from_secs(3600), ..ServerLimits::default() };
        let server = Server::builder().service(PlaceServer::new(town)).limits(limits);
        let server = server.bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port");
        let (address, client) = (server.local_addr(), connect(server.local_addr()));
        *myself.lock().expect("no panic") = Some(server);
        match (how, client.end(how)) {
            (0, Ok(())) => {}
            (1 | 2, Err(CallError::Service(text))) => assert_eq!(text, ServeError::OwnHandler.to_string()),
            (_, verdict) => panic!("{how}: {verdict:?}"),
        }
        drop(client);
        wait_until("the drain goes on without it", || TcpStream::connect(address).is_err());
    }
}

/// An address with several hosts: errors and `peer` name the one that is used.
#[test]
fn errors_and_the_peer_name_the_address_in_use() {
    let closed = std::net::TcpListener::bind((own_host(9), 0)).expect("a free port");
    let dead = closed.local_addr().expect("bound");
    drop(closed);
    let (one, two) = (serve(Town::default()), serve(Town::default()));
    let addresses = [dead, one.local_addr(), two.local_addr()];
    let client: PlaceClient =
        Connector::new().deadline(PATIENCE).connect(&addresses[..]).expect("one listens");
    let used = client.call.peer().to_string();
    assert_eq!(used, one.local_addr().to_string());
    let error = client.end(0).expect_err("a panic: this server is not its own");
    assert!(error.to_string().contains(&format!("Place.end at {used}")), "{error}");

    one.drain_within(Duration::ZERO);
    drop(one);
    wait_until("the other server runs it", || client.here().is_ok()); // a call under way may be unknown
    assert_eq!(client.call.peer().to_string(), two.local_addr().to_string());
    let later = client.end(0).expect_err("a panic: this server is not its own");
    assert!(later.to_string().contains(&format!("Place.end at {}", two.local_addr())), "{later}");
    assert!(
        error.to_string().contains(&format!("Place.end at {used}")),
        "an old error names the old server: {error}"
    );

    two.drain_within(Duration::ZERO);
    drop(two);
    let gone: Result<PlaceClient, _> = Connector::new().connect(&addresses[..]);
    let text = gone.expect_err("none listens").to_string();
    assert!(
        text.contains(&format!("cannot reach {}", addresses[2])),
        "the last attempt is named with its failure: {text}"
    );
}
