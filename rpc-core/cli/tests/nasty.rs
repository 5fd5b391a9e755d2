//! A service of nasty types and verdicts, called without its source.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rpc_core::{RunningServer, Server, rpc};
use serde::{Deserialize, Serialize};

use crate::{fails, rpc, rpc_with, writes};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tree {
    name: String,
    size: Option<Option<u8>>,
    children: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(f32),
    Line(i8, i8),
    Text { at: char, text: String },
}

/// Accepts only a text that no tracer guesses.
#[derive(Debug, Clone, Serialize)]
struct Secret(String);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.starts_with("KX-") {
            true => Ok(Secret(text)),
            false => Err(serde::de::Error::custom("no secret")),
        }
    }
}

/// All that is nasty.
#[rpc]
trait Nasty {
    /// Returns the tree.
    #[rpc(idempotent)]
    fn tree(&self, tree: Tree) -> Tree;
    fn shapes(&self, shapes: Vec<Shape>) -> BTreeMap<i16, Shape>;
    fn numbers(&self, large: u128, small: i128, float: f64) -> (u128, i128, f64);
    fn bytes(&self, bytes: Vec<u8>) -> Vec<u8>;
    fn add(&self, count: u64) -> u64;
    fn wait(&self, millis: u64) -> u64;
    fn fails(&self, shape: Shape) -> Result<(), Shape>;
    fn panics(&self);
    fn secret(&self, secret: Secret);
    fn shown(&self) -> String;
}

#[derive(Default)]
struct Served(AtomicU64);

impl Nasty for Served {
    fn tree(&self, tree: Tree) -> Tree {
        tree
    }
    fn shapes(&self, shapes: Vec<Shape>) -> BTreeMap<i16, Shape> {
        (-1..).zip(shapes).collect()
    }
    fn numbers(&self, large: u128, small: i128, float: f64) -> (u128, i128, f64) {
        (large, small, float)
    }
    fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
    fn add(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed) + count
    }
    fn wait(&self, millis: u64) -> u64 {
        thread::sleep(Duration::from_millis(millis));
        millis
    }
    fn fails(&self, shape: Shape) -> Result<(), Shape> {
        if shape == Shape::Empty { Ok(()) } else { Err(shape) }
    }
    fn panics(&self) {
        panic!("as it was asked to");
    }
    fn secret(&self, _: Secret) {}
    fn shown(&self) -> String {
        "\u{1b}[2J\u{9b}".to_owned()
    }
}

fn serve(reflection: bool) -> (RunningServer, String) {
    let builder = Server::builder().service(NastyServer::new(Served::default())).reflection(reflection);
    let server = builder.bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port");
    let address = server.local_addr().to_string();
    (server, address)
}

