//! Messages for people on standard error. A program does not wait for them for long, and does not end because of them: the disk
//! behind it may be full, and the reader of a pipe may have ended or may not read.
//!
//! A thread of its own writes the lines. Lines beyond `QUEUED` that wait are left out; their number is written when there is
//! room again.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Most lines that wait to be written: as many as a busy server reports in some minutes.
const QUEUED: usize = 1024;
/// The longest time that a program waits until its lines are written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lines that were left out and not yet counted on standard error.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
/// True if the last wait was in vain: then the next one is not made before a line was written.
static STUCK: AtomicBool = AtomicBool::new(false);

/// A request to the thread that writes.
enum Request {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Say that all requests before this one were handled.
    Confirm(SyncSender<()>),
}

/// Writes a line, and waits until it is written, but not for long.
pub fn say(line: impl Display) {
    send(Request::Write(format!("{line}\n").into_bytes()));
    flush();
}

/// Waits until all lines are written, but not for long. The end of a program calls it.
pub fn flush() {
    let (confirm, confirmed) = sync_channel(1);
    send(Request::Confirm(confirm));
    let patience = if STUCK.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
    STUCK.store(confirmed.recv_timeout(patience).is_err(), Ordering::Relaxed);
}

/// Writes lines without waiting for them, for threads that have other work.
#[derive(Clone, Copy, Debug)]
pub struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(Request::Write(bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives a request to the thread that writes, which starts with the first one.
fn send(request: Request) {
    static WRITER: OnceLock<Option<SyncSender<Request>>> = OnceLock::new();
    let writer = WRITER.get_or_init(|| {
        let (sender, receiver) = sync_channel(QUEUED);
        let write_all = move || handle_all(&receiver);
        thread::Builder::new().name("messages".to_owned()).spawn(write_all).ok().map(|_| sender)
    });
    match writer {
        Some(writer) => {
            if let Err(full) = writer.try_send(request) {
                drop(full);
                LEFT_OUT.fetch_add(1, Ordering::Relaxed);
            }
        }
        None => handle(request), // no thread can be started
    }
}

/// Handles requests until the process ends.
fn handle_all(requests: &Receiver<Request>) {
    for request in requests {
        handle(request);
    }
}

/// Handles one request. A line that cannot be written is lost.
fn handle(request: Request) {
    let mut out = io::stderr().lock();
    match request {
        Request::Write(bytes) => {
            let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                let _ = writeln!(out, "({left_out} lines were left out here)");
            }
            let _ = out.write_all(&bytes);
            STUCK.store(false, Ordering::Relaxed);
        }
        Request::Confirm(confirm) => {
            let _ = confirm.try_send(()); // the thread that asked may have stopped waiting
        }
    }
}
