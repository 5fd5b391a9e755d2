//! Rules of the addresses of a server: their order, the attempts that overlap, what follows a failure, and lookups.

use std::net::TcpListener;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::limits::{ATTEMPT_DELAY, MAX_ADDRESSES, RESOLVE_EVERY};
use crate::net::Address;
use crate::net::client::transport::{Transport, TransportEvents};
use crate::net::os::{Events, Poll, Token};

const MILLISECOND: Duration = Duration::from_millis(1);

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

fn book(addresses: &[SocketAddr]) -> AddressBook {
    AddressBook::new(addresses.into(), of(addresses)).expect("an address")
}

fn of(addresses: &[SocketAddr]) -> Vec<Address> {
    addresses.iter().copied().map(Address::Tcp).collect()
}

fn order(book: &AddressBook) -> Vec<Address> {
    let mut tried = Vec::new();
    while let Some(next) = book.untried(&tried) {
        tried.push(next);
    }
    tried
}

/// An address at which no server listens.
fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound")
}

/// A listener whose queue of connections is full: the kernel answers no further one.
struct Silent(socket2::Socket, Vec<std::net::TcpStream>);

impl Silent {
    fn new() -> Self {
        use socket2::{Domain, Socket, Type};
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
        listener.listen(0).expect("it listens");
        let mut silent = Silent(listener, Vec::new());
        let limit = Duration::from_millis(100); // of an attempt that gets no answer: then the queue is full
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&silent.address(), limit) {
            silent.1.push(stream);
        }
        silent
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound").as_socket().expect("an IP address")
    }
}

/// A transport that connects, in virtual time.
struct Connecting {
    poll: Poll,
    transport: Transport,
    book: AddressBook,
}

impl Connecting {
    fn begin(addresses: &[SocketAddr]) -> Self {
        let poll = Poll::new().expect("a poll");
        let mut transport = Transport::default();
        transport.begin();
        Connecting { poll, transport, book: book(addresses) }
    }

    /// Begins the attempts that are due at a time.
    fn attempt(&mut self, at: Duration) -> Result<bool, String> {
        let now = Time::default().plus(at);
        self.transport.attempt(&self.book, self.poll.registry(), Token(0), now)
    }

    /// Handles the next events of the kernel, which are known to come. Returns true if the connection is made.
    fn wait(&mut self) -> bool {
        let (mut events, mut seen) = (Events::with_capacity(8), TransportEvents::default());
        self.poll.poll(&mut events, Some(PATIENCE)).expect("it polls");
        assert!(!events.is_empty(), "the kernel answers on loopback");
        events.iter().for_each(|event| self.transport.handle_event(event, &mut seen));
        seen.connected
    }
}

