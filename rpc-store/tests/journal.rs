//! The journal of a client: a process that dies at any commit is followed by one whose calls are exactly once; wrong files.

use std::fs;
use std::ops::Bound;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::{CallError, ConnectError, Connector, Never, RunningServer, Server, rpc};
use rpc_store::{
    Backend, BackendError, Changes, Journal, MemoryBackend, RedbBackend, Space, Store, StoreError,
};

use crate::power::Disk;

/// Calls of an application.
const CALLS: u32 = 5;

/// A text that grows, so that a call that runs twice, or not at all, is seen.
#[rpc]
trait Tape {
    /// Appends to the text, and returns it.
    fn append(&self, text: &str) -> String;
    /// Returns the text.
    #[rpc(idempotent)]
    fn read(&self) -> String;
}

#[derive(Clone, Default)]
struct OneTape(Arc<Mutex<String>>);

impl Tape for OneTape {
    fn append(&self, text: &str) -> String {
        let mut tape = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tape.push_str(text);
        tape.clone()
    }

    fn read(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn server() -> (RunningServer, OneTape) {
    let tape = OneTape::default();
    let server = Server::builder().service(TapeServer::new(tape.clone())).bind("127.0.0.1:0");
    (server.and_then(|server| server.spawn()).expect("a server"), tape)
}

/// Ends a server at once: it would wait for the clients that are dead.
fn end(server: RunningServer) {
    server.drain_within(std::time::Duration::ZERO);
    server.wait().expect("it ends");
}

fn connect(server: &RunningServer, journal: &Journal) -> TapeClient {
    Connector::new().journal(journal.clone()).connect(server.local_addr()).expect("connected")
}

/// A backend whose process dies at a commit: before it, or after it and before anything else.
#[derive(Clone)]
struct Dying {
    kept: MemoryBackend,
    left: Arc<AtomicI64>,
    after: bool,
}

impl Backend for Dying {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.kept.get(space, key)
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), BackendError> {
        self.kept.range(space, from, each)
    }

    fn commit(&self, changes: &Changes) -> Result<(), BackendError> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 || (left == 0 && self.after) {
            self.kept.commit(changes)?;
        }
        if left > 0 { Ok(()) } else { Err("the process is dead".into()) }
    }
}

/// The notes of an application: the calls whose answers it knows.
#[derive(Default)]
struct Application(Vec<u32>);

impl Application {
    /// One process: it takes the answers of the one before, makes the calls that are left, and returns true if it has lived.
    fn run(&mut self, server: &RunningServer, journal: &Journal) -> bool {
        let tape = connect(server, journal);
        for call in tape.call.recovered() {
            let number: u32 = Journal::key_of(&call).expect("all have keys").parse().expect("a number");
            assert_eq!(call.method(), "Tape.append");
            assert_eq!(call.arguments::<(String,)>(), Some((format!("<{number}>"),)));
            let text = call.into_pending::<String, Never>().wait().expect("it is exactly once");
            assert!(text.ends_with(&format!("<{number}>")), "the answer of this call: {text}");
            self.note(journal, number);
        }
        for number in 1..=CALLS {
            if self.0.contains(&number) {
                continue;
            }
            tape.read().ok(); // takes numbers of the slot as well, and may be the last before the end
            let metadata = Journal::keyed(&number.to_string()).expect("a short key");
            match tape.call.with_metadata(metadata).append(&format!("<{number}>")) {
                Ok(_) => self.note(journal, number),
                Err(CallError::Unknown(_) | CallError::NotExecuted(_)) => return false,
                Err(error) => panic!("{error}"),
            }
        }
        true
    }

    fn note(&mut self, journal: &Journal, number: u32) {
        if !self.0.contains(&number) {
            self.0.push(number);
        }
        journal.done(&number.to_string());
    }
}

#[test]
fn v13_calls_are_exactly_once_whenever_their_client_dies() {
    let mut deaths = 0;
    for after in [false, true] {
        for first in 0.. {
            let (server, tape) = server();
            let kept = MemoryBackend::default();
            drop(Journal::with_backend(kept.clone()).expect("a journal")); // with its first commit
            let mut application = Application::default();
            let dying = |left| Dying { kept: kept.clone(), left: Arc::new(AtomicI64::new(left)), after };
            // The second process dies early as well, so that the third takes up what two have left.
            let lived = application.run(&server, &Journal::with_backend(dying(first)).expect("a journal"));
            if lived {
                end(server);
                break;
            }
            application.run(&server, &Journal::with_backend(dying(1)).expect("a journal"));
            let journal = Journal::with_backend(kept.clone()).expect("a journal");
            assert!(application.run(&server, &journal));
            let whole: String = (1..=CALLS).map(|number| format!("<{number}>")).collect();
            assert_eq!(tape.read(), whole, "commit {first}, after it: {after}");
            drop(journal);
            let journal = Journal::with_backend(kept.clone()).expect("a journal");
            assert_eq!(journal.kept(), 0, "all is done");
            assert!(connect(&server, &journal).call.recovered().is_empty());
            end(server);
            deaths += 1;
        }
    }
    assert!(deaths >= 2 * CALLS, "{deaths} deaths are too few");
}

