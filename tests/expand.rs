//! Checks that the expanded files are what `#[rpc]` writes, that they compile, and that they answer calls.

#[path = "expand/mod.rs"]
mod written;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::stub::{Client, Service};
use rpc_core::{CallContext, CallError};

use written::bytes::{Files, FilesClient, FilesServer, Part};
use written::kv::{Kv, KvClient, KvError, KvServer};
use written::loopback::client_of;
use written::plain::{PlainReturns, PlainReturnsClient, PlainReturnsServer};
use written::policies::{Jobs, JobsClient, JobsServer};

const CASES: [&str; 4] = ["bytes", "kv", "plain", "policies"];

#[test]
fn the_expanded_files_are_what_the_macro_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("expand");
    let mut differ = Vec::new();
    for case in CASES {
        let source = std::fs::read_to_string(folder.join(format!("{case}.rs"))).expect("the case");
        let expanded = rpc_codegen::print::expand_file(&source).expect("a case without mistakes");
        let written = format!(
            "//! The output of `#[rpc]` for `{case}.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`\n\
             //! writes it anew.\n//!\n{expanded}"
        );
        let file = folder.join(format!("{case}.expanded.rs"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&file, written).expect("a place to write to");
        } else if std::fs::read_to_string(&file).ok() != Some(written) {
            differ.push(case);
        }
    }
    assert!(
        differ.is_empty(),
        "the macro writes something else now for {differ:?}. See it with \
         `BLESS=1 cargo test -p rpc-tests --test expand` and `git diff tests/expand`"
    );
}

#[test]
fn the_guide_shows_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).expect("a file of this repository");
    let sources = read("expand/kv.rs") + &read("expand/kv.expanded.rs") + &read("expand/bytes.expanded.rs");
    let guide = read("../docs/stub_generation.md");
    let snippets: Vec<&str> =
        guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(rest)).collect();
    assert!(snippets.len() > 3);
    for snippet in snippets {
        assert!(sources.contains(snippet), "the guide shows code that the files do not have:\n{snippet}");
    }
    let messages = read("ui/several_mistakes/several_mistakes.stderr");
    let shown =
        guide.split("```text\nerror").nth(1).and_then(|rest| rest.split("\n```").next()).expect("messages");
    assert!(messages.contains(shown), "the guide shows messages that the case does not have:\n{shown}");
}

struct Memory;

impl Kv for Memory {
    fn get(&self, key: &str) -> Result<String, KvError> {
        if key.is_empty() { Err(KvError::NotFound) } else { Ok(format!("value of {key}")) }
    }
    fn put(&self, _key: &str, _value: &str) -> Result<(), KvError> {
        Ok(())
    }
}

impl Files for Memory {
    fn store(&self, name: &str, bytes: &[u8]) -> u64 {
        (name.len() + bytes.len()) as u64
    }
    fn give(&self, bytes: Vec<u8>) -> u64 {
        bytes.iter().map(|byte| u64::from(*byte)).sum()
    }
    fn read(&self, name: &str, part: &Part) -> Result<Vec<u8>, String> {
        Ok(vec![name.len() as u8; part.length as usize])
    }
    fn all(&self, names: &[&str]) -> Vec<u8> {
        names.concat().into_bytes()
    }
    fn find(&self, name: &str) -> Option<Vec<u8>> {
        (!name.is_empty()).then(|| name.as_bytes().to_vec())
    }
    fn missing(&self, parts: &[Part], after: Option<&str>, limit: Option<Part>) -> Vec<Part> {
        let mut missing = parts.to_vec();
        missing.extend(limit);
        missing.push(Part { offset: after.map_or(0, str::len) as u64, length: 0 });
        missing
    }
}

impl PlainReturns for Memory {
    fn ping(&self) {}
    fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }
    fn call(&self, call: String) -> Vec<String> {
        vec![call.clone(), call]
    }
    fn r#type(&self, r#match: &str) -> (u8, [bool; 2]) {
        (r#match.len() as u8, [true, false])
    }
}

