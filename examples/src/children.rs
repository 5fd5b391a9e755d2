//! Child processes: this same program, started again with other arguments. They end when their parent does, however
//! it ends: by their process ids when it is orderly, and by the end of their standard input when it is not.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// All child processes of this one. Copies share the list; when the last copy goes, the children are ended.
#[derive(Clone, Debug, Default)]
pub struct Children {
    list: Arc<List>,
}

#[derive(Debug, Default)]
struct List {
    running: Mutex<Vec<Child>>,
    /// True when a signal ends this process: every later failure is a consequence of that.
    interrupted: AtomicBool,
}

impl List {
    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        // A panic of another thread must not keep this one from ending the children; the list is valid at every step.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, which: impl Fn(u32) -> bool) {
        let mut running = self.lock();
        for child in running.iter_mut().filter(|child| which(child.id())) {
            let _ = child.kill(); // it may have ended by itself
            let _ = child.wait();
        }
        running.retain(|child| !which(child.id()));
    }
}

impl Drop for List {
    fn drop(&mut self) {
        self.end(|_| true);
    }
}

impl Children {
    /// No children yet.
    pub fn new() -> Self {
        Children::default()
    }

    /// Starts this program again with `arguments`. The child's standard output can be read line by line; its standard
    /// error is that of this process.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses to start it.
    pub fn start<A: AsRef<OsStr>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Worker> {
        let mut program = Command::new(std::env::current_exe()?);
        program.args(arguments);
        self.start_program(name, program)
    }

    /// Starts another program, in the same way.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses to start it.
    pub fn start_program(&self, name: &str, mut program: Command) -> io::Result<Worker> {
        let mut child = program
            .stdin(Stdio::piped()) // held open by us: it closes when we end, and the child notices
            .stdout(Stdio::piped())
            .spawn()?;
        let pid = child.id();
        let output = child.stdout.take();
        self.list.lock().push(child);
        let (say, lines) = mpsc::channel();
        let Some(output) = output else {
            return Err(io::Error::other("the child has no standard output"));
        };
        thread::Builder::new().name(format!("output of {name}")).spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                if say.send(line).is_err() {
                    break;
                }
            }
        })?;
        Ok(Worker { name: name.to_owned(), pid, lines, list: Arc::clone(&self.list) })
    }

    /// Ends every child by its process id, and waits until it is gone.
    pub fn end_all(&self) {
        self.list.end(|_| true);
    }

    /// Ends every child because a signal ends this process.
    pub(crate) fn interrupt(&self) {
        self.list.interrupted.store(true, Ordering::SeqCst);
        self.end_all();
    }

    /// Does not return if a signal is ending this process, because a failure is then a consequence of the signal. The
    /// thread that caught the signal ends the process soon.
    pub fn wait_if_interrupted(&self) {
        while self.list.interrupted.load(Ordering::SeqCst) {
            thread::park();
        }
    }

    /// Returns the number of children that have not ended.
    pub fn count(&self) -> usize {
        self.list.lock().len()
    }
}

/// One child process. It is ended when this value is dropped.
#[derive(Debug)]
pub struct Worker {
    name: String,
    pid: u32,
    lines: Receiver<String>,
    list: Arc<List>,
}

impl Worker {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns its name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the next line that it writes, if it arrives in time.
    ///
    /// # Errors
    /// Returns an error if the line is late, or the child has ended without it.
    pub fn next_line(&self, until: Instant) -> io::Result<String> {
        let left = until.saturating_duration_since(Instant::now());
        self.lines.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                io::Error::new(io::ErrorKind::TimedOut, format!("{} wrote nothing in time", self.name))
            }
            RecvTimeoutError::Disconnected => {
                io::Error::new(io::ErrorKind::UnexpectedEof, format!("{} ended early", self.name))
            }
        })
    }

    /// Returns true if it has ended, however it ended.
    pub fn has_ended(&self) -> bool {
        let mut running = self.list.lock();
        match running.iter_mut().find(|child| child.id() == self.pid) {
            Some(child) => matches!(child.try_wait(), Ok(Some(_))),
            None => true,
        }
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// Returns an error if it has ended or does not read.
    pub fn tell(&self, line: &str) -> io::Result<()> {
        let mut running = self.list.lock();
        let child = running.iter_mut().find(|child| child.id() == self.pid);
        match child.and_then(|child| child.stdin.as_mut()) {
            Some(input) => writeln!(input, "{line}"),
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{} has ended", self.name))),
        }
    }

    /// Ends it now.
    pub fn end(&self) {
        self.list.end(|pid| pid == self.pid);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// For a child: ends this process when the parent has ended, which closes our standard input.
///
/// # Errors
/// Returns an error if no thread can be started.
pub fn end_with_parent() -> io::Result<()> {
    thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let mut rest = [0; 64];
        while matches!(io::stdin().read(&mut rest), Ok(1..)) {}
        std::process::exit(0);
    })?;
    Ok(())
}
