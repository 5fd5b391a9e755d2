//! The server as a machine of the search: the production [`ServerCore`], its clock, its connections, and the calls that run.

use std::time::Duration;

use rpc_core::error::Reason;
use rpc_core::ids::{CallId, Seq, SessionId, Slot, Time};
use rpc_core::limits::ServerLimits;
use rpc_core::proto::Canonical;
use rpc_core::proto::server::{CallKey, ConnId, RecordState, ServerCore};
use rpc_core::wire::frame::Kind;
use rpc_core::wire::message::Status;
use xxhash_rust::xxh3::xxh3_128;

use super::bounds::{BEGIN, Bounds, CLIENTS, HORIZON, LINKS};
use super::frames::{self, FrameId, Frames};
use super::machine::Machine;
use crate::auditor::step_breaks;

/// Connections of all clients.
pub const ALL_LINKS: usize = CLIENTS * LINKS;

/// The end of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With a reply that is kept.
    Done,
    /// With a reply that is too long to be kept.
    Big,
    /// By a panic.
    Panic,
}

/// A step that can be done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerStep {
    /// A connection is accepted.
    Connect(u8),
    /// A frame arrives.
    Receive(u8, FrameId),
    /// A connection is lost.
    Lose(u8),
    /// The next call begins.
    Begin,
    /// The next call is taken, and its stub refuses it.
    Refuse,
    /// A running call ends; the last number says how often its caller's call has run.
    Finish(u8, Ending, u8),
    /// The first frame that waits on a connection is written.
    Write(u8),
    /// Time passes.
    Pass(Duration),
    /// GOAWAY.
    Drain,
    /// The process ends and another one starts.
    StartAgain,
}

/// The effects of a step on the server.
#[derive(Debug, Default, PartialEq)]
pub struct ServerEffects {
    /// Frames that it wrote, in order.
    pub sent: Vec<(u8, FrameId)>,
    /// Connections that it closed.
    pub closed: Vec<u8>,
    /// The call that began: its name, and whose it is.
    pub began: Option<(CallId, u8)>,
    /// The call that ended, or was refused by its stub.
    pub ended: Option<u8>,
}

/// The facts that the search must know about a state.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerFacts {
    /// A call waits to run.
    pub has_calls: bool,
    /// Calls that run.
    pub running: u8,
    /// One bit for each connection with unwritten bytes.
    pub unwritten: u8,
    /// Most frames that wait to be written on one connection.
    pub waiting_frames: usize,
    /// It was told to shut down, and may end now.
    pub drained: bool,
    /// Calls queued or running.
    pub under_way: usize,
    /// Bytes of kept replies.
    pub kept: usize,
    /// Sessions.
    pub sessions: usize,
}

/// A call that runs.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    key: CallKey,
    call: CallId,
    /// Whose it is.
    pub tag: u8,
}

/// The state of one record.
type Seen = ((SessionId, Slot), (Seq, RecordState));

/// A server process.
#[derive(Clone, Debug)]
pub struct Server {
    core: ServerCore,
    now: Time,
    life: u8,
    links: [Option<ConnId>; ALL_LINKS],
    jobs: Vec<Job>,
    /// The records as they were after the last step.
    records: Vec<Seen>,
    /// The time at which it was told to shut down.
    drain_began: Option<Time>,
    /// It may end, as it said after the last step.
    drained: bool,
}

impl Server {
    /// Returns a server in its first state.
    pub fn new(bounds: &Bounds) -> Self {
        let links = [None; ALL_LINKS];
        Server {
            core: bounds.server(1),
            now: BEGIN,
            life: 1,
            links,
            jobs: Vec::new(),
            records: Vec::new(),
            drain_began: None,
            drained: false,
        }
    }

