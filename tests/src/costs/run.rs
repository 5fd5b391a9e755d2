//! Counts one case: a server and a load, one of them in callgrind.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::callgrind::Counts;

/// Time limit for one process: callgrind runs a program about fifty times slower.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The server.
    Server,
    /// The client, with the load that drives it.
    Client,
}

/// A work of which the calls are counted.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name: the side and the work.
    pub name: &'static str,
    side: Side,
    /// The work, as `rpc-ours` names it.
    work: &'static str,
    /// The calls of the two runs. What a process does once is in both, so the difference is of the calls alone.
    calls: [u64; 2],
}

/// The cost of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Instructions, without those of the kernel.
    pub instructions: f64,
    /// Allocations.
    pub allocations: f64,
}

const fn case(name: &'static str, side: Side, work: &'static str, calls: [u64; 2]) -> Case {
    Case { name, side, work, calls }
}

impl Case {
    /// All cases: one call at a time, 64 and 256 in flight, and bodies of 1 MiB.
    pub const ALL: [Case; 8] = [
        case("server-echo1", Side::Server, "echo1", [1000, 4000]),
        case("client-echo1", Side::Client, "echo1", [1000, 4000]),
        case("server-get64", Side::Server, "get64", [2048, 8192]),
        case("client-get64", Side::Client, "get64", [2048, 8192]),
        case("server-get256", Side::Server, "get256", [2048, 8192]),
        case("client-get256", Side::Client, "get256", [2048, 8192]),
        case("server-large", Side::Server, "large", [8, 40]),
        case("client-large", Side::Client, "large", [8, 40]),
    ];
}

/// The program that serves and loads, and the folder for output files.
#[derive(Clone, Debug)]
pub struct Programs {
    ours: PathBuf,
    folder: PathBuf,
}

/// A process that is ended with this value.
struct Running(Child);

impl Running {
    /// Asks the process to end, so that callgrind writes its file, and waits for it.
    fn end(mut self) -> Result<(), String> {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM); // it may have ended by itself
        }
        self.wait()
    }

    fn wait(&mut self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while self.0.try_wait().map_err(|error| error.to_string())?.is_none() {
            if Instant::now() > until {
                return Err(format!("a process has not ended after {PATIENCE:?}"));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended by itself
        let _ = self.0.wait();
    }
}

impl Programs {
    /// Builds the program to count, in the profile `counted`.
    ///
    /// # Errors
    /// Returns an error if it does not build, or callgrind cannot be started.
    pub fn build(root: &Path) -> Result<Self, String> {
        let there = Command::new("valgrind").arg("--version").stdin(Stdio::null()).output();
        if !there.is_ok_and(|output| output.status.success()) {
            return Err("the program `valgrind` is not there: it counts instructions".to_owned());
        }
        let folder = root.join("target/counted");
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--profile", "counted", "-p", "rpc-ours"])
            .current_dir(root)
            .env("CARGO_TARGET_DIR", root.join("target"))
            .status()
            .map_err(|error| format!("cargo cannot be run: {error}"))?;
        if !status.success() {
            return Err("rpc-ours does not build".to_owned());
        }
        Ok(Programs { ours: folder.join("rpc-ours"), folder })
    }

    /// Counts the calls of a case: the difference of two runs, for each call.
    ///
    /// # Errors
    /// Returns an error if a process fails.
    pub fn cost(&self, case: &Case) -> Result<Cost, String> {
        let [few, many] = case.calls;
        let (less, more) = (self.run(case, few)?, self.run(case, many)?);
        let each = |less: u64, more: u64| more.saturating_sub(less) as f64 / (many - few) as f64;
        Ok(Cost {
            instructions: each(less.instructions, more.instructions),
            allocations: each(less.allocations, more.allocations),
        })
    }

    fn run(&self, case: &Case, calls: u64) -> Result<Counts, String> {
        let output = self.folder.join("callgrind.out");
        let _ = fs::remove_file(&output); // of the run before
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(|error| error.to_string())?;
        let in_callgrind = |side: Side| (case.side == side).then_some(output.as_path());
        let at = address.to_string();
        let server = self.start(in_callgrind(Side::Server), &["serve", &at])?;
        wait_until_it_accepts(address)?;
        let mut load =
            self.start(in_callgrind(Side::Client), &["load", &at, case.work, &calls.to_string()])?;
        load.wait()?;
        if !load.0.wait().is_ok_and(|status| status.success()) {
            return Err(format!("the load {} failed", case.work));
        }
        server.end()?;
        let text = fs::read_to_string(&output).map_err(|error| format!("callgrind's output: {error}"))?;
        Counts::read(&text).ok_or_else(|| "callgrind's output has no total".to_owned())
    }

    fn start(&self, output: Option<&Path>, words: &[&str]) -> Result<Running, String> {
        let mut command = match output {
            None => Command::new(&self.ours),
            Some(output) => {
                let mut command = Command::new("valgrind");
                command.args(["--quiet", "--tool=callgrind"]);
                command.arg(format!("--callgrind-out-file={}", output.display())).arg(&self.ours);
                command
            }
        };
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().map(Running).map_err(|error| format!("{words:?} cannot be started: {error}"))
    }
}

fn wait_until_it_accepts(address: SocketAddr) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        if Instant::now() > until {
            return Err("the server does not serve".to_owned());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
