//! The whole system of a scenario: all that was met of its machines and frames, and how a step leads from state to state.

use rpc_core::ids::CallId;
use rpc_core::wire::frame::Kind;
use rustc_hash::FxHashMap;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

use super::bounds::{Bounds, CLIENTS, LATENESS, REPLAY};
use super::client::{Client, ClientStep, Verdict};
use super::frames::{EMPTY, Frames, Sets};
use super::log::{Event, Log};
use super::machine::States;
use super::rules::{self, Planted};
use super::server::{Server, ServerStep};
use super::state::{Drain, Link, State, client_of_call, client_of_link};
use super::steps::{Step, View};

/// More than the lease.
const LEASE: Duration = Duration::from_secs(61);
/// More than the time that a server that shuts down waits for acknowledgements.
const LINGER: Duration = Duration::from_millis(2500);

/// States in which more frames wait to be written on one connection are not looked at: a WELCOME, a reply, and one
/// more of either. Without a bound there is no end: a HELLO may arrive any number of times, and each gets a WELCOME.
const WAITING_FRAMES: usize = 3;

/// The system of a scenario.
#[derive(Debug)]
pub struct System {
    /// Its bounds.
    pub bounds: Bounds,
    /// The frames that were met.
    pub frames: Frames,
    /// The sets of frames that were met.
    pub sets: Sets,
    /// The states of the server that were met.
    pub servers: States<Server>,
    /// The states of clients that were met.
    pub clients: States<Client>,
    /// A rule that a test breaks.
    pub planted: Planted,
    first: State,
    call_ids: FxHashMap<CallId, u32>,
    begun: Sets,
}

impl System {
    /// Returns the system, and nothing has happened yet.
    pub fn new(bounds: Bounds) -> Self {
        let (servers, server) = States::new(Server::new(&bounds));
        let (clients, client) = States::new(Client::new(&bounds));
        System {
            bounds,
            frames: Frames::default(),
            sets: Sets::default(),
            servers,
            clients,
            planted: Planted::Nothing,
            first: State::new(server, client),
            call_ids: FxHashMap::default(),
            begun: Sets::default(),
        }
    }

    /// Returns the first state.
    pub fn first(&self) -> State {
        self.first
    }

    /// Writes the steps that are possible in a state.
    pub fn steps(&self, state: &State, out: &mut Vec<Step>) {
        out.clear();
        let mut running = [0; 2 * CLIENTS * super::bounds::CALLS];
        let jobs = self.servers.get(state.server).jobs();
        for (place, job) in running.iter_mut().zip(jobs) {
            *place = job.tag;
        }
        View {
            bounds: &self.bounds,
            state,
            server: self.servers.facts(state.server),
            running: &running[..jobs.len().min(running.len())],
            clients: state.clients.map(|client| self.clients.facts(client)),
            sets: &self.sets,
        }
        .steps(out);
    }

    /// Returns true if a state is outside the bounds and is not looked at.
    pub fn is_outside(&self, state: &State) -> bool {
        let most = self.bounds.highest_seq;
        if self.servers.facts(state.server).waiting_frames > WAITING_FRAMES {
            return true;
        }
        most > 0 && state.clients.iter().any(|client| self.clients.facts(*client).highest_seq > most)
    }

    /// Does a step.
    ///
    /// # Errors
    /// The rule that is broken then.
    pub fn apply(&mut self, state: &mut State, step: Step, log: &mut impl Log) -> Result<(), String> {
        match step {
            Step::Start(tag) => {
                state.calls[usize::from(tag)].started = true;
                self.client(state, client_of_call(tag), ClientStep::Start(tag), log)?;
            }
            Step::Abandon(tag) | Step::Forget(tag) => {
                state.calls[usize::from(tag)].abandoned = true;
                let forgets = matches!(step, Step::Forget(_));
                let step = if forgets { ClientStep::Forget(tag) } else { ClientStep::Abandon(tag) };
                self.client(state, client_of_call(tag), step, log)?;
            }
            Step::Connect(client, link) => {
                self.client(state, usize::from(client), ClientStep::Connect(link), log)?;
            }
            Step::Transmit(client) => self.client(state, client.into(), ClientStep::Transmit, log)?,
            Step::Flush(client) => self.client(state, client.into(), ClientStep::Flush, log)?,
            Step::Timer(client) => self.client(state, client.into(), ClientStep::Timer, log)?,
            Step::ToClient(link, frame) => {
                self.client(state, client_of_link(link), ClientStep::Receive(frame), log)?;
            }
            Step::ClientLoses(link) => {
                self.client_side_ends(state, link);
                self.client(state, client_of_link(link), ClientStep::Lose, log)?;
            }
            Step::Close(client) => {
                state.spent.closed |= 1 << client;
                self.client(state, client.into(), ClientStep::Close, log)?;
            }
            Step::Restart(client) => self.restart(state, client.into(), log)?,
            Step::ClientWaits(client, millis) => {
                let pause = Duration::from_millis(millis.into());
                self.client(state, client.into(), ClientStep::Pass(pause), log)?;
            }
            _ => self.apply_at_server(state, step, log)?,
        }
        rules::verdicts_are_true(state, self.bounds.repeats())
    }

