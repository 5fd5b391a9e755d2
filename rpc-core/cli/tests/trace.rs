//! `rpc trace` as a user runs it: in front of a real server, with every kind of output, and with wrong addresses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rpc_core::{RunningServer, Server, rpc};
use serde_json::Value;

const RPC: &str = env!("CARGO_BIN_EXE_rpc");

#[rpc]
trait Adder {
    fn add(&self, x: i64, y: i64) -> Result<i64, String>;
}

struct Plain;

impl Adder for Plain {
    fn add(&self, x: i64, y: i64) -> Result<i64, String> {
        x.checked_add(y).ok_or_else(|| "the sum is too large".to_owned())
    }
}

fn server(reflection: bool) -> RunningServer {
    let builder = Server::builder().service(AdderServer::new(Plain)).reflection(reflection);
    builder.bind("127.0.0.1:0").expect("a port").spawn().expect("a thread")
}

/// A proxy that runs, and the address that its clients connect to.
struct Proxy {
    child: Child,
    address: String,
    errors: BufReader<std::process::ChildStderr>,
}

impl Proxy {
    fn start(server: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(RPC)
            .args(["trace", "127.0.0.1:0", server])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was built");
        let mut errors = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("clients connect to ") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).expect("text"), 0, "it has ended");
        }
        let address = line.split("clients connect to ").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.expect("an address").to_owned();
        Proxy { child, address, errors }
    }

    /// Waits for its end, and returns what it has written.
    fn end(mut self) -> (String, String) {
        let mut errors = String::new();
        let out = thread::spawn({
            let mut stdout = self.child.stdout.take().expect("piped");
            move || {
                let mut text = String::new();
                stdout.read_to_string(&mut text).expect("text");
                text
            }
        });
        self.errors.read_to_string(&mut errors).expect("text");
        assert_eq!(self.child.wait().expect("it was started").code(), Some(0), "{errors}");
        (out.join().expect("text"), errors)
    }
}

fn call(address: &str) {
    let adder = AdderClient::connect(address).expect("the proxy passes the greeting on");
    assert_eq!(adder.add(2, 3).expect("a sum"), 5);
    assert!(adder.add(i64::MAX, 1).is_err());
    adder.call.close();
}

#[test]
fn each_frame_is_shown_with_its_bytes_and_the_arguments_have_their_names() {
    let server = server(true);
    let proxy = Proxy::start(&server.local_addr().to_string(), &["--connections", "1"]);
    call(&proxy.address);
    let (out, _) = proxy.end();
    for expected in [
        "#1  opened by 127.0.0.1:",
        "#1  client -> server  52 bytes  CALL slot 0, seq 1: add(x: 2, y: 3)\n",
        "   36  02 00 00 00 00 00 00 00  x           2\n   44  03 00 00 00 00 00 00 00  y           3\n",
        "#1  client <- server  44 bytes  REPLY slot 0, seq 1: 5\n",
        "REPLY slot 0, seq 2: error \"the sum is too large\"\n",
        "#1  client -> server  36 bytes  BYE\n",
        "#1  closed\n",
    ] {
        assert!(out.contains(expected), "no {expected:?} in\n{out}");
    }
    assert!(!out.contains("WRONG") && !out.contains('\u{1b}'), "{out}");
    server.stop().expect("it has served");
}

