//! SIGTERM and SIGINT: a server drains, a program that has started others ends them first.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use rpc_core::{Health, HealthState, ServerHandle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::children::Children;
use crate::messages::{Lines, say};

/// The message of a server that drains.
const DRAINING: &str =
    "draining: calls under way are finished, new ones refused; a second signal ends it now\n";

/// Drains the server at the first SIGTERM or SIGINT, and ends the process at the second. Between the first signal and the
/// drain, for the time of `notice`, the server serves on and its health says that it drains.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn drain_on_signal(server: ServerHandle, health: Health, notice: Duration) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    spawn("signals", move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 {
                end_by(signal);
            }
            // Queued before the drain, since a server without calls ends at once; the end of the program writes what is queued.
            let _ = Lines.write_all(DRAINING.as_bytes()); // it takes every line
            health.set(HealthState::Draining);
            let server = server.clone();
            let drain = move || {
                thread::sleep(notice);
                server.drain();
            };
            if let Err(error) = spawn("notice", drain) {
                say(format_args!("no thread for the notice: {error}; a second signal ends the server"));
            }
        }
    })
}

/// Ends the children, then the process, at the first SIGTERM or SIGINT.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn end_on_signal(children: Children) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    spawn("signals", move || {
        if let Some(signal) = signals.forever().next() {
            children.interrupt();
            end_by(signal);
        }
    })
}

/// Does `work` at the first SIGTERM or SIGINT, and ends the process at the second.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn on_signal(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    spawn("signals", move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            work();
        }
        if let Some(signal) = signals.next() {
            end_by(signal);
        }
    })
}

/// For a child: ignores SIGINT. A terminal sends it to all processes of a command at once; the parent gets it too, and
/// ends its children in its own order, without a message from each of them.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn leave_interrupts_to_parent() -> io::Result<()> {
    flag::register(SIGINT, Arc::new(AtomicBool::new(false))).map(|_| ()) // the flag is not read
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn wait_for_signal() -> io::Result<()> {
    Signals::new([SIGTERM, SIGINT])?.forever().next();
    Ok(())
}

/// The exit status that shells give to a process that a signal has ended.
fn end_by(signal: i32) -> ! {
    std::process::exit(128 + signal)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(|_| ())
}
