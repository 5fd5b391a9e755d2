//! A client written in Python from `docs/wire.md` alone, run against our server: where the page is wrong, it fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rpc_core::{Around, CallContext, Refused, Server};

use crate::{Clock, ClockServer, Kv, KvError, KvServer};

/// Counts how often it was entered.
#[derive(Debug, Default)]
struct Store {
    values: Mutex<BTreeMap<String, String>>,
    puts: AtomicUsize,
}

impl Kv for &'static Store {
    fn get(&self, key: &str) -> Result<String, KvError> {
        self.values.lock().expect("no panic").get(key).cloned().ok_or(KvError::NotFound)
    }

    fn put(&self, key: &str, value: &str) -> Result<(), KvError> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        self.values.lock().expect("no panic").insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

/// A clock that ticks when it is looked at.
#[derive(Debug, Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The output of the client for one call; none if the client cannot be run.
fn run(address: std::net::SocketAddr, service: &str, signatures: &str, arguments: &[&str]) -> Option<String> {
    run_with(&[], address, service, signatures, arguments)
}

/// The output of the client for one call with these options.
fn run_with(
    options: &[&str],
    address: std::net::SocketAddr,
    service: &str,
    signatures: &str,
    arguments: &[&str],
) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/client.py");
    let mut python = Command::new("python3");
    python.arg("-B").arg(script).args(options).arg(address.ip().to_string()).arg(address.port().to_string());
    let output = python.arg(service).arg(signatures).args(arguments).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

/// The same reply to the call, to its duplicate, and to its duplicate after a resume.
fn three_times(agreement: u8, status: &str, body: &str) -> String {
    let welcome =
        |resumed| format!("welcome version=1 features=26 slots=64 resumed={resumed} agreement={agreement}\n");
    let reply = format!("reply status={status} body={body}\n");
    format!("{}{}{reply}{reply}{}{reply}", welcome(0), welcome(0), welcome(1))
}

#[test]
fn a_client_in_another_language_is_understood_and_its_copies_do_not_run() {
    let store: &'static Store = Box::leak(Box::default());
    let builder = Server::builder().service(KvServer::new(store)).service(ClockServer::new(Ticks::default()));
    let server = builder.bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).expect("a free port");
    let address = server.local_addr();

    let get = "fn get(key: &str) -> Result<String, KvError>";
    let put = "fn put(key: &str, value: &str) -> Result<(), KvError>";
    let (get_first, put_first) = (format!("{get}\n{put}"), format!("{put}\n{get}"));
    let put = run(address, "Kv", &put_first, &["a", "1"]);
    if let Some(put) = put {
        assert_eq!(put, three_times(0, "done", ""));
        assert_eq!(store.puts.load(Ordering::SeqCst), 1, "a copy ran");
        let found = run(address, "Kv", &get_first, &["a"]).expect("it ran before");
        assert_eq!(found, three_times(0, "done", "010000000000000031"));
        let missing = run(address, "Kv", &get_first, &["b"]).expect("it ran before");
        assert_eq!(missing, three_times(0, "failed", "00000000"));
        let changed = run(address, "Kv", "fn get(key: &str) -> String", &["a"]).expect("it ran before");
        assert_eq!(changed, three_times(1, "20", ""));
        assert_eq!(
            (server.counters().opened, server.counters().resumed),
            (4, 8),
            "one session for each nonce"
        );
        let time = run(address, "Clock", "fn now() -> u64", &[]).expect("it ran before");
        let replies: Vec<_> = time.lines().filter(|line| line.starts_with("reply")).collect();
        let done = |time: u8| format!("reply status=done body={time:02x}00000000000000");
        let again = "reply lost: again".to_owned();
        assert_eq!(
            replies,
            [done(1), again.clone(), done(2), again, done(3)],
            "an idempotent call is repeated"
        );
    } else {
        eprintln!("python3 is not here: the client in another language was not run");
    }

    server.stop().expect("it drains");
}

#[test]
fn a_client_in_another_language_sends_metadata_and_learns_that_it_was_denied() {
    let store: &'static Store = Box::leak(Box::default());
    let asked: &'static Mutex<Vec<String>> = Box::leak(Box::default());
    let named_only = |cx: &CallContext| {
        let entries: Vec<_> = cx.metadata().iter().map(|(key, value)| format!("{key}={value}")).collect();
        asked.lock().expect("no panic").push(entries.join(" "));
        match cx.metadata().get("caller") {
            Some("b\u{e9}") => Ok(()),
            _ => Err(Refused::denied("say your name")),
        }
    };
    let kv = Around::new(KvServer::new(store), named_only);
    let server =
        Server::builder().service(kv).bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port");
    let put =
        "fn put(key: &str, value: &str) -> Result<(), KvError>\nfn get(key: &str) -> Result<String, KvError>";
    let named = ["--metadata", "trace=7", "--metadata", "caller=b\u{e9}", "--metadata", "empty="];
    let Some(done) = run_with(&named, server.local_addr(), "Kv", put, &["a", "1"]) else {
        eprintln!("python3 is not here: the client in another language was not run");
        return server.stop().expect("it drains");
    };
    assert_eq!(done, three_times(0, "done", ""));
    let replies = |said: &str| -> Vec<String> {
        said.lines().filter(|line| !line.starts_with("welcome")).map(str::to_owned).collect()
    };
    let other = ["--metadata", "caller=c"];
    for options in [&other[..], &[]] {
        let denied = run_with(options, server.local_addr(), "Kv", put, &["a", "2"]).expect("it ran before");
        let denied = replies(&denied);
        assert_eq!(denied[..2], ["refused: say your name", "reply status=denied body="], "{denied:?}");
        let copies = denied[2..].iter().filter(|line| *line == "reply status=denied body=").count();
        assert_eq!(copies, 2, "the same for each copy: {denied:?}");
    }
    assert_eq!(
        *asked.lock().expect("no panic"),
        ["caller=b\u{e9} empty= trace=7", "caller=c", ""],
        "no copy asks"
    );
    assert_eq!(store.puts.load(Ordering::SeqCst), 1, "nothing that was denied ran");
    server.stop().expect("it drains");
}
