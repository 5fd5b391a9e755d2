//! One run: a plan carried out in a world, with every invariant looked at after every step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::Reason;
use rpc_core::ids::Time;
use rpc_core::proto::client::{ClientConfig, Event};
use rpc_core::proto::{Doubt, Outcome};
use rpc_core::sim::{Faults, World};

use crate::auditor::Auditor;
use crate::hostile::Hostile;
use crate::ledger::{Does, Work, other, served};
use crate::plan::{Act, plan};
use crate::profile::Profile;
use crate::tally::Tally;

/// A timer may be late by one tick of the driver.
const TICK: Duration = Duration::from_millis(1);

/// How long a healed network is given until every slot is free again.
const PEACE: Duration = Duration::from_secs(240);

/// What is known about a call.
#[derive(Debug)]
struct Call {
    client: usize,
    does: Does,
    deadline: Time,
    within: Duration,
    abandoned: bool,
    verdict: Option<Outcome>,
    resolved: Option<Outcome>,
}

/// What a run gave.
#[derive(Debug)]
pub struct Report {
    /// What was hit.
    pub tally: Tally,
    /// The run's hash.
    pub hash: u64,
    /// What happened, if lines were asked for.
    pub lines: Vec<String>,
    /// The invariant that was broken.
    pub broken: Option<String>,
}

/// How a run differs from the usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep lines for a reader.
    pub trace: bool,
    /// Switch the duplicate filter off.
    pub filter_off: bool,
}

/// Carries out the run of a seed.
pub fn run(seed: u64, profile: Profile, options: Options) -> Report {
    let mut run = Run::new(seed, profile, options);
    let broken = run.carry_out().err();
    let mut tally = std::mem::take(&mut run.tally);
    tally.add_server(run.world.server_counters());
    tally.add_faults(run.world.faults_seen());
    for client in &run.clients {
        tally.add_client(run.world.client_counters(*client));
    }
    tally.add("handlers that saw a cancel", run.work.read(|ledger| ledger.saw_cancel));
    tally.add(
        "calls that ran twice",
        run.work.read(|l| l.by_call.values().filter(|n| **n > 1).count() as u64),
    );
    Report { tally, hash: run.world.trace_hash(), lines: run.world.trace_lines().to_vec(), broken }
}

struct Run {
    profile: Profile,
    filter_off: bool,
    random: fastrand::Rng,
    world: World,
    work: Work,
    clients: Vec<usize>,
    closed: Vec<bool>,
    calls: BTreeMap<u64, Call>,
    auditor: Auditor,
    hostile: Hostile,
    tally: Tally,
    acts: Vec<(Time, Act)>,
    /// By when a drain that began must have ended.
    drained_by: Option<Time>,
}

