//! One voter: it thinks for a while and then gives its answer, in a process or on threads of the collector's process.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rpc_core::ServerLimits;
use rpc_core::{CallContext, RunningServer, Server};
use rpc_examples::children::end_with_parent;
use rpc_examples::signals::leave_interrupts_to_parent;
use rpc_examples::status::{Failure, Status};

use crate::ballot::{Seen, Voter, VoterServer, elsewhere};

/// Time between two checks of a thinking voter whether it was cancelled.
const LOOK: Duration = Duration::from_millis(2);
/// Time that a drained voter waits for a collector whose BYE was lost on the way.
const GRACE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Args)]
pub(crate) struct VoterOptions {
    #[arg(long, value_parser = crate::arguments::duration)]
    pub(crate) thinks: Duration,
    #[arg(long)]
    pub(crate) yes: bool,
    /// Serves another trait of the same name
    #[arg(long)]
    pub(crate) stranger: bool,
}

impl VoterOptions {
    /// As the command line of a process.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["voter".to_owned(), format!("--thinks={}ms", self.thinks.as_millis())];
        arguments.extend(self.yes.then(|| "--yes".to_owned()));
        arguments.extend(self.stranger.then(|| "--stranger".to_owned()));
        arguments
    }

    fn bind(&self) -> Result<Server, Failure> {
        let citizen = Citizen { thinks: self.thinks, yes: self.yes, ..Citizen::default() };
        let builder = match self.stranger {
            false => Server::builder().service(VoterServer::new(citizen)),
            true => Server::builder().service(elsewhere::VoterServer::new(citizen)),
        };
        let limits = ServerLimits { grace: GRACE, ..ServerLimits::default() };
        builder.limits(limits).bind("127.0.0.1:0").map_err(|error| Failure::new(Status::Server, error))
    }

    /// The voter on threads of this process, until the value is dropped.
    pub(crate) fn spawn(&self) -> Result<RunningServer, Failure> {
        self.bind()?.spawn().map_err(|error| Failure::new(Status::Server, error))
    }
}

/// Serves one voter until its parent ends.
pub(crate) fn run(options: &VoterOptions) -> Result<(), Failure> {
    let server = options.bind()?;
    leave_interrupts_to_parent()?;
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

impl elsewhere::Voter for Citizen {
    fn vote(&self, _question: &str, _round: u32) -> bool {
        self.yes
    }

    fn seen(&self) -> Seen {
        self.lock().seen
    }
}
