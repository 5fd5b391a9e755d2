//! A server with several addresses: its clients try one after the other.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::reject::RejectCode;
use rpc_core::{ConnectError, Connector, RunningServer, Server, rpc};

use crate::raw_client::PATIENCE;
use crate::raw_server::{Conversation, listen};
use crate::test_service::{own_host, test_limits};

/// Tells which server answers.
#[rpc]
pub(crate) trait Place {
    fn number(&self) -> u8;
}

struct Here(u8);

impl Place for Here {
    fn number(&self) -> u8 {
        self.0
    }
}

fn serve(number: u8) -> RunningServer {
    serve_at((own_host(6), 0).into(), number)
}

fn serve_at(address: SocketAddr, number: u8) -> RunningServer {
    let server = Server::builder().service(PlaceServer::new(Here(number))).limits(test_limits());
    server.bind(address).and_then(Server::spawn).expect("a free port")
}

/// An address at which no server listens.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind((own_host(6), 0)).expect("a free port");
    listener.local_addr().expect("bound")
}

#[test]
fn a_client_tries_every_address_of_its_server_before_it_gives_up() {
    let server = serve(1);
    for addresses in [[server.local_addr(), refusing()], [refusing(), server.local_addr()]] {
        let place: PlaceClient = Connector::new().connect(&addresses[..]).expect("one of them listens");
        assert_eq!(place.number().expect("it answers"), 1);
    }
}

#[test]
fn a_client_whose_server_has_ended_goes_on_at_the_next_address() {
    let (first, second) = (serve(1), serve(2));
    let addresses = [first.local_addr(), second.local_addr()];
    let connector = Connector::new().deadline(PATIENCE);
    let place: PlaceClient = connector.connect(&addresses[..]).expect("both listen");
    assert_eq!(place.number().expect("it answers"), 1);
    first.stop().expect("it drains");
    assert_eq!(place.number().expect("the other one answers"), 2);
}

/// Ends the thread of [`beside`] when it is dropped, also by a panic: a test that fails must not wait for it.
struct EndsOnDrop<'a> {
    done: &'a AtomicBool,
    address: SocketAddr,
}

impl Drop for EndsOnDrop<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address)); // wakes the thread that accepts
    }
}

/// Runs `with` beside a server that does this with each connection.
fn beside<T>(reply: impl Fn(TcpStream) + Sync, with: impl FnOnce(SocketAddr) -> T) -> T {
    let (listener, address) = listen();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let guard = EndsOnDrop { done: &done, address };
        scope.spawn(|| {
            loop {
                let (stream, _) = listener.accept().expect("a client comes");
                if done.load(Ordering::SeqCst) {
                    return;
                }
                reply(stream);
            }
        });
        let result = with(address);
        drop(guard);
        result
    })
}

/// Refuses a client for good, as a server of another version does.
fn refuse(stream: TcpStream) {
    // A client that was connected elsewhere meanwhile leaves without a HELLO.
    let Some((mut client, _)) = Conversation::begin(stream) else { return };
    let code = RejectCode::Version as u8;
    client.say(&Header { code, ..Header::new(Kind::Reject) }, b"it speaks version 9");
    assert!(client.frame().is_none());
}

#[test]
fn a_server_of_another_version_at_one_address_does_not_keep_a_client_from_the_others() {
    let server = serve(1);
    beside(refuse, |other| {
        for addresses in [[other, server.local_addr()], [server.local_addr(), other]] {
            let place: PlaceClient = Connector::new().connect(&addresses[..]).expect("one of them serves it");
            assert_eq!(place.number().expect("it answers"), 1);
        }
    });
}

#[test]
fn a_call_waits_for_an_address_that_may_serve_it_though_another_one_has_another_version() {
    let (told, refused) = mpsc::channel();
    let refuse_and_tell = |stream| {
        refuse(stream);
        let _ = told.send(()); // the test may have ended
    };
    beside(refuse_and_tell, |other| {
        let first = serve(1);
        let address = first.local_addr();
        let connector = Connector::new().deadline(PATIENCE);
        let place: PlaceClient = connector.connect(&[address, other][..]).expect("one of them serves it");
        assert_eq!(place.number().expect("it answers"), 1);
        first.stop().expect("it drains");
        let call = place.start.number();
        refused.recv_timeout(PATIENCE).expect("the other address is tried");
        let _second = serve_at(address, 2);
        assert_eq!(call.wait().expect("it has waited for this one"), 2);
    });
}

#[test]
fn a_client_that_no_address_serves_is_told_which_server_refused_it_and_why() {
    beside(refuse, |other| {
        for addresses in [vec![other], vec![other, refusing()], vec![refusing(), other]] {
            let error = Connector::new().connect::<PlaceClient>(&addresses[..]).expect_err("none serves it");
            let ConnectError::Rejected { server, detail } = &error else { panic!("{error:?}") };
            assert_eq!((&**server, detail.contains("version 9")), (&*other.to_string(), true), "{error}");
        }
        // One that accepts and says nothing has not refused it.
        beside(drop, |silent| {
            let error =
                Connector::new().connect::<PlaceClient>(&[other, silent][..]).expect_err("none serves it");
            assert!(
                matches!(&error, ConnectError::Rejected { server, .. } if **server == *other.to_string()),
                "{error:?}"
            );
        });
        // It is told at once where all of them refuse it: to try again for the whole time would change nothing.
        let patient = Connector::new().connect_timeout(PATIENCE);
        let begun = patient.connect::<PlaceClient>(other);
        assert!(matches!(begun, Err(ConnectError::Rejected { .. })), "{begun:?}");
    });
}

#[test]
fn a_full_server_at_the_first_address_does_not_keep_a_client_from_the_others() {
    let full = ServerLimits { sessions: 1, ..test_limits() };
    let full = Server::builder().service(PlaceServer::new(Here(1))).limits(full);
    let full = full.bind((own_host(6), 0)).and_then(Server::spawn).expect("a free port");
    let first: PlaceClient = Connector::new().connect(full.local_addr()).expect("it has room for one");
    assert_eq!(first.number().expect("it answers"), 1);
    let second = serve(2);
    let addresses = [full.local_addr(), second.local_addr()];
    let place: PlaceClient = Connector::new().connect(&addresses[..]).expect("the second has room");
    assert_eq!(place.number().expect("it answers"), 2);
}

/// An address at which the kernel accepts connections, and no byte ever comes.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((own_host(6), 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

#[test]
fn an_address_that_accepts_and_says_nothing_does_not_take_the_whole_time_of_a_connection() {
    let (_listener, hung) = silent();
    let server = serve(1);
    // Longer than any test: a client that waits for the silent address does not end in time.
    let connect = Duration::from_secs(3600);
    let connector =
        || Connector::new().deadline(PATIENCE).limits(ClientLimits { connect, ..ClientLimits::default() });
    let place: PlaceClient =
        connector().connect(&[hung, server.local_addr()][..]).expect("one of them answers");
    assert_eq!(place.number().expect("it answers"), 1);
    let address = server.local_addr();
    server.stop().expect("it drains");
    let next = serve_at(address, 2);
    assert_eq!(place.number().expect("it answers at the same address"), 2);
    next.stop().expect("it drains");
}
