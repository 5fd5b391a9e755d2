//! The texts of errors: each says what, where, why, and what to do next, also when `main` returns it.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rpc_core::limits::ServerLimits;
use rpc_core::{
    CallError, CallLimit, Connector, Later, NotExecuted, Reason, Responder, ServeError, Server, rpc, serve,
};

use crate::client::eventually;

#[rpc]
trait Post {
    /// Waits for a number.
    fn wait(&self) -> Later<u64>;
    fn send(&self) -> Result<u64, String>;
}

#[derive(Default)]
struct Office(Mutex<Vec<Responder<u64>>>);

impl Post for Office {
    fn wait(&self) -> Later<u64> {
        let (responder, later) = Later::pair();
        self.0.lock().expect("no panic").push(responder);
        later
    }

    fn send(&self) -> Result<u64, String> {
        Err("no stamp".to_owned())
    }
}

/// Returns the text that `fn main() -> Result<(), Box<dyn Error>>` prints of an error, after `Error: `.
fn from_main(error: impl std::error::Error + 'static) -> String {
    let error: Box<dyn std::error::Error> = error.into();
    format!("{error:?}")
}

fn connect_error(address: &str) -> String {
    from_main(PostClient::connect(address).map(drop).expect_err(address))
}

fn bind_error(address: &str) -> String {
    from_main(serve(address, PostServer::new(Office::default())).expect_err(address))
}

#[test]
fn an_error_that_main_returns_is_a_sentence() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let refused = connect_error(&free.to_string());
    assert!(refused.starts_with(&format!("cannot reach {free}: connecting to ")), "{refused}");
    assert!(refused.ends_with("; is the server running there?"), "{refused}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("bound").to_string();
    let in_use = bind_error(&address);
    assert!(in_use.starts_with(&format!("cannot listen at {address}: ")), "{in_use}");
    assert!(in_use.contains("another program listens there"), "{in_use}");

    let limits = ServerLimits { slots: 0, ..ServerLimits::default() };
    let setting =
        Server::builder().service(PostServer::new(Office::default())).limits(limits).bind("127.0.0.1:0");
    let setting = from_main(setting.expect_err("no slot"));
    assert!(setting.starts_with("ServerLimits::slots is 0, but must be "), "{setting}");

    let post = PostServer::new(Office::default());
    let limit = from_main(CallLimit::of(&post, 9).method("sned", 4).expect_err("a wrong name"));
    assert!(limit.contains("`sned`") && limit.contains("write the name as in the trait"), "{limit}");
}

#[test]
fn the_error_of_a_call_that_main_returns_is_a_sentence_and_a_services_own_keeps_its_debug() {
    let server = Server::builder().service(PostServer::new(Office::default()));
    let server = server.bind("127.0.0.1:0").expect("bound").spawn().expect("started");
    let post = PostClient::connect(server.local_addr()).expect("connected");
    assert_eq!(from_main(post.send().expect_err("no stamp")), "Service(\"no stamp\")");
    post.call.close();
    let closed = post.wait().expect_err("closed");
    let text = format!(
        "Post.wait at {} was not executed: the client is closed; connect a new client",
        server.local_addr()
    );
    assert_eq!((closed.to_string(), from_main(closed)), (text.clone(), text));
}

#[test]
fn each_reason_says_what_to_do_next() {
    let server = Server::builder().service(PostServer::new(Office::default()));
    let server = server.bind("127.0.0.1:0").expect("bound").spawn().expect("started");
    let post = PostClient::connect(server.local_addr()).expect("connected");
    post.call.close();
    let Err(CallError::NotExecuted(closed)) = post.wait() else { panic!("it is closed") };
    for reason in Reason::ALL {
        let error =
            NotExecuted { target: closed.target.clone(), reason, detail: "X".to_owned(), outage: None };
        let text = error.to_string();
        let next = text.split_once("X").map(|(_, next)| next).expect("the detail is shown");
        // The details of these two say it: they name both signatures, or the type.
        let is_said = matches!(reason, Reason::Contract | Reason::Encode);
        assert_eq!(next.starts_with("; ") && next.len() > 10, !is_said, "{text}");
        assert_eq!(next.contains("safe to call again"), reason.may_pass(), "{text}");
    }
}

#[test]
fn an_address_that_cannot_be_one_is_named_with_what_to_write() {
    for (address, says) in [
        ("127.0.0.1", "`127.0.0.1` has no port: write `127.0.0.1:7000`"),
        (":7000", "`:7000` has no host: write `127.0.0.1:7000`"),
        ("", "the address is empty: write `host:port`"),
        ("http://localhost:1", "`http://localhost:1` is no address: write `host:port`"),
    ] {
        let (connect, bind) = (connect_error(address), bind_error(address));
        assert!(connect.starts_with("cannot find the address of the server: "), "{connect}");
        assert!(connect.contains(says) && bind.contains(says), "{connect}\n{bind}");
    }
    let unknown = connect_error("no such host:7411");
    assert!(unknown.contains("`no such host:7411` could not be looked up: "), "{unknown}");
    assert!(unknown.ends_with("; check the host name"), "{unknown}");
}

#[test]
fn a_peer_of_another_protocol_is_shown_by_its_first_bytes() {
    let web = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = web.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for stream in web.incoming() {
            let _ = stream.expect("accepted").write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let text = connect_error(&address);
    assert!(
        text.contains("does not seem to speak this protocol: its first bytes are `HTTP`; check"),
        "{text}"
    );
}

#[test]
fn a_server_that_drains_is_told_from_one_that_is_not_there_before_and_after_its_end() {
    let server = Server::builder().service(PostServer::new(Office::default()));
    let server = server.bind("127.0.0.1:0").expect("bound").spawn().expect("started");
    let address = server.local_addr().to_string();
    let post: PostClient =
        Connector::new().deadline(Duration::MAX).connect(address.as_str()).expect("connected");
    let waits = post.start.wait();
    eventually("it is held", || server.counters().held == 1);
    server.drain();
    let mut text = String::new();
    eventually("new clients are refused", || {
        text = PostClient::connect(address.as_str()).map(drop).err().map(from_main).unwrap_or_default();
        !text.is_empty()
    });
    assert_eq!(
        text,
        format!(
            "cannot reach {address}: the server takes no new clients now: it is full, or shutting down; try again later"
        )
    );
    drop(waits); // the responder stays: its server gives it up
    server.drain_within(Duration::ZERO);
    server.wait().expect("drained");
    let gone = post.send().expect_err("it has gone").to_string();
    let says = "was not executed: the server has shut down, and nothing listens at its address now; it is safe to call again";
    assert_eq!(gone, format!("Post.send at {address} {says}"));
}

#[test]
fn a_server_error_is_a_sentence_too() {
    let listeners: Vec<rpc_core::Listener> = Vec::new();
    let none = Server::builder().service(PostServer::new(Office::default())).listen_on(listeners);
    let Err(ServeError::Listeners) = &none else { panic!("{none:?}") };
    assert!(from_main(none.expect_err("none")).ends_with("give so many to `listen_on`"));
}