impl Jobs for Memory {
    fn run(&self, cx: &CallContext, job: u64) -> Result<u32, String> {
        assert!(!cx.is_cancelled());
        Ok(job as u32)
    }
    fn log(&self, from: u64) -> Vec<String> {
        vec![from.to_string()]
    }
    fn caller(&self, cx: &CallContext) -> Option<String> {
        cx.peer().map(|peer| peer.to_string())
    }
}

#[test]
fn a_call_passes_through_both_stubs() -> Result<(), CallError<KvError>> {
    let kv: KvClient = client_of(KvServer::new(Memory));
    assert_eq!(kv.get("a")?, "value of a");
    kv.put("a", "1")?;
    assert_eq!(kv.start.get("b").wait()?, "value of b");
    assert!(matches!(kv.get(""), Err(CallError::Service(KvError::NotFound))));
    assert_eq!(kv.call.with_deadline(Duration::from_secs(60)).clone().get("c")?, "value of c");
    Ok(())
}

#[test]
fn an_implementation_can_be_shared_and_its_type_erased() -> Result<(), CallError<KvError>> {
    let known = Arc::new(Memory);
    let erased: Arc<dyn Kv + Send + Sync> = Arc::clone(&known) as _;
    for service in [client_of(KvServer::shared(known)), client_of(KvServer::shared(erased))] {
        let kv: KvClient = service;
        assert_eq!(kv.get("a")?, "value of a");
    }
    Ok(())
}

#[test]
fn each_way_of_passing_arguments_arrives() -> Result<(), CallError<String>> {
    let files: FilesClient = client_of(FilesServer::new(Memory));
    let part = Part { offset: 1, length: 3 };
    assert_eq!(files.store("ab", &[1, 2, 3]).expect("plain"), 5);
    assert_eq!(files.give(vec![1, 2, 3]).expect("plain"), 6);
    assert_eq!(files.read("ab", &part)?, [2, 2, 2]);
    assert_eq!(files.all(&["a", "bc"]).expect("plain"), b"abc");
    assert_eq!(files.find("ab").expect("plain").as_deref(), Some(&b"ab"[..]));
    assert_eq!(files.find("").expect("plain"), None);
    let last = Part { offset: 1, length: 0 };
    let missing = files.start.missing(std::slice::from_ref(&part), Some("x"), Some(part.clone()));
    assert_eq!(missing.wait().expect("plain"), [part.clone(), part, last]);
    Ok(())
}

#[test]
fn plain_methods_answer_also_under_names_of_the_stubs() -> Result<(), CallError> {
    let plain: PlainReturnsClient = client_of(PlainReturnsServer::new(Memory));
    plain.ping()?;
    assert_eq!(plain.add(1, 2)?, 3);
    assert_eq!(plain.call("a".to_owned())?, ["a", "a"]);
    assert_eq!(plain.start.r#type("abc").wait()?, (3, [true, false]));
    Ok(())
}

#[test]
fn a_context_is_given_by_the_server_and_not_sent() -> Result<(), CallError<String>> {
    let jobs: JobsClient = client_of(JobsServer::new(Memory));
    assert_eq!(jobs.run(7)?, 7);
    assert_eq!(jobs.caller().expect("plain"), None);
    assert_eq!(jobs.log(3).expect("plain"), ["3"]);
    Ok(())
}

#[test]
fn policies_and_signatures_are_in_the_contract() {
    let [run, log, caller] = JobsClient::CONTRACT.methods else { panic!("three methods") };
    assert_eq!((run.name, run.signature), ("Jobs.run", "fn run(job: u64) -> Result<u32, String>"));
    assert_eq!((run.slow, run.context, run.idempotent), (true, true, false));
    assert_eq!(run.deadline, Some(Duration::from_secs(120)));
    assert_eq!((log.deadline, log.max_cached_reply), (Some(Duration::from_millis(250)), Some(65536)));
    assert_eq!((caller.signature, caller.idempotent), ("fn caller() -> Option<String>", true));
    assert_eq!(JobsServer::new(Memory).contract().hash, JobsClient::CONTRACT.hash);
}