    fn apply_at_server(&mut self, state: &mut State, step: Step, log: &mut impl Log) -> Result<(), String> {
        match step {
            Step::ToServer(link, frame) => self.server(state, ServerStep::Receive(link, frame), log),
            Step::ServerLoses(link) => {
                self.server_side_ends(state, link);
                self.server(state, ServerStep::Lose(link), log)
            }
            Step::Begin => self.server(state, ServerStep::Begin, log),
            Step::Refuse => self.server(state, ServerStep::Refuse, log),
            Step::Finish(job, tag, ending) => {
                let runs = state.calls.get(usize::from(tag)).map_or(0, |call| call.runs);
                self.server(state, ServerStep::Finish(job, ending, runs), log)
            }
            Step::Write(link) => self.server(state, ServerStep::Write(link), log),
            Step::Late => {
                state.spent.lateness += 1;
                self.server(state, ServerStep::Pass(LATENESS), log)
            }
            Step::Replay => self.replay(state, log),
            Step::Lease => {
                state.spent.leases += 1;
                self.server(state, ServerStep::Pass(LEASE), log)
            }
            Step::Crash => {
                state.spent.crashes += 1;
                self.server_starts_again(state, log)
            }
            Step::Drain => {
                state.spent.drain = Drain::UnderWay;
                self.server(state, ServerStep::Drain, log)
            }
            Step::Linger => {
                state.spent.lingers += 1;
                self.server(state, ServerStep::Pass(LINGER), log)
            }
            Step::End => self.server_starts_again(state, log),
            Step::ServerWaits(seconds) => {
                self.server(state, ServerStep::Pass(Duration::from_secs(seconds.into())), log)
            }
            _ => Ok(()), // a client's step
        }
    }

    /// Plays the first connection again. Its HELLO arrives first, and the other frames in any order, or never.
    fn replay(&mut self, state: &mut State, log: &mut impl Log) -> Result<(), String> {
        state.spent.replays += 1;
        let hello = self.sets.elements(state.recorded).iter().copied();
        let hello = hello.into_iter().find(|frame| self.frames.get(*frame).kind == Some(Kind::Hello));
        let Some(hello) = hello else { return Ok(()) };
        state.links[usize::from(REPLAY)] = Link { at_client: false, up: state.recorded, ..Link::NEW };
        log.note(Event::Made(REPLAY));
        self.server(state, ServerStep::Connect(REPLAY), log)?;
        self.server(state, ServerStep::Receive(REPLAY, hello), log)
    }

    /// Does a step of a client, and carries what it does into the state.
    pub(super) fn client(
        &mut self,
        state: &mut State,
        client: usize,
        step: ClientStep,
        log: &mut impl Log,
    ) -> Result<(), String> {
        let before = state.clients[client];
        let link = match step {
            ClientStep::Connect(link) => Some(link),
            _ => self.clients.facts(before).link,
        };
        let done = self.clients.step(before, step, &mut self.frames, &self.bounds);
        let (next, effects) = done.map_err(String::clone)?;
        state.clients[client] = next;
        if effects.connected {
            if let Some(link) = link {
                state.links[usize::from(link)] = Link::NEW;
                log.note(Event::Made(link));
            }
        }
        for (frame, link) in effects.sent.iter().zip(std::iter::repeat(link)) {
            let Some(link) = link else { return Err("a frame was written without a connection".to_owned()) };
            log.note(Event::Sent { link, up: true, frame: *frame });
            if link == 0 && self.bounds.replays > 0 {
                let hash = self.frames.get(*frame).hash;
                state.recorded = self.sets.with(state.recorded, *frame, hash);
            }
            let way = &mut state.links[usize::from(link)];
            if way.at_server {
                way.up = self.sets.with(way.up, *frame, self.frames.get(*frame).hash);
            }
        }
        for (tag, verdict, late) in &effects.told {
            log.note(Event::Told { tag: *tag, verdict: *verdict });
            rules::told(state, *tag, *verdict, *late)?;
        }
        let (connected, closed) = (effects.connected, effects.closed);
        if let Some(link) = link {
            if closed {
                log.note(Event::ClosedByClient(link));
                self.client_side_ends(state, link);
            }
            if connected {
                self.server(state, ServerStep::Connect(link), log)?;
            }
        }
        Ok(())
    }

