//! Runs a program, bounded in time, and keeps its output.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longer than any of them takes on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) const KV: &str = env!("CARGO_BIN_EXE_kv");

/// The output of a program, and its exit status.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Asserts the exit status, and shows everything if it is another.
    pub(crate) fn expect(self, status: i32) -> Said {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }
}

/// Runs the program to its end.
pub(crate) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Said {
    run_with_input(program, arguments, "")
}

/// Runs the program with this standard input.
pub(crate) fn run_with_input<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    input: &str,
) -> Said {
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove("RPC_ADDR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let (mut stdin, mut stdout, mut stderr) = (
        child.stdin.take().expect("piped"),
        child.stdout.take().expect("piped"),
        child.stderr.take().expect("piped"),
    );
    let input = input.to_owned();
    let writer = thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes()); // it need not read all of it
    });
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).expect("text");
        text
    });
    let (done, ended) = mpsc::channel();
    let pid = child.id();
    let watch = thread::spawn(move || {
        if ended.recv_timeout(LIMIT).is_err() {
            signal(pid, "KILL");
        }
    });
    let mut out = String::new();
    stdout.read_to_string(&mut out).expect("text");
    let status = child.wait().expect("it was started").code();
    let _ = done.send(()); // unless it was too late
    watch.join().expect("no panic");
    writer.join().expect("no panic");
    Said { status, out, err: errors.join().expect("no panic") }
}

/// Sends a signal to a process that we have started.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.expect("kill is there").success());
}

/// A `kv serve` for one test. It ends when dropped, and by the end of its standard input if this process dies.
pub(crate) struct KvServe {
    child: Child,
    _stdin: ChildStdin,
    pub(crate) first_line: String,
    pub(crate) addr: String,
}

impl KvServe {
    pub(crate) fn start() -> Self {
        KvServe::start_with(&[])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        KvServe::start_as(
            Command::new(KV).args(["serve", "--addr", "127.0.0.1:0", "--end-with-parent"]).args(options),
        )
    }

    /// Starts a command that becomes a `kv serve --end-with-parent`.
    pub(crate) fn start_as(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kv was built");
        let stdin = child.stdin.take().expect("piped");
        let mut first_line = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut first_line).expect("a line");
        let addr = first_line.trim_end().rsplit(' ').next().expect("an address").to_owned();
        KvServe { child, _stdin: stdin, first_line, addr }
    }

    /// Reads the next line of its standard error, and not a byte more: the rest is for [`KvServe::wait`].
    pub(crate) fn error_line(&mut self) -> String {
        let stderr = self.child.stderr.as_mut().expect("piped");
        let (mut line, mut byte) = (Vec::new(), [0]);
        while line.last() != Some(&b'\n') {
            stderr.read_exact(&mut byte).expect("a whole line");
            line.extend(byte);
        }
        String::from_utf8(line).expect("text").trim_end().to_owned()
    }

    /// Runs `kv` against this server.
    pub(crate) fn kv(&self, arguments: &[&str]) -> Said {
        self.kv_with_input(arguments, "")
    }

    pub(crate) fn kv_with_input(&self, arguments: &[&str], input: &str) -> Said {
        run_with_input(KV, arguments.iter().copied().chain(["--addr", &self.addr]), input)
    }

    /// Sends SIGTERM, and waits until it has drained. Returns its exit status and its messages.
    pub(crate) fn terminate(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end. Returns its exit status and its messages.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut err = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
        (self.child.wait().expect("it was started").code(), err)
    }
}

impl Drop for KvServe {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}