#[test]
fn an_answer_with_a_key_is_kept_until_the_application_is_done_with_it() {
    let (server, _) = server();
    let kept = MemoryBackend::default();
    let journal = Journal::with_backend(kept.clone()).expect("a journal");
    let tape = connect(&server, &journal);
    let keyed = tape.call.with_metadata(Journal::keyed("k").expect("a short key"));
    assert_eq!(keyed.append("a").expect("it ran"), "a");
    assert_eq!(tape.append("b").expect("it ran"), "ab");
    drop((tape, keyed, journal));
    let journal = Journal::with_backend(kept).expect("a journal");
    let tape = connect(&server, &journal);
    let calls = tape.call.recovered();
    assert_eq!(calls.len(), 1, "the one without a key has its answer: {calls:?}");
    let sessions = server.handle().counters().opened;
    for call in calls {
        assert_eq!(Journal::key_of(&call).as_deref(), Some("k"));
        assert_eq!(call.into_pending::<String, Never>().wait().expect("it ran"), "a");
    }
    assert_eq!((tape.append("c").expect("it ran").as_str(), sessions), ("abc", 1), "the same session");
    end(server);
}

#[test]
fn a_server_that_has_lost_the_session_leaves_the_recorded_calls_unknown() {
    let (first, _) = server();
    let kept = MemoryBackend::default();
    drop(Journal::with_backend(kept.clone()).expect("a journal"));
    let dying = Dying { kept: kept.clone(), left: Arc::new(AtomicI64::new(0)), after: true };
    let mut application = Application::default();
    assert!(!application.run(&first, &Journal::with_backend(dying).expect("a journal")));
    end(first);
    let (second, tape) = server();
    let journal = Journal::with_backend(kept).expect("a journal");
    let client = connect(&second, &journal);
    for call in client.call.recovered() {
        let answer = call.into_pending::<String, Never>().wait();
        assert!(matches!(answer, Err(CallError::Unknown(_))), "{answer:?}");
    }
    assert_eq!(client.append("x").expect("it ran"), "x", "and a new session takes new calls");
    assert_eq!(tape.read(), "x");
    drop(client);
    end(second);
}

#[test]
fn one_process_and_one_client_use_a_journal() {
    let (server, _) = server();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("calls.journal");
    let journal = Journal::open(&path).expect("a journal");
    let other = Journal::open(&path).expect_err("it is open");
    assert!(matches!(other, StoreError::JournalInUse(_)), "{other}");
    assert!(other.to_string().contains("is in use by another process"), "{other}");
    let client = connect(&server, &journal);
    let second = Connector::new().journal(journal.clone()).connect::<TapeClient>(server.local_addr());
    let refused = second.map(|_| ()).expect_err("a client uses it");
    assert!(matches!(refused, ConnectError::Journal(_)), "{refused}");
    assert!(refused.to_string().contains("in use by a client of this process"), "{refused}");
    drop(client);
    connect(&server, &journal);
    end(server);
}

#[test]
fn a_file_that_is_no_journal_is_an_error_and_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes");
    fs::write(&path, "the notes of a user").expect("written");
    let error = Journal::open(&path).expect_err("no journal");
    assert!(error.to_string().contains("notes"), "{error}");
    assert_eq!(fs::read(&path).expect("still there"), b"the notes of a user");

    drop(Store::open(folder.path().join("store")).expect("a store"));
    let error = Journal::open(folder.path().join("store/store.redb")).expect_err("a store");
    assert_eq!(error.to_string(), "this is the file of a store, and not of a journal");
    assert!(Store::open(folder.path().join("store")).is_ok(), "it was not touched");

    fs::create_dir(folder.path().join("wrong")).expect("made");
    drop(Journal::open(folder.path().join("wrong/store.redb")).expect("a journal"));
    let error = Store::open(folder.path().join("wrong")).expect_err("a journal");
    assert_eq!(error.to_string(), "this is the file of a journal, and not of a store");
}

#[test]
fn a_journal_that_is_cut_short_is_an_error_and_no_new_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("calls.journal");
    drop(Journal::open(&path).expect("a journal"));
    let whole = fs::read(&path).expect("a file");
    for length in [1, 100, 4096, whole.len() / 2] {
        fs::write(&path, &whole[..length]).expect("cut");
        let torn = Journal::open(&path).expect_err("torn");
        assert!(torn.to_string().contains("cannot"), "{length}: {torn}");
    }
}

#[test]
fn a_disk_that_is_full_sends_nothing_and_the_next_process_makes_the_call_once() {
    let (server, tape) = server();
    let disk = Disk::default();
    let journal =
        || Journal::with_backend(RedbBackend::on(disk.handle()).expect("a file")).expect("a journal");
    let first = journal();
    let mut application = Application::default();
    let client = connect(&server, &first);
    disk.fill();
    let error = client.append("<1>").expect_err("it cannot be recorded");
    assert!(matches!(error, CallError::Unknown(_)), "{error}");
    let error = client.append("<2>").expect_err("the client is closed");
    assert!(error.to_string().contains("its journal cannot be written"), "{error}");
    assert_eq!(tape.read(), "", "not a byte has left");
    drop((client, first));
    disk.empty();
    assert!(application.run(&server, &journal()));
    assert_eq!(tape.read(), (1..=CALLS).map(|number| format!("<{number}>")).collect::<String>());
    end(server);
}
