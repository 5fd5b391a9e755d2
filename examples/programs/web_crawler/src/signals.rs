//! ^C: a crawl that is stopped prints what it has.

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
/// When the operating system does not let us listen for signals.
pub fn stop_on_signal(watch: Arc<Watch>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listen = move || {
        for (count, signal) in signals.forever().enumerate() {
            let status = 128 + signal; // as shells say it
            if count > 0 {
                std::process::exit(status);
            }
            watch.interrupt(status as u8);
            watch.say("stopping: what is being fetched is recorded; a second signal ends it now");
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen).map(|_| ())
}

/// ^C goes to all processes of a terminal. A worker leaves it to its coordinator, which lets it report its page.
///
/// # Errors
/// When the operating system does not let us listen for signals.
pub fn leave_interrupts_to_the_coordinator() -> io::Result<()> {
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false))).map(|_| ())
}
