//! Each exit status of `kv`, with a message that says what happened, where, and what to do next.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use rpc_core::wire::frame::{Header, Kind, append};
use rpc_core::{RunningServer, Server, rpc};
use serde::{Deserialize, Serialize};

use crate::programs::{KV, KvServe, Said, run};
use crate::relay::{Fate, relay};

#[derive(Clone, Debug, Serialize, Deserialize)]
enum KvError {
    NoSuchKey { key: String },
}

/// Another version of the service: `get` is as it should be, `put` has another signature, the rest is missing.
#[rpc]
trait Kv {
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Result<String, KvError>;
    fn put(&self, key: &str) -> bool;
}

struct Strange;

impl Kv for Strange {
    fn get(&self, key: &str) -> Result<String, KvError> {
        match key {
            "panic" => panic!("the store has lost its mind"),
            EVIL => panic!("{EVIL}"),
            "known" => Ok("value".to_owned()),
            _ => Err(KvError::NoSuchKey { key: key.to_owned() }),
        }
    }

    fn put(&self, _key: &str) -> bool {
        true
    }
}

/// Serves `Strange` until dropped.
pub(crate) struct StrangeServer(Option<RunningServer>); // ends when it is dropped

impl StrangeServer {
    pub(crate) fn start() -> Self {
        let server = Server::builder().service(KvServer::new(Strange)).bind("127.0.0.1:0");
        StrangeServer(Some(server.and_then(Server::spawn).expect("a free port")))
    }

    pub(crate) fn kv(&self, arguments: &[&str]) -> Said {
        let addr = self.0.as_ref().expect("it runs").local_addr().to_string();
        run(KV, arguments.iter().copied().chain(["--addr", &addr]))
    }
}

impl Drop for StrangeServer {
    fn drop(&mut self) {
        let ended = self.0.take().map(RunningServer::stop);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "{ended:?}");
    }
}

#[test]
fn done_is_0_and_a_negative_answer_is_1() {
    let server = KvServe::start();
    server.kv(&["put", "a", "1"]).expect(0);
    assert_eq!(server.kv(&["get", "b"]).expect(1).err, "kv: no such key: \"b\"\n");
    server.kv(&["delete", "b"]).expect(1);
}

#[test]
fn a_wrong_command_line_is_2() {
    assert!(run(KV, ["frobnicate"]).expect(2).err.contains("Usage:"));
    assert!(run(KV, ["get", "a", "--deadline", "soon"]).expect(2).err.contains("write for example 250ms"));
    assert!(run(KV, ["get", "a", "--addr", "nowhere"]).expect(2).err.contains("HOST:PORT"));
    assert!(run(KV, ["proxy", "--addr", "nowhere"]).expect(2).err.contains("HOST:PORT"));
    assert!(run(KV, ["get", "a", "--deadline", "0ms"]).expect(2).err.contains("at least 1ms"));
    run(KV, ["list", "--limit", "0"]).expect(2);
    for share in ["2", "-1", "nan", "inf"] {
        let said = run(KV, ["proxy".to_owned(), format!("--drop={share}")]).expect(2);
        assert!(said.err.contains("from 0 to 1"), "{}", said.err);
    }
}

#[test]
fn a_missing_command_names_those_that_are_for_people() {
    let said = run(KV, ["--addr", "127.0.0.1:1"]).expect(2);
    assert!(said.err.contains("serve") && !said.err.contains("demo-client"), "{}", said.err);
}

#[test]
fn options_that_mean_nothing_to_a_command_are_not_its_own() {
    for (line, option, value) in [
        (&["serve"][..], "--deadline", "1s"),
        (&["load", "file"], "--format", "json"),
        (&["demo"], "--addr", "127.0.0.1:1"),
        (&["proxy"], "--deadline", "1s"),
    ] {
        let command = line[0];
        assert!(!run(KV, [command, "--help"]).expect(0).out.contains(&format!("{option} <")), "{command}");
        let said = run(KV, [&[option, value], line].concat()).expect(2);
        assert!(said.err.contains(&format!("`{command}` has no option {option}")), "{}", said.err);
    }
}

/// `.invalid` is a name that no host has, by RFC 6761.
#[test]
fn a_server_with_an_unknown_name_is_unreachable_for_every_command() {
    run(KV, ["get", "a", "--addr", "kv.invalid:1"]).expect(3);
    run(KV, ["proxy", "--addr", "kv.invalid:1"]).expect(3);
    run(KV, ["proxy", "--listen", "kv.invalid:1"]).expect(2);
}

#[test]
fn no_server_there_is_3() {
    // On Linux a host that no other test uses, so that none of them is given this port.
    let host = if cfg!(target_os = "linux") { "127.0.0.21:0" } else { "127.0.0.1:0" };
    let closed = TcpListener::bind(host).expect("a free port").local_addr().expect("it is bound");
    let said = run(KV, ["get", "a", "--addr", &closed.to_string()]).expect(3);
    assert!(
        said.err.contains("cannot reach") && said.err.contains("is the server running there?"),
        "{}",
        said.err
    );
}

#[test]
fn an_address_from_the_environment_is_used() {
    let server = KvServe::start();
    server.kv(&["put", "a", "1"]).expect(0);
    let out =
        Command::new(KV).args(["get", "a"]).env("RPC_ADDR", &server.addr).output().expect("kv was built");
    assert_eq!(out.stdout, b"1\n");
}

/// The test checks that the default address is used, with or without a server there.
#[test]
fn an_empty_address_in_the_environment_counts_as_none() {
    let out = Command::new(KV).args(["get", "a", "--deadline", "1s"]).env("RPC_ADDR", "").output();
    let out = out.expect("kv was built");
    assert_ne!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
}

