//! Three ways to make one call: send it once, send it until a reply comes, or send it until a reply comes to a server
//! that recognises duplicates.

use std::time::Duration;

use rpc_core::ClientLimits;
use rpc_core::{CallError, Client, rpc};
use rpc_sim::Network;

use crate::Mode;

/// Time that a caller waits for a reply.
const PATIENCE: Duration = Duration::from_secs(4);
/// Number of attempts after which at-least-once gives up: far more than any of these networks needs.
const MOST_ROUNDS: u32 = 1000;

/// A store of texts. A text that is appended twice leaves another value than one that is appended once.
#[rpc]
pub(crate) trait Kv {
    /// Appends to the value of a key.
    fn append(&self, key: &str, value: &str);
}

/// The result for the program that made the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It ran.
    Done,
    /// It did not run and never will.
    NotDone,
    /// It may have run or not.
    Unknown,
}

/// Makes appends over a network, in one of the modes.
pub(crate) struct Appender<'a> {
    mode: Mode,
    network: &'a Network,
    kept: Option<KvClient>,
    /// Retransmissions, by this client or by clients that are closed.
    repeated: u64,
    /// After this many more steps of the simulated world the server's process dies and starts again.
    dies_in: Option<u32>,
}

impl<'a> Appender<'a> {
    pub(crate) fn new(mode: Mode, network: &'a Network) -> Self {
        Appender { mode, network, kept: None, repeated: 0, dies_in: None }
    }

    /// Lets the server die during the next call, this many steps of the world after its start.
    pub(crate) fn server_dies_in(&mut self, steps: u32) {
        self.dies_in = Some(steps);
    }

    pub(crate) fn append(&mut self, key: &str, value: &str) -> Told {
        match self.mode {
            Mode::NoRetry => self.once(key, value),
            Mode::AtLeastOnce => self.until_answered(key, value),
            Mode::AtMostOnce | Mode::ExactlyOnce => self.as_the_framework_does(key, value),
        }
    }

    /// Returns the number of retransmissions, once no more calls are made.
    pub(crate) fn copies(&self) -> u64 {
        self.repeated + self.kept.as_ref().map_or(0, |kv| kv.call.counters().resent)
    }

    /// Go's `net/rpc`: send once, wait. A connection that breaks ends its call with an error, and so does the timeout
    /// that a Go program sets itself. The next call makes a new connection.
    fn once(&mut self, key: &str, value: &str) -> Told {
        match self.call(key, value) {
            Ok(()) => Told::Done,
            Err(error) if error.ran() == Some(false) => Told::NotDone,
            Err(_) => Told::Unknown, // Go gives the same error whether it ran or not
        }
    }

    /// At least once: the framework's client sends the call again, the server (its filter is off) runs each duplicate, and
    /// a caller that gets the error 'unknown' calls again.
    fn until_answered(&mut self, key: &str, value: &str) -> Told {
        for _ in 0..MOST_ROUNDS {
            match self.call(key, value) {
                Ok(()) => return Told::Done,
                Err(_) => self.repeated += 1,
            }
        }
        Told::Unknown
    }

    /// At most once, as a careful program uses it: 'not executed' may be called again; for 'unknown' it asks the server
    /// what became of the call, and uses the answer.
    fn as_the_framework_does(&mut self, key: &str, value: &str) -> Told {
        for _ in 0..MOST_ROUNDS {
            match self.call(key, value) {
                Ok(()) => return Told::Done,
                Err(CallError::NotExecuted(_)) => {}
                Err(CallError::Unknown(unknown)) => match unknown.ran(PATIENCE * 15) {
                    Some(true) => return Told::Done,
                    Some(false) => {}
                    None => return Told::Unknown,
                },
                Err(_) => return Told::Done, // it ran: only the reply is missing
            }
        }
        Told::NotDone
    }

    /// Makes one call. Each poll of it lets one thing happen in the simulated world.
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

    /// Returns the client, with its one connection. The framework replaces a broken connection by itself.
    fn client(&mut self) -> &KvClient {
        let (mode, network) = (self.mode, self.network);
        self.kept.get_or_insert_with(|| {
            let mut limits = ClientLimits::default();
            if mode == Mode::NoRetry {
                limits.resend_first = PATIENCE * 2; // later than the deadline, so the call is never sent again
            }
            KvClient::from_caller(network.caller(&[KvClient::CONTRACT], limits)).call.with_deadline(PATIENCE)
        })
    }

    /// Closes the client when its connection breaks, as without retries. The framework would connect and send the call
    /// again; so the client is closed at its second connection, before it has greeted the server and could send anything.
    fn close_if_broken(&mut self) {
        if let Some(kv) = self.kept.take_if(|kv| kv.call.counters().connections > 1) {
            self.repeated += kv.call.counters().resent;
            kv.call.close();
        }
    }
}