    /// Returns the calls that run, in the order of their names.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    fn act(&mut self, step: ServerStep, frames: &Frames, bounds: &Bounds) -> Result<ServerEffects, String> {
        let mut effects = ServerEffects::default();
        match step {
            ServerStep::Connect(link) => {
                self.links[usize::from(link)] = Some(self.core.handle_connected(None, self.now));
            }
            ServerStep::Receive(link, frame) => self.receive(link, frame, frames)?,
            ServerStep::Lose(link) => {
                if let Some(conn) = self.links[usize::from(link)].take() {
                    self.core.handle_closed(conn, self.now);
                    self.core.remove(conn, self.now);
                }
            }
            ServerStep::Begin | ServerStep::Refuse => self.begin(step == ServerStep::Begin, &mut effects),
            ServerStep::Finish(job, ending, nth) => {
                let job = self.jobs.remove(usize::from(job));
                effects.ended = Some(job.tag);
                let status = if ending == Ending::Panic { Status::Panicked } else { Status::Done };
                self.core.finish(job.key, status, &reply(job.tag, nth, ending), self.now);
            }
            ServerStep::Write(_) => {}
            ServerStep::Pass(time) => {
                let end = self.now.plus(time);
                while let Some(due) = self.core.poll_timeout().filter(|due| *due <= end) {
                    self.now = self.now.max(due);
                    self.core.handle_timeout(self.now);
                }
                self.now = end;
            }
            ServerStep::Drain => {
                self.drain_began = Some(self.now);
                self.core.start_drain(self.now);
            }
            ServerStep::StartAgain => {
                let life = self.life + 1; // a scenario has a handful of lives
                *self = Server { core: bounds.server(life), life, now: self.now, ..Server::new(bounds) };
            }
        }
        Ok(effects)
    }

    /// Hands a frame in. Once CANCEL of a running call was handed in, its context must say so.
    fn receive(&mut self, link: u8, frame: FrameId, frames: &Frames) -> Result<(), String> {
        let Some(conn) = self.links[usize::from(link)] else { return Ok(()) };
        let frame = frames.get(frame);
        let attached = self.core.wants_read(conn);
        let runs = |server: &Self| {
            let same = |job: &&Job| job.call.slot == frame.slot && job.call.seq == frame.seq;
            let call = server.jobs.iter().find(same).map(|job| job.call)?;
            server.core.is_cancelled(call).map(|cancelled| (call, cancelled))
        };
        self.core.handle_input(conn, frame.bytes.clone(), self.now);
        let told = runs(self).is_none_or(|(_, cancelled)| cancelled);
        let is_its = self.jobs.len() == 1 && attached && self.core.counters().sessions == 1;
        if frame.kind == Some(Kind::Cancel) && is_its && self.core.wants_read(conn) && !told {
            return Err("CANCEL of a running call did not reach its context".to_owned());
        }
        Ok(())
    }

    fn begin(&mut self, enters: bool, effects: &mut ServerEffects) {
        let Some(ready) = self.core.poll_call(self.now) else { return };
        let tag = ready.body.first().copied().unwrap_or(u8::MAX);
        if !enters {
            self.core.finish(ready.key, Status::Refused(Reason::BadArguments), b"", self.now);
            effects.ended = Some(tag);
            return;
        }
        effects.began = Some((ready.call, tag));
        self.jobs.push(Job { key: ready.key, call: ready.call, tag });
        self.jobs.sort_unstable_by_key(|job| (job.tag, job.call));
    }

    /// Writes what waits, unless writes are late, and closes what is to be closed.
    fn settle(
        &mut self,
        step: ServerStep,
        frames: &mut Frames,
        effects: &mut ServerEffects,
        bounds: &Bounds,
    ) {
        if let ServerStep::Write(link) = step {
            self.write(link, false, frames, effects);
        }
        while let Some(conn) = self.core.poll_ready() {
            let Some(link) = self.links.iter().position(|open| *open == Some(conn)) else { continue };
            if !bounds.late_writes {
                self.write(link as u8, true, frames, effects);
            }
        }
        for link in 0..ALL_LINKS {
            let Some(conn) = self.links[link] else { continue };
            if self.core.wants_close(conn) {
                self.core.remove(conn, self.now);
                self.links[link] = None;
                effects.closed.push(link as u8);
            }
        }
    }

    fn write(&mut self, link: u8, all: bool, frames: &mut Frames, effects: &mut ServerEffects) {
        let Some(conn) = self.links[usize::from(link)] else { return };
        let unsent = self.core.outgoing(conn).map(|outgoing| outgoing.unsent().to_vec()).unwrap_or_default();
        let count = if all { unsent.len() } else { frames::first_frame(&unsent).unwrap_or(unsent.len()) };
        for frame in frames::cut(&unsent[..count]) {
            effects.sent.push((link, frames.id_of(frame)));
        }
        self.core.handle_written(conn, count, self.now);
    }

    /// Looks at every record: numbers never fall, final stays final, nothing begins twice (V1, V2, V3, V5, V10, V12).
    fn audit(&mut self) -> Result<(), String> {
        let (mut records, mut broken) = (Vec::with_capacity(self.records.len()), None);
        self.core.audit(|call, state| {
            let place = (call.session, call.slot);
            let known = self.records.iter().find(|(known, _)| *known == place);
            let from = known.map_or((0, RecordState::Empty), |(_, record)| *record);
            if let Some(rule) = step_breaks(from, (call.seq, state)) {
                broken = Some(format!("{rule}: the record of {call} was {from:?} and is {state:?}"));
            }
            records.push((place, (call.seq, state)));
        })?;
        self.records = records;
        let ends_now =
            self.core.is_drained() && !std::mem::replace(&mut self.drained, self.core.is_drained());
        let limits = ServerLimits::default();
        let early = ends_now && self.drain_began.is_some_and(|began| self.now < began.plus(limits.grace));
        let hinders = |((session, _), (_, state)): &Seen| match state {
            RecordState::Queued | RecordState::Running => true,
            // Its client may come back for it, for a time of its own.
            RecordState::Ran | RecordState::Refused => {
                let since = self.core.detached_since(*session);
                since.is_some_and(|_| {
                    since
                        .max(self.drain_began)
                        .is_some_and(|since| self.now.since(since) < limits.drain_detached)
                })
            }
            RecordState::Empty | RecordState::Acknowledged => false,
        };
        if early && self.records.iter().any(hinders) {
            let text = "V16: the server ends in its grace time, and a call is open or its reply may still be fetched";
            broken = Some(text.to_owned());
        }
        broken.map_or(Ok(()), Err)
    }
}

