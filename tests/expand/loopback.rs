//! A channel that passes each call to a server stub on the caller's own stack: stubs without a network.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use rpc_core::call::{Caller, Channel, ClientCounters, Request, Ticket};
use rpc_core::ids::{CallId, Clock, Time};
use rpc_core::limits::DEFAULT_DEADLINE;
use rpc_core::proto::Outcome;
use rpc_core::service::{CallEnv, Dispatch};
use rpc_core::stub::{Client, Service};

/// The longest body, the default of the options.
const MAX_FRAME: usize = 4 << 20;

/// Returns a client whose calls `service` answers.
pub fn client_of<C: Client>(service: impl Service) -> C {
    let channel = Loopback { service: Box::new(service), clock: Arc::new(Stopped), done: Mutex::default() };
    C::from_caller(Caller::new(Arc::new(channel), DEFAULT_DEADLINE, MAX_FRAME))
}

struct Loopback {
    service: Box<dyn Service>,
    clock: Arc<dyn Clock>,
    done: Mutex<HashMap<u64, Outcome>>,
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loopback")
    }
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Time {
        Time(0)
    }
}

impl Loopback {
    fn answer(&self, request: &Request) -> Outcome {
        let methods = self.service.contract().methods;
        let index =
            methods.iter().position(|method| method.id == request.method.id).expect("the same contract");
        let call = CallId { session: rpc_core::ids::SessionId(0), slot: 0, seq: 1 };
        let deadline = self.clock.now().plus(request.within);
        let (clock, bounds) = (&self.clock, MAX_FRAME.into());
        let env = CallEnv {
            call,
            method: request.method,
            peer: None,
            deadline,
            clock,
            cancelled: None,
            bounds,
            held: None,
            metadata: None,
        };
        let (mut reply, entered) = (Vec::new(), Cell::new(false));
        let dispatch = Dispatch::new(index, &request.body, &mut reply, &entered, &env);
        match self.service.dispatch(dispatch) {
            Ok(dispatched) if format!("{dispatched:?}").contains("Failed") => Outcome::Failed(reply.into()),
            Ok(_) => Outcome::Done(reply.into()),
            Err(refused) => Outcome::NotExecuted(refused.reason, refused.detail),
        }
    }
}

impl Channel for Loopback {
    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        let outcome = self.answer(&request);
        let mut done = self.done.lock().expect("no panic");
        let ticket = done.len() as u64;
        done.insert(ticket, outcome);
        Ok(Ticket(ticket))
    }

    fn wait(&self, ticket: Ticket, _limit: Option<Duration>) -> Option<Outcome> {
        self.done.lock().expect("no panic").get(&ticket.0).cloned()
    }

    fn poll(&self, ticket: Ticket, _waker: &Waker) -> Option<Outcome> {
        self.wait(ticket, None)
    }

    fn abandon(&self, _ticket: Ticket) {}

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        self.wait(ticket, Some(limit))
    }

    fn forget(&self, _ticket: Ticket) {}

    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        (self.answer(&request), None)
    }

    fn peer(&self) -> Arc<str> {
        Arc::from("this process")
    }

    fn counters(&self) -> ClientCounters {
        ClientCounters::default()
    }

    fn close(&self) {}
}
