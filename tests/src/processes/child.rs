//! One process: this program again, in a role. It is signalled by its own id only, and ends with the thread that started it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use super::words::Words;

/// A server writes its address on a line that begins with this.
pub(crate) const LISTENS: &str = "listening on ";
/// The interval at which the end of a process is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A running process. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    child: Child,
    /// Open as long as the process may go on; `None` once it was asked to finish.
    input: Option<ChildStdin>,
}

impl ChildProcess {
    /// Starts this program in a role.
    pub(crate) fn start(role: &str, words: &Words) -> Result<Self, String> {
        let mut command = Command::new("/proc/self/exe"); // also when its file was replaced by a new build
        command.arg(role).args(words.list()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{role} cannot be started: {error}"))?;
        let input = child.stdin.take();
        Ok(ChildProcess { child, input })
    }

    /// Starts this program in the role of a server, and waits until it listens.
    pub(crate) fn listen(role: &str, words: &Words) -> Result<(Self, SocketAddr), String> {
        let mut server = Self::start(role, words)?;
        let address = server.said(LISTENS)?;
        let address = address.parse().map_err(|_| format!("{role} listens at {address:?}"))?;
        Ok((server, address))
    }

    /// Waits until the process writes a line that begins so, and returns its rest. It is asked once.
    pub(crate) fn said(&mut self, begin: &str) -> Result<String, String> {
        let output = self.child.stdout.take().ok_or("a process without standard output")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let rest = lines.find_map(|line| line.strip_prefix(begin).map(str::to_owned));
        rest.ok_or_else(|| format!("a process ended before it wrote {begin:?}"))
    }

    /// Returns how the process ended; `None` if it has not.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|error| format!("the state of a process: {error}"))
    }

    /// Kills the process, stopped or not, and waits for its end.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        self.child.kill().map_err(|error| format!("a process cannot be killed: {error}"))?;
        self.child.wait().map(drop).map_err(|error| format!("a process that was killed: {error}"))
    }

    /// Stops the process.
    pub(crate) fn stop(&self) -> Result<(), String> {
        self.signal(Signal::STOP)
    }

    /// Lets a stopped process go on.
    pub(crate) fn go_on(&self) -> Result<(), String> {
        self.signal(Signal::CONT)
    }

    /// Asks the process to finish, by the end of its standard input.
    pub(crate) fn ask_to_finish(&mut self) {
        self.input = None;
    }

    /// Waits for the end of a process that was asked to finish.
    pub(crate) fn finished(&mut self, until: Instant) -> Result<(), String> {
        loop {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("a process ended by itself: {status}")),
                None if Instant::now() >= until => return Err("a process did not finish in time".to_owned()),
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        // The process is not waited for before it is dropped, so its id is its own.
        kill_process(Pid::from_child(&self.child), signal).map_err(|error| format!("a signal: {error}"))
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.kill(); // at worst it has ended already
    }
}

/// Lets this process end when the thread that started it does, even while it is stopped.
pub(crate) fn end_with_parent() -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| format!("the parent's end: {error}"))
}