impl Run {
    fn new(seed: u64, profile: Profile, options: Options) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let work = Work::default();
        let mut config = profile.world(seed);
        config.trace = options.trace;
        config.at_most_once = !options.filter_off;
        let mut world = World::new(config, vec![Arc::new(work.clone())]);
        let count = random.usize(1..=4);
        let clients: Vec<_> =
            (0..count).map(|index| world.add_client(client_config(profile, index, &mut random))).collect();
        let acts = plan(profile, count, &mut random);
        Run {
            profile,
            filter_off: options.filter_off,
            random,
            world,
            work,
            closed: vec![false; count],
            clients,
            drained_by: None,
            calls: BTreeMap::new(),
            auditor: Auditor::default(),
            hostile: Hostile::default(),
            tally: Tally::default(),
            acts,
        }
    }

    fn carry_out(&mut self) -> Result<(), String> {
        for (at, act) in std::mem::take(&mut self.acts) {
            self.until(at)?;
            self.act(act)?;
        }
        self.until(self.world.now().plus(Duration::from_secs(5)))?;
        self.heal()?;
        self.at_the_end()
    }

    /// Moves the world, looking at everything after every step.
    fn until(&mut self, at: Time) -> Result<(), String> {
        while self.world.advance(at) {
            self.look()?;
        }
        self.look()
    }

    fn look(&mut self) -> Result<(), String> {
        for client in 0..self.clients.len() {
            while let Some((at, event)) = self.world.poll_event(self.clients[client]) {
                self.hear(at, event)?;
            }
        }
        for client in &self.clients {
            self.world.client(*client).map_or(Ok(()), |core| core.audit())?;
        }
        if let Some(server) = self.world.server() {
            self.auditor.look(server)?;
        }
        let late = self.drained_by.is_some_and(|by| by < self.world.now());
        if late && self.world.server().is_some_and(|server| !server.is_drained()) {
            return Err("a drain goes on for longer than its grace time".to_owned());
        }
        if self.world.rejects() > 0 && !self.profile.may_look_broken() {
            return Err("V14: an honest client got a protocol error".to_owned());
        }
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), String> {
        match act {
            Act::Start { client, tag, does, size, pad, within } => {
                let deadline = self.world.now().plus(within);
                self.tally.add("calls", 1);
                let call =
                    Call { client, does, deadline, within, abandoned: false, verdict: None, resolved: None };
                self.calls.insert(tag, call);
                let request = does.request(tag, size, pad, within);
                if let Err(outcome) = self.world.start(self.clients[client], tag, request) {
                    self.hear(self.world.now(), Event::Finished(tag, outcome))?;
                }
            }
            Act::Abandon { client, tag } => {
                if let Some(call) = self.calls.get_mut(&tag).filter(|call| call.verdict.is_none()) {
                    call.abandoned = true;
                    self.tally.add("calls abandoned", 1);
                    self.world.abandon(self.clients[client], tag);
                }
            }
            Act::Close(client) => {
                self.closed[client] = true;
                self.world.close_client(self.clients[client]);
            }
            Act::CrashClient(client) => {
                for call in self.calls.values_mut().filter(|call| call.client == client) {
                    call.abandoned |= call.verdict.is_none();
                }
                let config = client_config(self.profile, client, &mut self.random);
                self.world.crash_client(self.clients[client], config);
            }
            Act::CrashServer => {
                self.drained_by = None;
                self.world.crash_server();
            }
            Act::RestartServer => {
                self.drained_by = None;
                self.world.restart_server();
            }
            Act::Drain => {
                let grace = Duration::from_millis(10_100); // the profiles' grace time, and a look
                self.drained_by = self.drained_by.or(Some(self.world.now().plus(grace)));
                self.world.drain_server();
            }
            Act::Partition(duration) => self.world.partition(duration),
            Act::CutAll => self.world.cut_all(),
            Act::Hostile => self.hostile.act(&mut self.world, &mut self.random)?,
        }
        self.look()
    }

    /// A verdict, or the late answer to a call that was unknown.
    fn hear(&mut self, at: Time, event: Event) -> Result<(), String> {
        let (tag, outcome, late) = match event {
            Event::Finished(tag, outcome) => (tag, outcome, false),
            Event::Resolved(tag, outcome) => (tag, outcome, true),
        };
        let Some(call) = self.calls.get_mut(&tag) else { return Err(format!("nobody started {tag}")) };
        if call.abandoned {
            return Err(format!("call {tag} was given up, and still has a verdict: {outcome:?}"));
        }
        self.tally.add(&format!("verdict {}{}", if late { "late: " } else { "" }, name_of(&outcome)), 1);
        if late {
            if call.verdict != Some(Outcome::Unknown(Doubt::Deadline)) || call.resolved.is_some() {
                return Err(format!("call {tag} is resolved out of turn: {call:?} {outcome:?}"));
            }
            call.resolved = Some(outcome.clone());
        } else {
            if call.verdict.is_some() {
                return Err(format!("V11: call {tag} has two verdicts: {call:?} and {outcome:?}"));
            }
            if at > call.deadline.plus(TICK) {
                return Err(format!("V11: call {tag} was due at {:?}, ended at {at:?}", call.deadline));
            }
            call.verdict = Some(outcome.clone());
        }
        self.is_true(tag, &outcome)
    }

    /// Whether a verdict agrees with what really ran.
    fn is_true(&self, tag: u64, outcome: &Outcome) -> Result<(), String> {
        let call = &self.calls[&tag];
        let runs = self.work.read(|ledger| ledger.runs(tag));
        let once = if call.does == Does::Idempotent || self.filter_off { runs >= 1 } else { runs == 1 };
        let fits = match outcome {
            Outcome::Done(bytes) | Outcome::Failed(bytes) => {
                let failed = matches!(outcome, Outcome::Failed(_));
                let known = self.work.read(|ledger| {
                    let executions = ledger.by_tag.get(&tag).map(Vec::as_slice).unwrap_or_default();
                    let any = call.does == Does::Idempotent || self.filter_off;
                    let mut first = executions.iter().take(if any { usize::MAX } else { 1 });
                    first.any(|execution| execution.reply == bytes[..])
                });
                once && known && failed == (call.does == Does::Fail)
            }
            Outcome::Panicked(_) => once && call.does == Does::Panic,
            Outcome::ReplyLost(_) => once,
            Outcome::NotExecuted(..) => runs == 0,
            Outcome::Unknown(Doubt::Deadline) => true,
            Outcome::Unknown(Doubt::SessionLost) => self.profile.loses_sessions(),
            Outcome::Unknown(Doubt::Closed) => self.closed[call.client],
            Outcome::Unknown(Doubt::BrokenServer) => self.profile.may_look_broken(),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let rule = if matches!(outcome, Outcome::NotExecuted(..)) { "V7" } else { "V6" };
        Err(format!("{rule}: call {tag} ({:?}) ran {runs} times, its caller heard {outcome:?}", call.does))
    }

    /// The network is whole again and a server stands: from here on nothing is in anybody's way.
    fn heal(&mut self) -> Result<(), String> {
        self.world.set_faults(Faults::none());
        let drains = self.world.server().is_none_or(|server| server.is_drained());
        if drains || matches!(self.profile, Profile::Drain | Profile::All) {
            self.drained_by = None;
            self.world.restart_server();
        }
        let until = self.world.now().plus(PEACE);
        self.until(until)
    }

    fn at_the_end(&mut self) -> Result<(), String> {
        for (tag, call) in &self.calls {
            if call.verdict.is_none() && !call.abandoned {
                return Err(format!("V11: call {tag} never got a verdict: {call:?}"));
            }
            for outcome in call.verdict.iter().chain(&call.resolved) {
                self.is_true(*tag, outcome).map_err(|error| format!("later: {error}"))?;
            }
            let (runs, most) = (self.work.read(|l| l.runs(*tag)), most_runs(call.within));
            if call.does == Does::Idempotent && runs > most && !self.filter_off {
                return Err(format!(
                    "V17: call {tag} ran {runs} times within {:?}, at most {most} may",
                    call.within
                ));
            }
            if self.work.read(|l| l.runs(*tag)) > 1 && call.does != Does::Idempotent && !self.filter_off {
                return Err(format!("V1: call {tag} ran twice"));
            }
        }
        if let Some((call, runs)) =
            self.work.read(|l| l.by_call.iter().find(|(_, n)| **n > 1).map(|(c, n)| (*c, *n)))
        {
            if !self.filter_off {
                return Err(format!("V1: {call} ran {runs} times"));
            }
        }
        for (index, client) in self.clients.iter().enumerate() {
            let Some(core) = self.world.client(*client) else { continue };
            if core.dirty_slots() > 0 || core.in_flight() > 0 {
                return Err(format!(
                    "V15: client {index} has {} dirty slots and {} calls under way long after the faults",
                    core.dirty_slots(),
                    core.in_flight()
                ));
            }
        }
        let counters = self.world.server_counters();
        if counters.queued + counters.running > 0 {
            return Err(format!("V12: {} queued, {} running at the end", counters.queued, counters.running));
        }
        Ok(())
    }
}

