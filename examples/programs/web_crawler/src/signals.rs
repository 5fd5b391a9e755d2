//! ^C: a crawl that is stopped prints its pages.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::progress::Watch;

/// Stops the crawl at the first SIGINT or SIGTERM, and ends the process at the second.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn stop_on_signal(watch: Arc<Watch>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listen = move || {
        for (count, signal) in signals.forever().enumerate() {
            let status = 128 + signal; // as in shells
            if count > 0 {
                std::process::exit(status);
            }
            watch.interrupt(status as u8);
            watch.say("stopping: what is being fetched is recorded; a second signal ends it now");
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen).map(|_| ())
}

/// A terminal sends ^C to all its processes. A worker ignores it, and the coordinator lets the worker report its page.
///
/// # Errors
/// Returns an error if the operating system refuses to report signals.
pub fn leave_interrupts_to_the_coordinator() -> io::Result<()> {
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false))).map(|_| ())
}
