//! The page `around_a_call.md`: code around each call of a service.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rpc_core::{
    Around, CallContext, CallError, CallLimit, ClientHook, Metadata, OutgoingCall, Reason, Refused, Server,
    ServerHook, Status, Verdict, rpc,
};
use rpc_metrics::Metrics;

/// An error of a test.
type Failure = Box<dyn std::error::Error>;

#[rpc]
trait Notes {
    fn read(&self, name: &str) -> Option<String>;
    fn write(&self, name: &str, text: &str);
    #[rpc(slow)]
    fn search(&self, word: &str) -> Vec<String>;
}

#[derive(Default)]
struct Book(Mutex<HashMap<String, String>>);

impl Notes for Book {
    fn read(&self, name: &str) -> Option<String> {
        self.0.lock().expect("no panic").get(name).cloned()
    }

    fn write(&self, name: &str, text: &str) {
        self.0.lock().expect("no panic").insert(name.to_owned(), text.to_owned());
    }

    fn search(&self, word: &str) -> Vec<String> {
        let book = self.0.lock().expect("no panic");
        book.iter().filter(|(_, text)| text.contains(word)).map(|(name, _)| name.clone()).collect()
    }
}

#[test]
fn a_closure_refuses_calls_before_they_run() -> Result<(), Failure> {
    let book = Arc::new(Book::default());
    let readers_only = |cx: &CallContext| match cx.method().name {
        "Notes.write" => Err(Refused::denied("this server is for readers")),
        _ => Ok(()),
    };
    let notes = Around::new(NotesServer::shared(Arc::clone(&book)), readers_only);
    let server = Server::builder().service(notes).bind("127.0.0.1:0")?.spawn()?;

    let notes = NotesClient::connect(server.local_addr())?;
    assert_eq!(notes.read("a")?, None);
    match notes.write("a", "text") {
        Err(CallError::NotExecuted(why)) => {
            assert_eq!(why.reason, Reason::Denied);
            assert_eq!(why.detail, "this server is for readers");
        }
        other => panic!("it was denied: {other:?}"),
    }
    assert_eq!(notes.read("a")?, None, "it did not run");
    notes.call.close();
    Ok(())
}

/// Keeps the longest time of each method, and the number of its calls that failed.
#[derive(Default)]
struct Stopwatch(Mutex<HashMap<&'static str, (Duration, u64)>>);

impl ServerHook for Stopwatch {
    type State = Instant;

    fn before(&self, _: &CallContext) -> Result<Instant, Refused> {
        Ok(Instant::now())
    }

    fn after(&self, cx: &CallContext, began: Instant, status: Status) {
        let mut table = self.0.lock().expect("no panic");
        let (longest, failed) = table.entry(cx.method().name).or_default();
        *longest = began.elapsed().max(*longest);
        *failed += u64::from(status != Status::Done);
    }
}

#[test]
fn a_hook_with_a_state_sees_the_end_of_each_call() -> Result<(), Failure> {
    let watch = Arc::new(Stopwatch::default());
    let notes = Around::new(NotesServer::new(Book::default()), Arc::clone(&watch));
    let server = Server::builder().service(notes).bind("127.0.0.1:0")?.spawn()?;
    let notes = NotesClient::connect(server.local_addr())?;
    notes.write("a", "text")?;
    assert_eq!(notes.search("ex")?, ["a"]);
    let table = watch.0.lock().expect("no panic");
    assert!(table["Notes.search"].0 > Duration::ZERO && table["Notes.write"].1 == 0);
    notes.call.close();
    Ok(())
}

/// Keeps a line for each call that took as long, and names its caller.
struct SlowCalls {
    limit: Duration,
    lines: Mutex<Vec<String>>,
}

impl SlowCalls {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }
}

impl ClientHook for SlowCalls {
    type State = ();

    fn before(&self, call: &mut OutgoingCall) -> Result<(), Refused> {
        match call.set_metadata("caller", "backup") {
            Ok(()) => Ok(()),
            Err(error) => Err(Refused::denied(error.to_string())),
        }
    }

    fn after(&self, call: &OutgoingCall, _: (), verdict: Verdict) {
        if call.elapsed() >= self.limit {
            let line = format!("{} within {:?}: {verdict:?}", call.method().name, call.deadline());
            self.lines.lock().expect("no panic").push(line);
        }
    }
}

#[test]
fn a_client_has_a_hook_around_its_calls() -> Result<(), Failure> {
    let server = Server::builder().service(NotesServer::new(Book::default())).bind("127.0.0.1:0")?.spawn()?;
    let slow = Arc::new(SlowCalls { limit: Duration::ZERO, lines: Mutex::default() });
    let notes = NotesClient::connect(server.local_addr())?.call.around(Arc::clone(&slow));
    notes.write("a", "text")?;
    let _reply = notes.call.with_deadline(Duration::from_secs(1)).start.search("ex").wait()?;
    assert_eq!(slow.lines()[..], ["Notes.write within 5s: Done", "Notes.search within 1s: Done"]);
    notes.call.close();
    Ok(())
}

#[test]
fn calls_that_run_at_once_are_limited() -> Result<(), Failure> {
    let notes = NotesServer::new(Book::default());
    let limit = CallLimit::of(&notes, 100).method("search", 4)?;
    let server = Server::builder().service(Around::new(notes, limit)).bind("127.0.0.1:0")?.spawn()?;
    let notes = NotesClient::connect(server.local_addr())?;
    notes.write("a", "text")?;
    let searches: Vec<_> = (0..20).map(|_| notes.start.search("x")).collect();
    for search in searches {
        assert_eq!(search.wait()?, ["a"], "what is busy is tried again");
    }
    notes.call.close();
    Ok(())
}

#[test]
fn a_caller_says_its_name_beside_the_arguments() -> Result<(), Failure> {
    let named_only = |cx: &CallContext| match cx.metadata().get("caller") {
        Some(_) => Ok(()),
        None => Err(Refused::denied("say your name")),
    };
    let notes = Around::new(NotesServer::new(Book::default()), named_only);
    let server = Server::builder().service(notes).bind("127.0.0.1:0")?.spawn()?;
    let notes = NotesClient::connect(server.local_addr())?;
    assert!(notes.write("a", "text").is_err(), "it is denied");
    let mut metadata = Metadata::new();
    metadata.set("caller", "backup")?;
    let backup = notes.call.with_metadata(metadata);
    backup.write("a", "text")?;
    assert_eq!(backup.read("a")?.as_deref(), Some("text"));
    notes.call.close();
    Ok(())
}

#[test]
fn calls_are_counted_and_shown_at_a_side_port() -> Result<(), Failure> {
    let metrics = Metrics::new();
    let notes = metrics.around(NotesServer::new(Book::default()));
    let server = Server::builder().service(notes).bind("127.0.0.1:0")?.spawn()?;
    metrics.add_server(server.handle());
    let port = metrics.serve("127.0.0.1:0")?;

    let notes = NotesClient::connect(server.local_addr())?;
    notes.write("a", "text")?;
    let mut prometheus = TcpStream::connect(port.local_addr())?;
    prometheus.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")?;
    let mut page = String::new();
    prometheus.read_to_string(&mut page)?;
    assert!(page.contains("rpc_calls_ended_total{method=\"Notes.write\",status=\"done\"} 1\n"), "{page}");
    assert!(page.contains("rpc_server_executions_total 1\n"), "{page}");
    notes.call.close();
    Ok(())
}