#[test]
fn values_of_nasty_types_go_there_and_back() {
    let (_server, at) = serve(true);
    let tree =
        r#"{"name":"a","size":{"some":null},"children":[{"name":"b","size":{"some":7},"children":[]}]}"#;
    writes(&["call", &at, "Nasty.tree", tree], &format!("{tree}\n"));
    let shapes = r#"["Empty",{"Circle":0.1},{"Line":[-1,1]},{"Text":{"at":"é","text":"x"}}]"#;
    let map = r#"{"-1":"Empty","0":{"Circle":0.1},"1":{"Line":[-1,1]},"2":{"Text":{"at":"é","text":"x"}}}"#;
    writes(&["call", &at, "Nasty.shapes", &format!("[{shapes}]")], &format!("{map}\n"));
    let numbers =
        ["call", &at, "Nasty.numbers", "340282366920938463463374607431768211455", "small=-5", "inf"];
    writes(&numbers, "[\"340282366920938463463374607431768211455\",-5,\"inf\"]\n");
    writes(&["call", &at, "Nasty.bytes", r#"{"hex":"00ff"}"#], "{\"hex\":\"00ff\"}\n");
    writes(&["call", &at, "Nasty.shown"], "\"\\u001b[2J\\u009b\"\n");
    let from_input = rpc_with("some text", &["call", &at, "Nasty.bytes", "-"]);
    assert_eq!(from_input.out, "\"some text\"\n", "{from_input:?}");
}

#[test]
fn each_verdict_has_its_exit_status_and_an_unknown_call_is_resolved() {
    let (_server, at) = serve(true);
    writes(&["call", &at, "Nasty.fails", "Empty"], "null\n");
    fails(&["call", &at, "Nasty.fails", r#"{"Circle": 2}"#], 1, r#"Nasty.fails: {"Circle":2.0}"#);
    fails(&["call", &at, "Nasty.panics"], 5, "as it was asked to");
    fails(&["call", &at, "Nasty.wait", "400", "--deadline", "50ms"], 4, "may or may not have run");
    writes(&["call", &at, "Nasty.wait", "400", "--deadline", "50ms", "--resolve", "20s"], "400\n");
    fails(&["call", &at, "Nasty.secret", "KX-1"], 6, "cannot be called in JSON");
    fails(&["call", &at, "Nasty.add", "-1"], 2, "count: expected u64 from 0 to 18446744073709551615, not -1");
    fails(&["call", &at, "Nasty.tree", r#"{"name":1,"children":[]}"#], 2, "Nasty.tree");
    fails(
        &["call", &at, "Nasty.tree", r#"{"tree":{"name":1,"children":[]}}"#],
        2,
        "tree.name: expected str, not 1",
    );
    fails(&["call", &at, "Nasty.treee", "x"], 6, "did you mean `Nasty.tree`?");
    fails(&["call", &at, "Nasti.tree", "x"], 6, "did you mean `Nasty`?");
    fails(&["call", &at, "tree"], 2, "write it as Service.method");
    fails(&["call", "127.0.0.1:1", "Nasty.tree", "x"], 3, "is the server running there?");
    fails(&["call", "nonsense", "Nasty.tree", "x"], 2, "not HOST:PORT");
}

#[test]
fn a_server_that_does_not_describe_itself_is_told_from_one_that_is_not_there() {
    let (_server, at) = serve(false);
    for arguments in
        [&["list", &at][..], &["call", &at, "Nasty.add", "1"], &["stats", &at], &["describe", &at, "Nasty"]]
    {
        fails(arguments, 6, "does not describe itself");
    }
    let ping = rpc(&["ping", &at]);
    assert!(ping.status == 0 && ping.out.contains("connected to"), "{ping:?}");
}

#[test]
fn each_line_of_input_is_a_call_that_runs_once_and_has_a_line_in_its_order() {
    let (_server, at) = serve(true);
    let input = "[1]\n{\"count\": 2}\n\n[-1]\nnonsense\n[4]\n";
    let ended = rpc_with(input, &["call", &at, "Nasty.add", "--lines", "--in-flight", "1"]);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!((ended.status, lines.len()), (2, 5), "{ended:?}");
    assert_eq!([lines[0], lines[1], lines[4]], ["{\"ok\":1}", "{\"ok\":3}", "{\"ok\":7}"], "{ended:?}");
    assert!(lines[2].starts_with("{\"failed\":") && lines[3].contains("not JSON"), "{ended:?}");
    let many = "[1]\n".repeat(500);
    let ended = rpc_with(&many, &["call", &at, "Nasty.add", "--lines", "--in-flight", "64"]);
    assert_eq!((ended.status, ended.out.lines().count()), (0, 500), "{ended:?}");
    writes(&["call", &at, "Nasty.add", "0"], "507\n");
}

#[test]
fn a_bench_makes_as_many_calls_as_it_says() {
    let (_server, at) = serve(true);
    let bench = [
        "bench",
        &at,
        "Nasty.add",
        "1",
        "--calls",
        "1000",
        "--connections",
        "3",
        "--in-flight",
        "8",
        "--format",
        "json",
    ];
    let ended = rpc(&bench);
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((ended.status, &report["done"], &report["failed"]), (0, &1000.into(), &0.into()), "{ended:?}");
    writes(&["call", &at, "Nasty.add", "0"], "1000\n");
    let failing = rpc(&["bench", &at, "Nasty.panics", "--calls", "3"]);
    assert!(failing.status == 5 && failing.err.contains("3 calls failed"), "{failing:?}");
}

#[test]
fn a_method_is_described_with_its_types_and_a_call_that_works() {
    let (_server, at) = serve(true);
    let described = rpc(&["describe", &at, "Nasty.tree"]);
    for part in
        ["Nasty.tree(tree: Tree) -> Tree", "Returns the tree.", "idempotent", "struct Tree { name: str"]
    {
        assert!(described.out.contains(part), "{part}: {described:?}");
    }
    let call = described.out.lines().last().expect("a call").trim();
    let json = call.split('\'').nth(1).expect("its arguments");
    let ended = rpc(&["call", &at, "Nasty.tree", json]);
    assert_eq!(ended.status, 0, "{call}: {ended:?}");
    assert!(rpc(&["describe", &at, "Nasty.secret"]).out.contains("its types are not known"));
}
