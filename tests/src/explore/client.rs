//! A client as a machine of the search: the production [`ClientCore`], its clock, and the calls that wait for a verdict.

use std::time::Duration;

use rpc_core::ids::Time;
use rpc_core::proto::client::{ClientCore, Event};
use rpc_core::proto::{Canonical, Outcome, UnknownCause};
use xxhash_rust::xxh3::xxh3_128;

use super::bounds::{BEGIN, Bounds, DEADLINE, HORIZON};
use super::frames::{self, FrameId, Frames};
use super::machine::Machine;

/// A step that can be done to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientStep {
    /// A call is started.
    Start(u8),
    /// Its caller gives up.
    Abandon(u8),
    /// Its caller no longer wants to know what became of it.
    Forget(u8),
    /// A connection is made, and what goes first is written.
    Connect(u8),
    /// Waiting frames are written.
    Transmit,
    /// Written frames have left.
    Flush,
    /// A frame arrives.
    Receive(FrameId),
    /// The connection is lost.
    Lose,
    /// The next timer is due.
    Timer,
    /// Time passes.
    Pass(Duration),
    /// BYE.
    Close,
    /// The process ends and another one starts.
    StartAgain,
}

/// The verdict that a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It ran, and this is its reply.
    Done,
    /// It ran, and this is another call's reply, or not that of its first run.
    Wrong,
    /// It ran and panicked.
    Panicked,
    /// It did not run.
    NotExecuted,
    /// It ran; its reply is lost.
    ReplyLost,
    /// Unknown: its deadline has passed.
    Late,
    /// Unknown: the session is lost.
    SessionLost,
    /// Unknown: the client was closed.
    Closed,
    /// Unknown: the server broke the protocol.
    Broken,
}

/// The effects of a step on a client.
#[derive(Debug, Default, PartialEq)]
pub struct ClientEffects {
    /// Frames that it wrote, in order.
    pub sent: Vec<FrameId>,
    /// The verdicts that callers got; `true`: after their call was unknown.
    pub told: Vec<(u8, Verdict, bool)>,
    /// It made a connection.
    pub connected: bool,
    /// It closed its connection.
    pub closed: bool,
}

/// The facts that the search must know about a state.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientFacts {
    /// The connection that it has.
    pub link: Option<u8>,
    /// It wants to make a connection.
    pub wants_connect: bool,
    /// Something waits to be written.
    pub wants_transmit: bool,
    /// Written frames have not left.
    pub is_writing: bool,
    /// A timer is due within the time that a scenario looks ahead.
    pub has_timer: bool,
    /// Its session was ended for good.
    pub is_closed: bool,
    /// Slots whose callers have gone.
    pub orphaned: usize,
    /// Calls without a verdict.
    pub in_flight: usize,
    /// The highest number used in a slot.
    pub highest_seq: u64,
}

/// Timers that are further away are not waited for: nothing that a scenario looks at hangs on them.
const LOOK_AHEAD: Duration = Duration::from_secs(10);
/// Rounds after which a timer that is still due is due for ever.
const SETTLING: usize = 4;

/// A client process.
#[derive(Clone, Debug)]
pub struct Client {
    core: ClientCore,
    now: Time,
    /// The number of its life, if lives differ by their nonces; else 0.
    life: u8,
    link: Option<u8>,
    writing: bool,
    /// Calls without a verdict, and their deadlines.
    open: Vec<(u8, Time)>,
}

impl Client {
    /// Returns a client in its first state.
    pub fn new(bounds: &Bounds) -> Self {
        Client::of_life(bounds, 0)
    }

    fn of_life(bounds: &Bounds, life: u8) -> Self {
        Client { core: bounds.client(life), now: BEGIN, life, link: None, writing: false, open: Vec::new() }
    }

    fn act(
        &mut self,
        step: ClientStep,
        frames: &mut Frames,
        bounds: &Bounds,
        effects: &mut ClientEffects,
    ) -> Result<(), String> {
        match step {
            ClientStep::Start(tag) => self.start(tag, bounds, effects)?,
            ClientStep::Abandon(tag) => {
                self.core.abandon(u64::from(tag), self.now);
                self.open.retain(|(open, _)| *open != tag);
            }
            ClientStep::Forget(tag) => self.core.forget(u64::from(tag)),
            ClientStep::Connect(link) => {
                effects.connected = self.core.poll_connect(self.now);
                if effects.connected {
                    self.link = Some(link);
                    self.core.handle_connected(self.now);
                    self.transmit(frames, bounds, effects);
                }
            }
            ClientStep::Transmit => self.transmit(frames, bounds, effects),
            ClientStep::Flush => {
                self.writing = false;
                self.core.handle_flushed(self.now);
            }
            ClientStep::Receive(frame) => {
                self.core.handle_input(frames.get(frame).bytes.clone(), self.now);
            }
            ClientStep::Lose => self.lose("lost"),
            ClientStep::Timer => {
                let due = self.core.poll_timeout().unwrap_or(self.now);
                self.now = self.now.max(due);
                self.core.handle_timeout(self.now);
            }
            ClientStep::Pass(time) => {
                self.now = self.now.plus(time);
                self.core.handle_timeout(self.now);
            }
            ClientStep::Close => self.core.close(self.now),
            ClientStep::StartAgain => {
                let life = self.life + u8::from(bounds.nonces);
                *self = Client { now: self.now, ..Client::of_life(bounds, life) };
            }
        }
        Ok(())
    }

