//! A server in a process of its own: started with limits of the operating system, measured from outside, ended with its parent.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::service::{LISTENS, SERVE};

/// The longest wait for a process to end after it was killed.
const POLLS: u32 = 500;

/// The place to which the server writes its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Log {
    /// A file that is read afterwards.
    #[default]
    File,
    /// A device that is always full.
    FullDisk,
    /// A pipe whose reader has ended.
    DeadPipe,
}

/// The limits under which a server runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Bytes of address space: `ulimit -v`.
    pub(super) address_space: Option<u64>,
    /// Open descriptors: `ulimit -n`.
    pub(super) descriptors: Option<u64>,
    /// True if all threads share one arena of the C library's allocator: `MALLOC_ARENA_MAX`.
    pub(super) one_arena: bool,
    /// Bounds of the server, `name=number`.
    pub(super) words: Vec<&'static str>,
    /// Its log.
    pub(super) log: Log,
}

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Resident now: `VmRSS`.
    pub(super) resident: u64,
    /// The most that was resident since the last reset: `VmHWM`.
    pub(super) peak: u64,
    /// Address space: `VmSize`.
    pub(super) address_space: u64,
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub(super) struct ServerProcess {
    child: Child,
    log: Option<PathBuf>,
    /// The address at which it listens.
    pub(super) address: SocketAddr,
}

impl ServerProcess {
    /// Starts a server, and waits until it listens.
    pub(super) fn start(limits: &Limits) -> Result<Self, String> {
        let error = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
        let program = std::env::current_exe().map_err(error("the program's own path"))?;
        let mut script = String::new();
        if let Some(bytes) = limits.address_space {
            script += &format!("ulimit -v {} && ", bytes >> 10);
        }
        if let Some(most) = limits.descriptors {
            script += &format!("ulimit -n {most} && ");
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script + r#"exec "$0" "$@""#).arg(program).arg(SERVE).args(&limits.words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if limits.one_arena {
            command.env("MALLOC_ARENA_MAX", "1");
        }
        let mut log = None;
        match limits.log {
            Log::File => {
                let path = log_path();
                command.stderr(File::create(&path).map_err(error("the log's file"))?);
                log = Some(path);
            }
            Log::FullDisk => {
                command.stderr(File::create("/dev/full").map_err(error("/dev/full"))?);
            }
            Log::DeadPipe => {
                command.stderr(Stdio::piped());
            }
        }
        let mut child = command.spawn().map_err(error("the server cannot be started"))?;
        drop(child.stderr.take());
        let output = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix(LISTENS)?.parse().ok());
        let mut server = ServerProcess { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        match address {
            Some(address) => server.address = address,
            None => return Err(format!("the server did not start: {}", server.log_text())),
        }
        Ok(server)
    }

    /// Returns its memory; `None` if it has ended.
    pub(super) fn memory(&self) -> Option<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
        };
        Some(Memory { resident: bytes("VmRSS")?, peak: bytes("VmHWM")?, address_space: bytes("VmSize")? })
    }

    /// Begins a new peak: `VmHWM` counts from the present value on.
    pub(super) fn reset_peak(&self) -> Result<(), String> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(&path, "5").map_err(|error| format!("{path}: {error}"))
    }

    /// Returns how it has ended; `None` if it runs.
    pub(super) fn exit(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(match status.signal() {
            Some(signal) => format!("ended by signal {signal}"),
            None => format!("ended with status {}", status.code().unwrap_or(-1)),
        })
    }

    /// Returns the log so far; empty if it goes nowhere.
    pub(super) fn log_text(&self) -> String {
        let bytes = self.log.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill(); // at worst it has ended already
        for _ in 0..POLLS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        if let Some(path) = &self.log {
            let _ = std::fs::remove_file(path); // in the directory for temporary files, which is emptied anyway
        }
    }
}

fn log_path() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("prove-attack-{}-{number}.log", std::process::id()))
}