#[test]
fn json_has_an_object_for_each_frame_and_the_file_for_a_viewer_an_event_for_each_call() {
    let server = server(true);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calls.json");
    let path = file.to_str().expect("text");
    let proxy =
        Proxy::start(&server.local_addr().to_string(), &["--json", "--chrome", path, "--connections", "2"]);
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let address = proxy.address.clone();
            thread::spawn(move || call(&address))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("both are served"));
    let (out, _) = proxy.end();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for connection in 1..=2 {
        let of_it = lines.iter().filter(|line| line["connection"] == connection);
        let told: Vec<String> = of_it
            .map(|line| {
                let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                format!("{} {}{}{}", word("from"), word("kind"), word("event"), line["seq"])
            })
            .collect();
        let expected = [
            " openednull",
            "client HELLOnull",
            "server WELCOMEnull",
            "client CALL1",
            "server REPLY1",
            "client CALL2",
            "server REPLY2",
            "client BYEnull",
            " closednull",
        ];
        assert_eq!(told, expected);
    }
    let events: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("it is there")).expect("JSON");
    let calls: Vec<&Value> =
        events.as_array().expect("a list").iter().filter(|event| event["ph"] == "X").collect();
    assert_eq!(calls.len(), 4, "{events}");
    assert!(
        calls.iter().all(|call| call["name"] == "add" && call["dur"].as_f64().is_some_and(|dur| dur > 0.0))
    );
    assert_eq!(calls[0]["args"]["reply"], "5");
    server.stop().expect("it has served");
}

#[test]
fn a_server_that_does_not_describe_itself_is_traced_with_its_arguments_as_bytes() {
    let server = server(false);
    let address = server.local_addr().to_string();
    let proxy = Proxy::start(&address, &["--short", "--connections", "1"]);
    call(&proxy.address);
    let (out, _) = proxy.end();
    assert!(out.contains("CALL slot 0, seq 1: ?(16 bytes)\n"), "{out}");
    server.stop().expect("it has served");
}

#[test]
fn a_client_that_speaks_something_else_is_shown_and_gets_the_answer_of_the_server() {
    let server = server(true);
    let proxy = Proxy::start(&server.local_addr().to_string(), &["--short", "--connections", "1"]);
    let mut client = TcpStream::connect(&proxy.address).expect("a connection");
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer, and the end");
    drop(client);
    let (out, _) = proxy.end();
    assert!(out.contains("; the bytes begin \"GET / HTTP/1.1"), "{out}");
    assert!(out.contains("client <- server") && out.contains("REJECT NotThisProtocol: \""), "{out}");
    server.stop().expect("it has served");
}

#[test]
fn a_server_that_ends_closes_its_connections_and_the_proxy_stays() {
    let server = server(true);
    let proxy = Proxy::start(&server.local_addr().to_string(), &["--short", "--connections", "2"]);
    call(&proxy.address);
    server.stop().expect("it has served");
    let mut client = TcpStream::connect(&proxy.address).expect("the proxy listens on");
    assert_eq!(client.read(&mut [0; 16]).unwrap_or(0), 0, "nothing comes from a server that is gone");
    let (out, _) = proxy.end();
    assert!(out.contains("#2  closed: cannot reach the server: "), "{out}");
}

/// Runs `rpc trace` with these arguments to its end.
fn ended(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } =
        Command::new(RPC).arg("trace").args(arguments).output().expect("it was built");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

#[test]
fn wrong_addresses_ports_and_peers_end_it_with_a_sentence_and_their_status() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").to_string();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").to_string()
    };
    let answers = thread::spawn(move || {
        // A server of another protocol: it answers each connection, and closes it.
        for connection in taken.incoming().flatten() {
            let mut connection = connection;
            connection.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
            let _ = connection.read(&mut [0; 512]);
            let _ = connection
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    for (arguments, status, text) in [
        (&["nonsense", &port][..], 2, "nonsense is no address to listen at"),
        (&["127.0.0.1:0", "localhost"], 2, "localhost is no address of a server"),
        (&["127.0.0.1:0", "unix:"], 2, "a path follows `unix:`"),
        (&["127.0.0.1:0", &closed], 3, "Connection refused"),
        (&["127.0.0.1:0", "unix:/nowhere/at.all"], 3, "there is no socket at this path"),
        (&[&port, &closed], 5, "cannot listen at"),
        (&["127.0.0.1:0", &port], 6, "does not seem to speak this protocol"),
        (&["127.0.0.1:0", &closed, "--chrome", "/nowhere/at.all"], 2, "cannot write /nowhere/at.all"),
    ] {
        let (code, said) = ended(arguments);
        assert_eq!(code, Some(status), "{arguments:?}: {said}");
        assert!(said.starts_with("rpc: ") && said.contains(text), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(!answers.is_finished());
}
