//! The program `rpc`, as a user runs it: against a service of nasty types, and against `kv serve`.

mod nasty;
mod with_kv;

use std::io::Write;
use std::process::{Command, Stdio};

/// The end of a run of `rpc`.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `rpc` with these arguments and this standard input.
pub(crate) fn rpc_with(input: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpc"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("a pipe");
    let _ = stdin.write_all(input.as_bytes()); // a program that has ended does not read it
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn rpc(arguments: &[&str]) -> Ended {
    rpc_with("", arguments)
}

/// Asserts that a run ends with this status and says this on standard error.
pub(crate) fn fails(arguments: &[&str], status: i32, text: &str) {
    let ended = rpc(arguments);
    assert_eq!(ended.status, status, "{arguments:?}: {ended:?}");
    assert!(ended.err.contains(text) && ended.out.is_empty(), "{arguments:?}: {ended:?}");
}

/// Asserts that a run succeeds and writes this.
pub(crate) fn writes(arguments: &[&str], out: &str) {
    let ended = rpc(arguments);
    assert_eq!((ended.status, ended.out.as_str()), (0, out), "{arguments:?}: {ended:?}");
}