/// Runs of one call that its client may cause: the first, and one after each pause that fits into its deadline.
fn most_runs(within: Duration) -> usize {
    let limits = rpc_core::limits::ClientLimits::default();
    let (mut runs, mut pause, mut passed) = (1, limits.backoff_first, Duration::ZERO);
    while passed + pause < within {
        passed += pause;
        pause = (pause * 2).min(limits.backoff_cap);
        runs += 1;
    }
    runs
}

fn client_config(profile: Profile, index: usize, random: &mut fastrand::Rng) -> ClientConfig {
    ClientConfig {
        limits: profile.client(random),
        contracts: vec![if index == 0 { other() } else { served() }],
        features: u32::from(random.u8(0..5) == 0 && !profile.may_look_broken()),
        seed: random.u64(..),
    }
}

fn name_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(_) => "done".to_owned(),
        Outcome::Failed(_) => "failed".to_owned(),
        Outcome::Panicked(_) => "panicked".to_owned(),
        Outcome::ReplyLost(_) => "reply lost".to_owned(),
        Outcome::NotExecuted(reason, _) => format!("not executed: {}", name_of_reason(*reason)),
        Outcome::Unknown(doubt) => format!("unknown: {doubt:?}"),
    }
}

fn name_of_reason(reason: Reason) -> String {
    format!("{reason:?}")
}
