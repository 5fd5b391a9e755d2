//! Messages and output that cannot be written: a full disk, a reader that has ended, a reader that does not read.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::programs::{KV, Said, run, signal};

/// Bytes that a pipe of the kernel holds.
const PIPE: usize = 64 << 10;

/// A process that holds the reading end of a pipe and does not read. It ends when dropped.
struct Reader(Child);

impl Reader {
    /// Starts it, and returns it with the writing end.
    fn start() -> (Self, ChildStdin) {
        let mut child =
            Command::new("sleep").arg("600").stdin(Stdio::piped()).spawn().expect("sleep is there");
        let writer = child.stdin.take().expect("piped");
        (Reader(child), writer)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

/// A standard error that cannot be written, and what keeps it so.
fn unwritable() -> Vec<(&'static str, Stdio, Option<Reader>)> {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let (gone, writer_of_dead) = Reader::start();
    drop(gone);
    let (silent, mut writer_of_full) = Reader::start();
    writer_of_full.write_all(&[b'x'; PIPE]).expect("there is room");
    vec![
        ("a full disk", full.into(), None),
        ("a pipe whose reader has ended", writer_of_dead.into(), None),
        ("a full pipe whose reader does not read", writer_of_full.into(), Some(silent)),
    ]
}

/// Starts a server with few descriptors, so that it reports events. Returns it with its address.
fn serve(options: &str, stderr: Stdio) -> (Child, String) {
    let script = format!("ulimit -n 30; exec \"$0\" serve --addr 127.0.0.1:0 --end-with-parent {options}");
    let mut server = Command::new("sh")
        .args(["-c", &script, KV])
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .expect("a shell");
    let mut first = String::new();
    BufReader::new(server.stdout.as_mut().expect("piped")).read_line(&mut first).expect("a line");
    let addr = first.trim_end().rsplit(' ').next().expect("an address").to_owned();
    (server, addr)
}

/// The server reports: its start, connections over the limit, its drain. It serves meanwhile, and SIGTERM ends it.
#[test]
fn a_server_whose_messages_cannot_be_written_serves_and_drains() {
    for options in ["", "--verbose --no-filter", "--quiet"] {
        for (case, stderr, _reader) in unwritable() {
            let (mut server, addr) = serve(options, stderr);
            let kv = |arguments: &[&str]| -> Said {
                run(KV, arguments.iter().copied().chain(["--addr", &addr, "--deadline", "30s"]))
            };
            kv(&["put", "colour", "blue"]).expect(0);
            let crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(&addr).expect("it listens")).collect();
            drop(crowd);
            assert_eq!(kv(&["get", "colour"]).expect(0).out, "blue\n", "{case}");
            signal(server.id(), "TERM");
            let ended = server.wait().expect("it was started");
            assert_eq!(ended.code(), Some(0), "{case}, {options}");
        }
    }
}

#[test]
fn a_message_that_cannot_be_written_changes_no_status() {
    for (case, stderr, _reader) in unwritable() {
        let mut kv = Command::new(KV);
        let ended =
            kv.args(["get", "a", "--addr", "127.0.0.1:1", "--deadline", "300ms"]).stderr(stderr).status();
        assert_eq!(ended.expect("kv was built").code(), Some(3), "{case}");
    }
}

#[test]
fn output_that_cannot_be_written_is_named_and_has_a_status() {
    let server = crate::programs::KvServe::start();
    server.kv(&["put", "a", "1"]).expect(0);
    for command in [&["get", "a"][..], &["list"], &["dump"], &["stats"], &["append", "a", "2"]] {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let said = Command::new(KV).args(command).args(["--addr", &server.addr]).stdout(full).output();
        let said = said.expect("kv was built");
        let err = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(2), "{command:?}: {err}");
        assert!(err.contains("cannot write the output"), "{command:?}: {err}");
    }
}
