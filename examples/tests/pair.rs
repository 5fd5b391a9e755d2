//! `kv_server` and `kv_client`: the pair in two processes, and what the client says about each kind of failure.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::programs::{KV, Said, run};

const SERVER: &str = env!("CARGO_BIN_EXE_kv_server");
const CLIENT: &str = env!("CARGO_BIN_EXE_kv_client");

/// A running server. It ends when it is dropped.
struct KvServer {
    process: Child,
    addr: String,
}

impl KvServer {
    fn start() -> Self {
        let mut process =
            Command::new(SERVER).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().expect("it was built");
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let addr = line.trim_end().strip_prefix("listening on ").expect("an address").to_owned();
        KvServer { process, addr }
    }

    fn client(&self, arguments: &[&str]) -> Said {
        run(CLIENT, ["--addr", &self.addr].iter().chain(arguments))
    }
}

impl Drop for KvServer {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }
}

#[test]
fn the_client_calls_every_method_of_the_server() {
    let server = KvServer::start();
    assert_eq!(server.client(&["put", "colour", "blue"]).expect(0).out, "");
    assert_eq!(server.client(&["append", "colour", "ish"]).expect(0).out, "7\n");
    assert_eq!(server.client(&["get", "colour"]).expect(0).out, "blueish\n");
    server.client(&["put", "country", "fr"]).expect(0);
    assert_eq!(server.client(&["list", "co"]).expect(0).out, "colour\tblueish\ncountry\tfr\n");
    assert_eq!(server.client(&["delete", "colour"]).expect(0).out, "blueish\n");
    let gone = server.client(&["get", "colour"]).expect(1);
    let text = "kv_client: no such key: \"colour\"\nkv_client: the call ran, and this error is its result\n";
    assert_eq!((gone.out.as_str(), gone.err.as_str()), ("", text));
}

/// A page ends after 256 KiB, so six values of 100 KiB are two pages.
#[test]
fn a_list_of_several_pages_is_printed_whole() {
    let server = KvServer::start();
    let value = "x".repeat(100 << 10);
    let keys = ["a", "b", "c", "d", "e", "f"];
    for key in keys {
        server.client(&["put", key, &value]).expect(0);
    }
    let list = server.client(&["list"]).expect(0).out;
    assert_eq!(list, keys.map(|key| format!("{key}\t{value}\n")).concat());
}

#[test]
fn a_server_that_is_not_there_is_an_error_and_not_a_wait() {
    let server = KvServer::start();
    let addr = server.addr.clone();
    drop(server);
    let said = run(CLIENT, ["--addr", &addr, "get", "a"]).expect(1);
    assert!(said.err.contains("cannot reach"), "{}", said.err);
}

#[test]
fn the_larger_program_and_the_pair_understand_each_other() {
    let server = KvServer::start();
    run(KV, ["put", "a", "1", "--addr", &server.addr]).expect(0);
    assert_eq!(server.client(&["get", "a"]).expect(0).out, "1\n");
}

#[test]
fn the_pair_is_short() {
    let files = [
        include_str!("../4_key_value/api.rs"),
        include_str!("../4_key_value/store.rs"),
        include_str!("../4_key_value/server.rs"),
        include_str!("../4_key_value/client.rs"),
    ];
    let code = |file: &str| {
        let before_tests = file.split("#[cfg(test)]").next().expect("a part").to_owned();
        before_tests.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("//")).count()
    };
    let lines: usize = files.into_iter().map(code).sum();
    assert!(lines <= 300, "{lines} lines of code");
}
