//! Unix sockets and listeners that are handed in: files, credentials, bounds for each user, several listeners at one server.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use rpc_core::{
    Address, Addresses, CallContext, ConnectError, Connector, Listener, PeerCredentials, RunningServer,
    ServeError, Server, ServerLimits, rpc,
};

use crate::raw_client::PATIENCE;
use crate::test_service::test_limits;

#[rpc]
trait Door {
    /// Returns the user, the group and the process that the kernel names, and true if the caller has an address of TCP.
    fn who(&self, cx: &CallContext) -> (Option<(u32, u32, Option<u32>)>, bool);
    fn length(&self, text: &str) -> usize;
}

struct Porter;

impl Door for Porter {
    fn who(&self, cx: &CallContext) -> (Option<(u32, u32, Option<u32>)>, bool) {
        let told = |PeerCredentials { uid, gid, pid, .. }| (uid, gid, pid);
        (cx.credentials().map(told), cx.peer().is_some())
    }

    fn length(&self, text: &str) -> usize {
        text.len()
    }
}

/// A path in a folder of its own, which is removed with the value.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("a place for a socket"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("door.sock")
    }

    fn address(&self) -> Address {
        Address::Unix(self.path().into())
    }

    fn bind(&self) -> Result<RunningServer, ServeError> {
        self.bind_with(test_limits())
    }

    fn bind_with(&self, limits: ServerLimits) -> Result<RunningServer, ServeError> {
        let address = format!("unix:{}", self.path().display());
        Server::builder().service(DoorServer::new(Porter)).limits(limits).bind(address)?.spawn()
    }

    fn refused(&self) -> String {
        self.bind().expect_err("it cannot be had").to_string()
    }
}

#[test]
fn calls_run_over_a_unix_socket_and_know_the_user_and_the_process_of_their_caller() {
    let place = Place::new();
    let server = place.bind().expect("a free path");
    assert_eq!(server.addresses(), [place.address()]);
    assert_eq!(server.local_addr().port(), 0, "it has no address of TCP");
    let door = DoorClient::connect(server.addresses()[0].clone()).expect("it listens");
    assert_eq!(*door.call.peer(), format!("unix:{}", place.path().display()));
    let (told, has_address) = door.who().expect("an answer");
    assert!(!has_address);
    if cfg!(target_os = "linux") {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        assert_eq!(told, Some((uid, gid, Some(std::process::id()))));
    }
    let long = "x".repeat(3 << 20); // more than the buffers of the kernel hold
    assert_eq!(door.length(&long).expect("an answer"), long.len());
}

#[test]
fn a_call_over_tcp_has_an_address_and_no_credentials() {
    let server = Server::builder().service(DoorServer::new(Porter)).limits(test_limits()).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).expect("a free port");
    let door = DoorClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(door.who().expect("an answer"), (None, true));
}

#[test]
fn the_file_of_a_socket_is_removed_with_its_server_and_replaced_if_its_server_has_died() {
    let place = Place::new();
    drop(UnixListener::bind(place.path()).expect("a free path")); // leaves its file, as a killed server does
    assert!(place.path().exists());
    let server = place.bind().expect("nothing listens there");
    let taken = place.refused();
    assert!(taken.contains("another server listens there") && taken.contains("door.sock"), "{taken}");
    assert!(DoorClient::connect(place.address()).is_ok(), "the server that listens has kept its socket");
    server.stop().expect("drained");
    assert!(!place.path().exists());
    fs::write(place.path(), "a file").expect("the folder can be written");
    assert!(place.refused().contains("no socket"), "{}", place.refused());
    assert_eq!(fs::read_to_string(place.path()).expect("it is there"), "a file");
}

#[test]
fn a_server_that_ends_leaves_the_file_of_the_server_that_has_replaced_it() {
    let place = Place::new();
    let first = place.bind().expect("a free path");
    fs::remove_file(place.path()).expect("it is there"); // by an operator
    let second = place.bind().expect("the path is free");
    first.stop().expect("drained");
    assert!(fs::metadata(place.path()).expect("it is there").file_type().is_socket());
    assert!(DoorClient::connect(place.address()).is_ok());
    second.stop().expect("drained");
}

#[test]
fn servers_that_start_together_at_one_path_of_a_dead_one_do_not_replace_each_other() {
    for _ in 0..20 {
        let place = Place::new();
        drop(UnixListener::bind(place.path()).expect("a free path"));
        let started: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| place.bind())).collect();
            starts.into_iter().map(|start| start.join().expect("no panic")).collect()
        });
        assert_eq!(started.iter().filter(|started| started.is_ok()).count(), 1, "{started:?}");
        assert!(DoorClient::connect(place.address()).is_ok());
    }
}

