//! Three ways to make one call: send it once, send it until it is answered, or send it until it is answered to a server
//! that knows copies.

use std::time::Duration;

use rpc_core::call::Resolution;
use rpc_core::limits::ClientLimits;
use rpc_core::sim::Network;
use rpc_core::{CallError, Client, rpc};

use crate::Mode;

/// How long a caller waits for an answer before it is told that there is none.
const PATIENCE: Duration = Duration::from_secs(4);
/// After this many rounds at-least-once gives up: far more than any of these networks needs, but an end.
const MOST_ROUNDS: u32 = 1000;

/// A store to which things are added. Added twice is another value than added once.
#[rpc]
pub(crate) trait Kv {
    /// Adds to the end of a key's value.
    fn append(&self, key: &str, value: &str);
}

/// What the program that called believes afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is done.
    Done,
    /// It was not done and never will be.
    NotDone,
    /// Nobody knows.
    Unknown,
}

/// Makes appends over a network, in one of the modes.
pub(crate) struct Appender<'a> {
    mode: Mode,
    network: &'a Network,
    kept: Option<KvClient>,
    /// Copies of calls that were sent, by this program or by clients that are gone.
    repeated: u64,
    /// After so many more steps of the simulated world the server's process dies and starts anew.
    dies_in: Option<u32>,
}

impl<'a> Appender<'a> {
    pub(crate) fn new(mode: Mode, network: &'a Network) -> Self {
        Appender { mode, network, kept: None, repeated: 0, dies_in: None }
    }

    /// Lets the server die while the next call is under way, so many steps of the world after it was started.
    pub(crate) fn server_dies_in(&mut self, steps: u32) {
        self.dies_in = Some(steps);
    }

    pub(crate) fn append(&mut self, key: &str, value: &str) -> Told {
        match self.mode {
            Mode::NoRetry => self.once(key, value),
            Mode::AtLeastOnce => self.until_answered(key, value),
            Mode::AtMostOnce => self.as_the_framework_does(key, value),
        }
    }

    /// How many copies were sent, now that no more calls are made.
    pub(crate) fn copies(&self) -> u64 {
        self.repeated + self.kept.as_ref().map_or(0, |kv| kv.call.stats().resent)
    }

    /// Go's `net/rpc`: send once, wait. A connection that breaks ends its call with an error, and so does the time-out
    /// that a Go program sets for itself; the next call dials anew.
    fn once(&mut self, key: &str, value: &str) -> Told {
        match self.call(key, value) {
            Ok(()) => Told::Done,
            Err(error) if error.ran() == Some(false) => Told::NotDone,
            Err(_) => Told::Unknown, // Go gives the same error whether it ran or not
        }
    }

    /// At least once: the framework's client sends copies, the server (its filter is off) runs each, and a caller that
    /// is told that nobody knows begins again.
    fn until_answered(&mut self, key: &str, value: &str) -> Told {
        for _ in 0..MOST_ROUNDS {
            match self.call(key, value) {
                Ok(()) => return Told::Done,
                Err(_) => self.repeated += 1,
            }
        }
        Told::Unknown
    }

    /// At most once, as a careful program uses it: 'not executed' may be called again; for 'unknown' it asks what
    /// became of the call, and believes the answer.
    fn as_the_framework_does(&mut self, key: &str, value: &str) -> Told {
        for _ in 0..MOST_ROUNDS {
            match self.call(key, value) {
                Ok(()) => return Told::Done,
                Err(CallError::NotExecuted(_)) => {}
                Err(CallError::Unknown(unknown)) => match unknown.resolve(PATIENCE * 15) {
                    Resolution::Executed(_) => return Told::Done,
                    Resolution::NotExecuted(_) => {}
                    _ => return Told::Unknown,
                },
                Err(_) => return Told::Done, // it ran: what is missing is only the reply
            }
        }
        Told::NotDone
    }

    /// One call. Each look at it lets one thing happen in the simulated world.
    fn call(&mut self, key: &str, value: &str) -> Result<(), CallError> {
        let mut call = self.client().start.append(key, value);
        loop {
            if let Some(ended) = call.poll_now() {
                return ended;
            }
            self.dies_in = match self.dies_in {
                Some(0) => {
                    self.network.restart_server();
                    None
                }
                steps => steps.map(|steps| steps - 1),
            };
            if self.mode == Mode::NoRetry {
                self.close_if_broken();
            }
        }
    }

    /// The client, with its one connection. The framework makes a broken one again by itself.
    fn client(&mut self) -> &KvClient {
        let (mode, network) = (self.mode, self.network);
        self.kept.get_or_insert_with(|| {
            let mut limits = ClientLimits::default();
            if mode == Mode::NoRetry {
                limits.resend_first = PATIENCE * 2; // later than the deadline: no copy is ever sent
            }
            KvClient::from_caller(network.caller(&[KvClient::CONTRACT], limits)).call.within(PATIENCE)
        })
    }

    /// Without retries a connection that breaks is the end of its client. Ours would connect again and send a copy; so
    /// it is closed when a second connection stands, before it has greeted the server and could send anything.
    fn close_if_broken(&mut self) {
        if let Some(kv) = self.kept.take_if(|kv| kv.call.stats().connections > 1) {
            self.repeated += kv.call.stats().resent;
            kv.call.close();
        }
    }
}
