//! The steps of the whole system: which are possible in a state, and in which order a search takes them.

use super::bounds::{Bounds, CALLS, LINKS};
use super::client::{ClientFacts, Verdict};
use super::frames::{EMPTY, FrameId, Sets};
use super::server::{Ending, ServerFacts};
use super::state::{Drain, State};

/// A step of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A caller starts a call.
    Start(u8),
    /// A caller gives up.
    Abandon(u8),
    /// A caller no longer wants to know what became of its call.
    Forget(u8),
    /// A client makes its next connection.
    Connect(u8, u8),
    /// A client writes what waits.
    Transmit(u8),
    /// The frames that a client wrote have left.
    Flush(u8),
    /// A frame arrives at the server.
    ToServer(u8, FrameId),
    /// A frame arrives at a client.
    ToClient(u8, FrameId),
    /// A client loses its connection; the server does not see it.
    ClientLoses(u8),
    /// The server loses a connection; the client does not see it.
    ServerLoses(u8),
    /// The next call begins.
    Begin,
    /// The stub of the next call refuses it.
    Refuse,
    /// A running call ends.
    Finish(u8, u8, Ending),
    /// The server writes one frame.
    Write(u8),
    /// A client's next timer is due.
    Timer(u8),
    /// The server is late.
    Late,
    /// The lease passes.
    Lease,
    /// The network plays the first client's first connection again.
    Replay,
    /// The server's process dies and another one starts.
    Crash,
    /// A client's process dies and another one starts.
    Restart(u8),
    /// A client ends its session.
    Close(u8),
    /// The server is told to shut down.
    Drain,
    /// A server that shuts down waits for a while.
    Linger,
    /// A server that has shut down ends, and another one starts.
    End,
    /// From here on nothing is lost, and all arrives in order. (The search does not take this step, nor the next two.)
    Calm,
    /// Time passes for a client: so many milliseconds.
    ClientWaits(u8, u16),
    /// Time passes for the server: so many seconds.
    ServerWaits(u8),
}

/// The facts that the possible steps of a state depend on.
#[derive(Debug)]
pub struct View<'a> {
    /// The bounds of the scenario.
    pub bounds: &'a Bounds,
    /// The state.
    pub state: &'a State,
    /// Its server.
    pub server: ServerFacts,
    /// The calls that run there, in order.
    pub running: &'a [u8],
    /// Its clients.
    pub clients: [ClientFacts; super::bounds::CLIENTS],
    /// The frames that connections may deliver.
    pub sets: &'a Sets,
}

impl View<'_> {
    /// Writes all steps that are possible.
    pub fn steps(&self, out: &mut Vec<Step>) {
        for client in 0..self.bounds.clients {
            self.client_steps(client, out);
        }
        for link in 0..self.state.links.len() {
            self.link_steps(link as u8, out);
        }
        self.server_steps(out);
    }

    fn client_steps(&self, client: usize, out: &mut Vec<Step>) {
        let (bounds, state, facts, number) = (self.bounds, self.state, &self.clients[client], client as u8);
        let calls = client * CALLS..client * CALLS + bounds.calls;
        let next = calls.clone().find(|tag| !state.calls[*tag].started);
        out.extend(next.filter(|_| !facts.is_closed).map(|tag| Step::Start(tag as u8)));
        let links = client * LINKS..client * LINKS + bounds.links;
        let link = links.clone().find(|link| !state.links[*link].made);
        let link = link.filter(|_| facts.wants_connect);
        out.extend(link.map(|link| Step::Connect(number, link as u8)));
        if facts.is_writing {
            out.push(Step::Flush(number));
        }
        if facts.wants_transmit {
            out.push(Step::Transmit(number));
        }
        if bounds.deadlines && facts.has_timer {
            out.push(Step::Timer(number));
        }
        let started = calls.clone().any(|tag| state.calls[tag].started);
        for tag in calls {
            let call = &state.calls[tag];
            if bounds.abandon && call.started && call.verdict.is_none() && !call.abandoned {
                out.push(Step::Abandon(tag as u8));
            }
            let asks = call.verdict == Some(Verdict::Late) && call.resolved.is_none() && !call.abandoned;
            if bounds.forget && asks {
                out.push(Step::Forget(tag as u8));
            }
        }
        if bounds.close && started && state.spent.closed & 1 << client == 0 {
            out.push(Step::Close(number));
        }
        if started && state.spent.restarts < bounds.restarts {
            out.push(Step::Restart(number));
        }
    }

    fn link_steps(&self, number: u8, out: &mut Vec<Step>) {
        let link = &self.state.links[usize::from(number)];
        if link.at_server {
            out.extend(self.sets.elements(link.up).iter().map(|frame| Step::ToServer(number, *frame)));
            if self.server.unwritten & 1 << number != 0 {
                out.push(Step::Write(number));
            }
            if self.bounds.loss {
                out.push(Step::ServerLoses(number));
            }
        }
        if link.at_client {
            out.extend(self.sets.elements(link.down).iter().map(|frame| Step::ToClient(number, *frame)));
            if self.bounds.loss {
                out.push(Step::ClientLoses(number));
            }
        }
    }

    fn server_steps(&self, out: &mut Vec<Step>) {
        let (bounds, spent) = (self.bounds, &self.state.spent);
        if self.server.has_calls {
            out.push(Step::Begin);
            if bounds.refuse {
                out.push(Step::Refuse);
            }
        }
        for (job, tag) in (0..).zip(self.running) {
            out.push(Step::Finish(job, *tag, Ending::Done));
            if bounds.big {
                out.push(Step::Finish(job, *tag, Ending::Big));
            }
            if bounds.panic {
                out.push(Step::Finish(job, *tag, Ending::Panic));
            }
        }
        let draining = spent.drain == Drain::UnderWay;
        let rare = [
            (spent.lateness < bounds.lateness, Step::Late),
            (spent.leases < bounds.leases, Step::Lease),
            (spent.replays < bounds.replays && self.state.recorded != EMPTY, Step::Replay),
            (spent.crashes < bounds.crashes, Step::Crash),
            (bounds.drain && spent.drain == Drain::Not, Step::Drain),
            (draining && !self.server.drained && spent.lingers == 0, Step::Linger),
            (draining && self.server.drained, Step::End),
        ];
        out.extend(rare.into_iter().filter_map(|(possible, step)| possible.then_some(step)));
    }
}