#[test]
fn a_path_at_which_no_server_listens_is_told_at_once() {
    let place = Place::new();
    let told = |text: &str| {
        let error = DoorClient::connect(place.address()).expect_err("nothing listens");
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    };
    told("there is no socket at this path");
    let left = UnixListener::bind(place.path()).expect("a free path");
    drop(left);
    told("no server listens at this socket");
    fs::remove_file(place.path()).expect("it is ours");
    fs::write(place.path(), "a file").expect("the folder can be written");
    told("the file at this path is no socket");
    let long = format!("unix:/{}", "x".repeat(200));
    let error = Connector::new().connect::<DoorClient>(long).expect_err("too long");
    assert!(error.to_string().contains("has at most"), "{error}");
}

#[test]
fn v19_the_connections_of_one_user_are_one_source() {
    let place = Place::new();
    let limits = ServerLimits { connections_per_source: Some(1), ..test_limits() };
    let server = place.bind_with(limits).expect("a free path");
    let held = DoorClient::connect(place.address()).expect("the first one of this user");
    assert!(Connector::new().connect::<DoorClient>(place.address()).is_err(), "its second connection");
    assert_eq!(held.length("abc").expect("an answer"), 3);
    drop(server);
}

#[test]
fn a_server_listens_at_a_port_and_a_path_and_at_listeners_that_it_was_handed() {
    let (place, handed) = (Place::new(), Place::new());
    let unix = UnixListener::bind(handed.path()).expect("a free path");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listeners = [
        Listener::bind("127.0.0.1:0").expect("a free port"),
        Listener::bind(place.address()).expect("a free path"),
        tcp.into(),
        unix.into(),
    ];
    let builder = Server::builder().service(DoorServer::new(Porter)).limits(test_limits()).loops(2);
    let server = builder.listen_on(listeners).and_then(Server::spawn).expect("four listeners");
    assert_eq!(server.addresses().len(), 4);
    assert_eq!(server.addresses()[0], server.local_addr());
    for round in 0..3 {
        for address in server.addresses() {
            let door = DoorClient::connect(address).unwrap_or_else(|error| panic!("{round}: {error}"));
            assert_eq!(door.length("abc").expect("an answer"), 3);
        }
    }
    server.stop().expect("drained");
    assert!(
        !place.path().exists() && handed.path().exists(),
        "a file that was handed in is not the server's"
    );
    let none: [Listener; 0] = [];
    let error = Server::builder().service(DoorServer::new(Porter)).listen_on(none).expect_err("no listener");
    assert!(matches!(error, ServeError::Listeners), "{error}");
}

#[test]
fn a_client_has_addresses_of_both_kinds_and_goes_to_the_one_that_listens() {
    let (gone, place) = (Place::new(), Place::new());
    let server = place.bind().expect("a free path");
    let both: Addresses = vec![gone.address(), place.address()].into();
    let door = DoorClient::connect(both).expect("one of them listens");
    assert_eq!(door.length("abc").expect("an answer"), 3);
    drop(server);
}

#[test]
fn a_folder_that_a_process_keeps_locked_is_an_error_and_no_wait_without_end() {
    let place = Place::new();
    let folder = fs::File::open(place.0.path()).expect("the folder");
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).expect("it is free");
    assert!(place.refused().contains("keeps a lock"), "{}", place.refused());
    drop(folder);
    place.bind().expect("it is free again").stop().expect("drained");
}

#[test]
fn who_may_not_write_to_the_socket_may_not_connect() {
    let place = Place::new();
    let server = place.bind().expect("a free path");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o000)).expect("it is ours");
    if UnixStream::connect(place.path()).is_ok() {
        return; // root may do all
    }
    let error = DoorClient::connect(place.address()).expect_err("not allowed");
    assert!(error.to_string().contains("may not write to the socket"), "{error}");
    drop(server);
}

#[test]
fn a_peer_that_sends_no_byte_is_no_client() {
    let place = Place::new();
    let server = place.bind().expect("a free path");
    let silent = UnixStream::connect(place.path()).expect("it listens");
    silent.set_read_timeout(Some(PATIENCE)).expect("an option");
    let door = DoorClient::connect(place.address()).expect("it listens");
    assert_eq!(door.length("abc").expect("an answer"), 3, "beside the silent one");
    drop((silent, door));
    server.stop().expect("drained");
}