/// Returns the reply of a call that has run for the `nth` time: no two are equal.
fn reply(tag: u8, nth: u8, ending: Ending) -> Vec<u8> {
    let mut reply = vec![tag, nth];
    reply.resize(if ending == Ending::Big { 400 } else { 12 }, 0);
    reply
}

impl Machine for Server {
    type Step = ServerStep;
    type Effects = ServerEffects;
    type Facts = ServerFacts;

    fn step(
        &mut self,
        step: ServerStep,
        frames: &mut Frames,
        bounds: &Bounds,
    ) -> Result<ServerEffects, String> {
        if bounds.does.method().context {
            self.core.unshare_flags();
        }
        let mut effects = self.act(step, frames, bounds)?;
        self.settle(step, frames, &mut effects, bounds);
        self.audit()?;
        let rejected = |(_, frame): &&(u8, FrameId)| frames.get(*frame).kind == Some(Kind::Reject);
        match effects.sent.iter().find(rejected) {
            Some((_, frame)) => {
                let bytes = &frames.get(*frame).bytes;
                let why = String::from_utf8_lossy(&bytes[rpc_core::limits::HEADER..]).into_owned();
                Err(format!("V14: an honest client is told of a protocol error: {why}"))
            }
            None => Ok(effects),
        }
    }

    fn canonical_hash(&self) -> u128 {
        let mut form = Canonical::new(self.now, HORIZON);
        let open: Vec<ConnId> = self.links.iter().copied().flatten().collect();
        self.core.canonical(&open, &mut form);
        form.flags(&self.links.map(|link| link.is_some()));
        form.number(u64::from(self.life));
        for job in &self.jobs {
            form.name(job.call.session.0);
            form.number(u64::from(job.call.slot));
            form.number(job.call.seq);
            form.number(u64::from(job.tag));
        }
        xxh3_128(form.as_bytes())
    }

    fn facts(&self) -> ServerFacts {
        let counters = self.core.counters();
        let mut looked = self.core.clone(); // `outgoing` asks for a machine that may be changed
        let (mut unwritten, mut waiting_frames) = (0, 0);
        for (link, conn) in self.links.iter().enumerate() {
            let Some(outgoing) = conn.and_then(|conn| looked.outgoing(conn)) else { continue };
            let waiting = frames::cut(outgoing.unsent()).count();
            unwritten |= u8::from(waiting > 0) << link;
            waiting_frames = waiting_frames.max(waiting);
        }
        ServerFacts {
            has_calls: self.core.has_calls(),
            running: self.jobs.len() as u8, // a scenario has a handful of calls
            unwritten,
            waiting_frames,
            drained: self.core.is_drained(),
            under_way: counters.queued + counters.running,
            kept: counters.kept_bytes,
            sessions: counters.sessions,
        }
    }
}