    fn start(&mut self, tag: u8, bounds: &Bounds, effects: &mut ClientEffects) -> Result<(), String> {
        let mut request = bounds.does.request(u64::from(tag), 0, 0, DEADLINE);
        request.retry = bounds.retry;
        self.open.push((tag, self.now.plus(DEADLINE)));
        match self.core.start(u64::from(tag), request, self.now) {
            Ok(()) => Ok(()),
            Err(outcome) => self.tell(u64::from(tag), &outcome, false, bounds, effects),
        }
    }

    fn transmit(&mut self, frames: &mut Frames, bounds: &Bounds, effects: &mut ClientEffects) {
        let mut bytes = Vec::new();
        self.core.poll_transmit(&mut bytes, self.now);
        effects.sent.extend(frames::cut(&bytes).map(|frame| frames.id_of(frame)));
        if bounds.late_flush && !bytes.is_empty() {
            self.writing = true;
        } else {
            self.core.handle_flushed(self.now);
        }
    }

    fn lose(&mut self, why: &str) {
        self.link = None;
        self.writing = false;
        self.core.handle_disconnected(why, self.now);
    }

    /// Does what follows without time passing: timers that are due, verdicts, and the end of a connection.
    fn settle(&mut self, bounds: &Bounds, effects: &mut ClientEffects) -> Result<(), String> {
        for _ in 0..SETTLING {
            if self.core.poll_timeout().is_some_and(|due| due <= self.now) {
                self.core.handle_timeout(self.now);
            }
            while let Some(event) = self.core.poll_event() {
                match event {
                    Event::Finished(tag, outcome) => self.tell(tag, &outcome, false, bounds, effects)?,
                    Event::Resolved(tag, outcome) => self.tell(tag, &outcome, true, bounds, effects)?,
                }
            }
            if self.core.wants_close() {
                effects.closed |= self.link.is_some();
                self.lose("closed");
            }
        }
        if self.core.poll_timeout().is_some_and(|due| due <= self.now) {
            return Err("V11: a timer of the client is due for ever".to_owned());
        }
        match self.open.iter().find(|(_, deadline)| *deadline <= self.now) {
            Some((tag, _)) => {
                Err(format!("V11: call {} has no verdict at its deadline", frames::call_name(*tag)))
            }
            None => Ok(()),
        }
    }

    fn tell(
        &mut self,
        tag: u64,
        outcome: &Outcome,
        late: bool,
        bounds: &Bounds,
        effects: &mut ClientEffects,
    ) -> Result<(), String> {
        let tag = u8::try_from(tag).map_err(|_| "a verdict on a call that was never started".to_owned())?;
        let verdict = match outcome {
            Outcome::Done(body) => match **body {
                [of, nth, ..] if of == tag && (nth == 1 || bounds.repeats()) => Verdict::Done,
                _ => Verdict::Wrong,
            },
            Outcome::Failed(_) | Outcome::GivenUp(_) => Verdict::Wrong, // no handler of a scenario does that
            Outcome::Panicked(_) => Verdict::Panicked,
            Outcome::NotExecuted(..) => Verdict::NotExecuted,
            Outcome::ReplyLost(_) => Verdict::ReplyLost,
            Outcome::Unknown(UnknownCause::Deadline) => Verdict::Late,
            Outcome::Unknown(UnknownCause::SessionLost) => Verdict::SessionLost,
            Outcome::Unknown(UnknownCause::Closed) => Verdict::Closed,
            Outcome::Unknown(_) => Verdict::Broken,
        };
        let open = self.open.len();
        self.open.retain(|(open, _)| *open != tag);
        if !late && self.open.len() == open {
            return Err(format!("V11: call {} has a verdict too many: {verdict:?}", frames::call_name(tag)));
        }
        effects.told.push((tag, verdict, late));
        Ok(())
    }
}

impl Machine for Client {
    type Step = ClientStep;
    type Effects = ClientEffects;
    type Facts = ClientFacts;

    fn step(
        &mut self,
        step: ClientStep,
        frames: &mut Frames,
        bounds: &Bounds,
    ) -> Result<ClientEffects, String> {
        let mut effects = ClientEffects::default();
        self.act(step, frames, bounds, &mut effects)?;
        self.settle(bounds, &mut effects)?;
        self.core.audit()?;
        if self.core.counters().broken_server > 0 {
            return Err("V14: a client calls an honest server broken".to_owned());
        }
        Ok(effects)
    }

    fn canonical_hash(&self) -> u128 {
        let mut form = Canonical::new(self.now, HORIZON);
        self.core.canonical(self.now, &mut form);
        form.number(self.link.map_or(u64::MAX, u64::from));
        form.flags(&[self.writing]);
        form.number(u64::from(self.life));
        for (tag, deadline) in &self.open {
            form.number(u64::from(*tag));
            form.due(*deadline);
        }
        xxh3_128(form.as_bytes())
    }

    fn facts(&self) -> ClientFacts {
        let due = self.core.poll_timeout();
        ClientFacts {
            link: self.link,
            wants_connect: self.link.is_none() && self.core.clone().poll_connect(self.now),
            wants_transmit: self.link.is_some() && !self.writing && self.core.wants_transmit(),
            is_writing: self.writing,
            has_timer: due.is_some_and(|due| due.since(self.now) <= LOOK_AHEAD),
            is_closed: self.core.is_closed(),
            orphaned: self.core.orphaned_slots(),
            in_flight: self.core.in_flight(),
            highest_seq: self.core.highest_seq(),
        }
    }
}
