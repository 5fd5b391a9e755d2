//! `rpc` against `kv serve`, a program of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::{fails, rpc, rpc_with, writes};

/// A server that ends with the test.
struct Kv {
    child: Child,
    address: String,
}

impl Drop for Kv {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program `kv`, which is beside `rpc` once it was built.
fn program() -> PathBuf {
    let kv = PathBuf::from(env!("CARGO_BIN_EXE_rpc"))
        .with_file_name(format!("kv{}", std::env::consts::EXE_SUFFIX));
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "rpc-examples", "--bin", "kv"]).status();
    assert!(built.is_ok_and(|status| status.success()), "kv cannot be built");
    kv
}

fn serve() -> Kv {
    let mut command = Command::new(program());
    command.args(["serve", "--addr", "127.0.0.1:0", "--quiet"]).stdout(Stdio::piped()).stdin(Stdio::null());
    let mut child = command.spawn().expect("kv");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its address");
    let address = line.trim().rsplit(' ').next().expect("a word").to_owned();
    Kv { child, address }
}

#[test]
fn a_reader_without_the_source_finds_and_uses_the_key_value_service() {
    let kv = serve();
    let at = kv.address.as_str();
    let listed = rpc(&["list", at]);
    assert!(
        listed.out.contains("  Kv.append(key: &str, value: &str) -> Result<u64, KvError>\n"),
        "{listed:?}"
    );
    writes(&["call", at, "Kv.put", "colour", "blue"], "null\n");
    writes(&["call", at, "Kv.append", "value=ish", "key=colour"], "7\n");
    writes(&["call", at, "Kv.get", r#"{"key": "colour"}"#], "\"blueish\"\n");
    fails(&["call", at, "Kv.get", "nothing"], 1, r#"Kv.get: {"NoSuchKey":{"key":"nothing"}}"#);
    let lines = rpc_with("[\"colour\"]\n[\"nothing\"]\n", &["call", at, "Kv.get", "--lines"]);
    assert_eq!(
        lines.out, "{\"ok\":\"blueish\"}\n{\"error\":{\"NoSuchKey\":{\"key\":\"nothing\"}}}\n",
        "{lines:?}"
    );
    writes(&["call", at, "ServerHealth.check"], "\"Serving\"\n");
    let stats = rpc(&["stats", at, "--watch", "--count", "2", "--interval", "10ms"]);
    assert!(stats.status == 0 && stats.out.matches("calls ").count() == 2, "{stats:?}");
    let server = rpc(&["describe", at, "--format", "json"]);
    let server: serde_json::Value = serde_json::from_str(&server.out).expect("JSON");
    assert_eq!(server["health"], "Serving");
}