/// The greeting passes, and every later frame is lost.
#[test]
fn no_answer_within_the_deadline_is_4() {
    let server = KvServe::start();
    let policy = |_: usize, passed: usize| if passed == 0 { Fate::Pass } else { Fate::Swallow };
    let addr = relay(&server.addr, Box::new(policy)).to_string();
    // On a slow machine a deadline may pass before the call is sent: then it did not run, and the next attempt gets longer.
    let append = |deadline| run(KV, ["append", "a", "1", "--deadline", deadline, "--addr", &addr]);
    let mut all = ["300ms", "1s", "4s", "16s"].into_iter().map(append);
    let said = all.find(|said| said.err.contains("may or may not have run"));
    let said = said.expect("it was sent, and its outcome is unknown").expect(4);
    assert!(said.err.contains("no answer came within its deadline"), "{}", said.err);
    assert!(said.err.contains("before you append again, use `kv get` of this key"), "{}", said.err);
    assert!(!said.err.contains("resolve"), "no method of Rust: {}", said.err);
}

#[test]
fn a_greeting_that_is_cut_is_tried_again() {
    let server = KvServe::start();
    server.kv(&["put", "a", "1"]).expect(0);
    let policy = |connection: usize, _: usize| if connection == 1 { Fate::Cut } else { Fate::Pass };
    let addr = relay(&server.addr, Box::new(policy)).to_string();
    assert_eq!(
        run(KV, ["get", "a", "--addr", &addr]).expect(0).out,
        "1
"
    );
}

#[test]
fn a_failing_server_is_5() {
    let server = StrangeServer::start();
    let said = server.kv(&["get", "panic"]).expect(5);
    assert!(said.err.contains("panicked: the store has lost its mind"), "{}", said.err);
    assert_eq!(server.kv(&["get", "known"]).expect(0).out, "value\n", "it lives");
}

#[test]
fn a_server_of_another_trait_is_6_for_what_differs_alone() {
    let server = StrangeServer::start();
    let said = server.kv(&["put", "a", "1"]).expect(6);
    assert!(said.err.contains("Kv.put"), "{}", said.err);
    assert!(said.err.contains("fn put(key: &str) -> bool"), "both signatures are shown: {}", said.err);
    assert_eq!(server.kv(&["get", "known"]).expect(0).out, "value\n");
    server.kv(&["get", "unknown"]).expect(1);
}

#[test]
fn a_server_of_another_protocol_is_6() {
    let addr = server_that_says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec());
    run(KV, ["get", "a", "--addr", &addr]).expect(6);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = KvServe::start();
    let text: String = (0..20_000).map(|n| format!("key/{n}\t{n}\n")).collect();
    server.kv_with_input(&["load", "-"], &text).expect(0);
    let mut dump = Command::new(KV)
        .args(["dump", "--addr", &server.addr])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kv was built");
    let mut some = [0; 10];
    dump.stdout.take().expect("piped").read_exact(&mut some).expect("some bytes"); // and closed
    let ended = dump.wait_with_output().expect("it was started");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

/// A text that a terminal would obey: escapes, line ends that forge a message, an override of the direction.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\r\nkv: all is well\u{202e}\u{9b}31m";

/// All texts of a server, and of a service, that `kv` shows.
#[test]
fn no_text_of_a_server_reaches_the_terminal_as_it_is() {
    let server = StrangeServer::start();
    let service = KvServe::start();
    let rejecting = rejecting_server();
    let said = [
        server.kv(&["get", EVIL]).expect(5),
        server.kv(&["append", EVIL, "x"]).expect(6),
        service.kv(&["get", EVIL]).expect(1),
        service.kv(&["delete", EVIL]).expect(1),
        run(KV, ["get", "a", "--addr", &rejecting]).expect(6),
        service.kv(&["put", EVIL, EVIL]).expect(0),
        service.kv(&["list", "--limit", "1"]).expect(0),
        service.kv(&["put", "~", "1"]).expect(0),
        service.kv(&["list", "--limit", "1"]).expect(0), // names the last key
        service.kv(&["list", "--format", "json"]).expect(0),
        service.kv(&["dump"]).expect(0),
    ];
    for said in said {
        let text = said.out + &said.err;
        let obeyed: Vec<_> = text
            .chars()
            .filter(|c| (c.is_control() && *c != '\n' && *c != '\t') || *c == '\u{202e}')
            .collect();
        assert_eq!(obeyed, [], "{text:?}");
        let lines_of_kv = text.lines().filter(|line| line.starts_with("kv: ")).count();
        assert!(lines_of_kv <= 1 && !text.contains("\nkv: all is well"), "{text:?}");
        assert!(text.chars().count() < 3_000, "{} characters", text.len());
    }
    assert_eq!(
        service.kv(&["get", EVIL]).expect(0).out,
        format!("{EVIL}\n"),
        "a file gets the value as it is"
    );
    let shown = crate::terminal::run_on_terminal(KV, &["get", EVIL, "--addr", &service.addr], 24, 200);
    assert!(shown.count("\\u{1b}[2J") == 1 && shown.count("\\u{202e}") == 1, "{:?}", shown.lines);
}

/// Refuses each connection with a long text.
fn rejecting_server() -> String {
    let mut bytes = Vec::new();
    let text = EVIL.to_owned() + &"x".repeat(3_000);
    append(&mut bytes, &Header::new(Kind::Reject), text.as_bytes(), true);
    server_that_says(bytes)
}

/// Sends these bytes to each client that has said something, whatever that was.
fn server_that_says(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0; 512]); // until the client has closed: an earlier close could destroy the bytes
        }
    });
    addr
}