#[test]
fn an_address_at_which_nothing_answers_costs_the_delay_of_one_attempt() {
    let (silent, listener) = (Silent::new(), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let listening = listener.local_addr().expect("bound");
    let mut connecting = Connecting::begin(&[silent.address(), listening]);
    assert_eq!(connecting.attempt(Duration::ZERO), Ok(false));
    assert_eq!(connecting.transport.poll_timeout(), Some(Time::default().plus(ATTEMPT_DELAY)));
    assert_eq!(connecting.attempt(ATTEMPT_DELAY - MILLISECOND), Ok(false));
    assert_eq!(connecting.transport.tried(), [silent.address()], "the first one may still answer");
    assert_eq!(connecting.attempt(ATTEMPT_DELAY), Ok(false));
    assert_eq!(connecting.transport.tried(), [silent.address(), listening]);
    while !connecting.wait() {}
    assert_eq!(
        connecting.transport.take_new_address(),
        Some(listening.into()),
        "the address in use is named"
    );
    assert_eq!(connecting.transport.poll_timeout(), None, "no further attempt");
}

#[test]
fn an_address_that_refuses_costs_no_time_and_the_failure_names_all_of_them() {
    let refusing = [refusing(), refusing(), refusing()];
    let mut connecting = Connecting::begin(&refusing);
    for tried in 1..=3 {
        assert_eq!(connecting.attempt(Duration::ZERO), Ok(false));
        assert_eq!(connecting.transport.tried().len(), tried);
        assert!(!connecting.wait());
    }
    let why = connecting.attempt(Duration::ZERO).expect_err("all of them refuse");
    assert!(refusing.iter().all(|address| why.contains(&format!("connecting to {address} failed"))), "{why}");
}

#[test]
fn silence_everywhere_asks_for_a_lookup_and_its_address_joins_the_attempts() {
    let (silent, listener) = (Silent::new(), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let listening = listener.local_addr().expect("bound");
    let mut connecting = Connecting::begin(&[silent.address()]);
    assert_eq!(connecting.attempt(Duration::ZERO), Ok(false));
    assert_eq!(connecting.attempt(ATTEMPT_DELAY), Ok(true), "a lookup is wanted");
    connecting.book.learn(Ok(of(&[listening])));
    assert_eq!(connecting.attempt(2 * ATTEMPT_DELAY), Ok(false));
    while !connecting.wait() {}
    assert_eq!(connecting.transport.take_new_address(), Some(listening.into()));
}

#[test]
fn the_two_families_are_tried_in_turn_and_each_address_once() {
    let found = addresses(&["[::1]:1", "[::2]:1", "[::1]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
    let sorted = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]);
    assert_eq!(order(&book(&found)), sorted);
}

#[test]
fn the_last_good_address_is_first_and_stays_so_after_a_lookup_that_finds_it() {
    let known = addresses(&["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1"]);
    let book = book(&known);
    book.prefer(&known[2].into());
    assert_eq!(order(&book), [known[2], known[0], known[1]]);
    book.learn(Ok(of(&[known[0], known[2]])));
    assert_eq!(order(&book), [known[2], known[0]]);
    book.learn(Err(std::io::Error::other("no name server")));
    book.learn(Ok(Vec::new()));
    assert_eq!(order(&book), [known[2], known[0]], "a failed lookup changes nothing");
    book.learn(Ok(of(&known[1..2])));
    assert_eq!(order(&book), [known[1]], "the server has moved");
}

#[test]
fn a_name_with_very_many_addresses_is_cut() {
    let many: Vec<SocketAddr> = (1..100).map(|port| ([127, 0, 0, 1], port).into()).collect();
    assert_eq!(order(&book(&many)).len(), MAX_ADDRESSES);
}

#[test]
fn there_is_one_lookup_at_a_time_and_one_in_each_interval_and_none_of_fixed_addresses() {
    let known = addresses(&["1.1.1.1:1"]);
    let fixed = book(&known);
    assert!(fixed.begin_lookup(Time::default()).is_none());
    let source = Addresses::resolved_by(|| Ok(Vec::new()));
    let book = AddressBook::new(source, of(&known)).expect("an address");
    let at = |after| Time::default().plus(after);
    assert!(book.begin_lookup(at(Duration::ZERO)).is_some());
    assert!(book.begin_lookup(at(10 * RESOLVE_EVERY)).is_none(), "one is under way");
    book.learn(Ok(of(&known)));
    assert!(book.begin_lookup(at(RESOLVE_EVERY - MILLISECOND)).is_none());
    assert!(book.begin_lookup(at(RESOLVE_EVERY)).is_some());
}

#[test]
fn a_name_without_an_address_is_an_error() {
    let none = AddressBook::new(Vec::<Address>::new().into(), Vec::new());
    assert!(none.expect_err("no address").to_string().contains("the name has no address"));
}

/// Breaks the connection of a client under its lock, as a failed read would.
fn cut(client: &TcpChannel) {
    let mut state = client.inner.lock();
    let mut driver = state.take_driver(Driving::Caller).expect("no thread drives");
    let seen = TransportEvents { failed: Some("cut".to_owned()), ..TransportEvents::default() };
    let now = client.inner.clock.now();
    client.inner.apply(&mut state.core, &mut driver.transport, seen, driver.poll.registry(), now);
    state.driving = Driving::Idle(driver);
}

/// Opens a client of several addresses.
fn client_of(source: Addresses) -> TcpChannel {
    let mut connector = Connector::new();
    connector.contracts.push(&CONTRACT);
    let first = source.resolve().expect("addresses");
    connector.open(AddressBook::new(source, first).expect("an address")).expect("one of them listens")
}

#[test]
fn a_client_whose_connection_is_cut_returns_to_the_address_that_has_answered() {
    let late = refusing();
    let (address, handle) = server();
    let client = client_of(vec![late, address].into());
    assert!(matches!(ping(&client), Outcome::Done(_)));
    let other = Server::builder().service(Pings).bind(late).expect("the port is still free").spawn();
    for _ in 0..3 {
        cut(&client);
        assert!(matches!(ping(&client), Outcome::Done(_)));
        assert_eq!(*client.peer(), address.to_string());
    }
    assert_eq!(handle.counters().opened, 1, "the session lives");
    drop((client, other));
    handle.drain();
}

#[test]
fn two_losses_without_a_reply_between_them_go_to_the_next_address_at_once() {
    let (address, handle) = server();
    let other = refusing();
    let client = client_of(vec![address, other].into());
    for pauses in [true, false] {
        cut(&client);
        let mut state = client.inner.lock();
        let is_due = state.core.poll_timeout().is_some_and(|due| due <= client.inner.clock.now());
        assert!(pauses || is_due, "another address is tried without a pause");
        let Driving::Idle(driver) = &mut state.driving else { panic!("no thread drives") };
        // Greeted again, without a reply.
        driver.transport.begin();
        let (now, next) = (client.inner.clock.now(), if pauses { address } else { other });
        let begun = driver.transport.attempt(&client.inner.book, driver.poll.registry(), Token(7), now);
        assert_eq!((begun, driver.transport.tried().last()), (Ok(false), Some(&next.into())));
        driver.transport.note_good();
    }
    drop(client);
    handle.drain();
}

#[test]
fn a_server_that_has_moved_is_found() {
    let ((old, old_handle), (new, new_handle)) = (server(), server());
    let moved = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&moved);
    let client = client_of(Addresses::resolved_by(move || {
        Ok(vec![if asked.load(std::sync::atomic::Ordering::SeqCst) { new } else { old }])
    }));
    assert!(matches!(ping(&client), Outcome::Done(_)));
    moved.store(true, std::sync::atomic::Ordering::SeqCst);
    old_handle.drain_within(Duration::ZERO);
    // One call may have been sent to the server that ends, and is unknown.
    assert!((0..2).any(|_| matches!(ping(&client), Outcome::Done(_))), "within its deadline");
    assert_eq!(*client.peer(), new.to_string());
    drop(client);
    new_handle.drain();
}

#[test]
fn a_resolver_that_panics_and_one_that_never_returns_end_no_call() {
    for never in [false, true] {
        let (address, handle) = server();
        let first = AtomicBool::new(true);
        let client = client_of(Addresses::resolved_by(move || {
            if !first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                assert!(never, "as planned");
                std::thread::park_timeout(2 * PATIENCE);
            }
            Ok(vec![address])
        }));
        client.inner.look_up(client.inner.clock.now());
        assert!(matches!(ping(&client), Outcome::Done(_)));
        cut(&client);
        assert!(matches!(ping(&client), Outcome::Done(_)));
        drop(client);
        handle.drain();
    }
}

#[test]
fn a_text_with_the_path_of_a_socket_is_an_address_and_is_never_looked_up() {
    let path = Addresses::from("unix:/run/kv.sock");
    assert!(!path.may_change());
    assert_eq!(path.to_string(), "unix:/run/kv.sock");
    let found = path.resolve().expect("no lookup");
    assert_eq!(found, [Address::Unix(std::path::Path::new("/run/kv.sock").into())]);
    let error = Addresses::from("unix:").resolve().expect_err("no path");
    assert!(error.to_string().contains("a path follows"), "{error}");
}

#[test]
fn text_and_pairs_that_are_addresses_are_never_looked_up() {
    for fixed in [Addresses::from("127.0.0.1:80"), ("::1", 80).into(), "[::1]:80".into()] {
        assert!(!fixed.may_change());
        assert_eq!(fixed.resolve().expect("no lookup").len(), 1);
    }
    for name in [Addresses::from("localhost:80"), ("localhost", 80).into()] {
        assert!(name.may_change());
        assert!(!name.resolve().expect("the name of this machine").is_empty());
    }
    assert!(Addresses::from("no port").resolve().is_err());
}
