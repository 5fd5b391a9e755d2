//! One voter: it thinks for a while, then says what it was told to say.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rpc_core::{CallContext, Server};
use rpc_examples::children::end_with_parent;
use rpc_examples::signals::drain_on_signal;
use rpc_examples::status::{Failure, Status};

use crate::ballot::{Seen, Voter, VoterServer};

/// How often a thinking voter looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Debug, Args)]
pub(crate) struct VoterOptions {
    #[arg(long, value_parser = crate::duration)]
    thinks: Duration,
    #[arg(long)]
    yes: bool,
}

/// Serves one voter until its parent ends.
pub(crate) fn run(options: &VoterOptions) -> Result<(), Failure> {
    let citizen = Citizen { thinks: options.thinks, yes: options.yes, ..Citizen::default() };
    let server = Server::builder()
        .service(VoterServer::new(citizen))
        .bind("127.0.0.1:0")
        .map_err(|error| Failure::new(Status::Server, error))?;
    drain_on_signal(server.handle())?;
    end_with_parent()?;
    writeln!(io::stdout(), "listening on {}", server.local_addr())?;
    server.run().map_err(|error| Failure::new(Status::Server, error))
}

#[derive(Debug, Default)]
struct Citizen {
    thinks: Duration,
    yes: bool,
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    thinking: u32,
    seen: Seen,
}

impl Citizen {
    /// The counts are whole at every step, so a panic elsewhere does not matter to them.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Voter for Citizen {
    fn vote(&self, cx: &CallContext, _question: &str) -> Option<bool> {
        let begun = Instant::now();
        let mut state = self.lock();
        state.seen.asked += 1;
        state.thinking += 1;
        drop(state);

        while begun.elapsed() < self.thinks && !cx.is_cancelled() {
            thread::sleep(LOOK.min(self.thinks));
        }

        let cancelled = begun.elapsed() < self.thinks;
        let mut state = self.lock();
        state.thinking -= 1;
        if cancelled {
            state.seen.cancelled += 1;
        } else {
            state.seen.voted += 1;
        }
        self.settled.notify_all();
        (!cancelled).then_some(self.yes)
    }

    fn seen(&self) -> Seen {
        let mut state = self.lock();
        while state.thinking > 0 {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.seen
    }
}