    /// Does a step of the server, and carries what it does into the state.
    pub(super) fn server(
        &mut self,
        state: &mut State,
        step: ServerStep,
        log: &mut impl Log,
    ) -> Result<(), String> {
        let done = self.servers.step(state.server, step, &mut self.frames, &self.bounds);
        let (next, effects) = done.map_err(String::clone)?;
        state.server = next;
        if let Some((call, tag)) = effects.began {
            log.note(Event::Began(tag));
            let repeats = self.bounds.repeats();
            let new = self.call_ids.len() as u32; // a scenario has some dozens of calls
            let id = *self.call_ids.entry(call).or_insert(new);
            let is_new = self.begun.elements(state.begun).binary_search(&id).is_err();
            if repeats {
                let name = call.session.0 ^ u128::from(call.slot) << 64 ^ u128::from(call.seq);
                state.begun = self.begun.with(state.begun, id, name);
            }
            rules::begins(state, tag, is_new, repeats)?;
            self.planted.at_begin(state, tag)?;
        }
        if let Some(tag) = effects.ended {
            log.note(Event::Ended(tag));
        }
        for (link, frame) in &effects.sent {
            log.note(Event::Sent { link: *link, up: false, frame: *frame });
            rules::sent_by_server(*link, self.frames.get(*frame))?;
            let way = &mut state.links[usize::from(*link)];
            if way.at_client {
                way.down = self.sets.with(way.down, *frame, self.frames.get(*frame).hash);
            }
        }
        for link in &effects.closed {
            log.note(Event::ClosedByServer(*link));
            let way = &mut state.links[usize::from(*link)];
            (way.at_server, way.up) = (false, EMPTY);
        }
        Ok(())
    }

    fn restart(&mut self, state: &mut State, client: usize, log: &mut impl Log) -> Result<(), String> {
        state.spent.restarts += 1;
        for (tag, call) in (0..).zip(&mut state.calls) {
            if client_of_call(tag) == client && call.started {
                // A caller that got 'unknown' and still asks has gone as well.
                call.abandoned |= matches!(call.verdict, None | Some(Verdict::Late));
            }
        }
        if let Some(link) = self.clients.facts(state.clients[client]).link {
            self.client_side_ends(state, link);
        }
        self.client(state, client, ClientStep::StartAgain, log)
    }

    pub(super) fn server_starts_again(
        &mut self,
        state: &mut State,
        log: &mut impl Log,
    ) -> Result<(), String> {
        if state.spent.drain == Drain::UnderWay {
            state.spent.drain = Drain::Ended;
        }
        for link in 0..state.links.len() {
            self.server_side_ends(state, link as u8);
        }
        self.server(state, ServerStep::StartAgain, log)
    }

    fn client_side_ends(&self, state: &mut State, link: u8) {
        let way = &mut state.links[usize::from(link)];
        (way.at_client, way.down) = (false, EMPTY);
    }

    fn server_side_ends(&self, state: &mut State, link: u8) {
        let way = &mut state.links[usize::from(link)];
        (way.at_server, way.up) = (false, EMPTY);
    }

    /// Returns the name of a state: equal for equal states, whatever the order in which they were met.
    pub fn hash(&self, state: &State) -> u128 {
        let mut bytes = [0u8; 400];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&self.servers.hash(state.server).to_le_bytes());
        for client in &state.clients[..self.bounds.clients] {
            put(&self.clients.hash(*client).to_le_bytes());
        }
        for link in &state.links {
            if link.made {
                put(&[1, u8::from(link.at_client), u8::from(link.at_server)]);
                put(&self.sets.hash(link.up).to_le_bytes());
                put(&self.sets.hash(link.down).to_le_bytes());
            } else {
                put(&[0]);
            }
        }
        let told = |verdict: Option<Verdict>| verdict.map_or(0, |verdict| verdict as u8 + 1);
        for call in &state.calls {
            let flags = u8::from(call.started) | u8::from(call.abandoned) << 1;
            put(&[flags, call.runs, told(call.verdict), told(call.resolved)]);
        }
        put(&self.begun.hash(state.begun).to_le_bytes());
        let spent = &state.spent;
        put(&[spent.crashes, spent.leases, spent.lateness, spent.restarts, spent.lingers, spent.closed]);
        put(&[spent.drain as u8, spent.replays]);
        put(&self.sets.hash(state.recorded).to_le_bytes());
        xxh3_128(&bytes[..at])
    }
}
