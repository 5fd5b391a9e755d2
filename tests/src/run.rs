//! One run: a plan carried out in a world, with every rule looked at after every step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::ids::Time;
use rpc_core::proto::Outcome;
use rpc_core::proto::client::Event;
use rpc_sim::World;

use crate::auditor::{Auditor, TICK};
use crate::hostile::{Hostile, Stranger};
use crate::ledger::{Does, Work, fails_fast};
use crate::pace::Pace;
use crate::plan::{Act, Process, plan};
use crate::profile::Profile;
use crate::setup::{Setup, address};
use crate::tally::Tally;
use crate::truth::{Call, Surroundings, is_answer, name_of};

/// Steps after which a run is given up: 300 times as many as usual. Something does the same again and again.
const MOST_STEPS: u64 = 1_000_000;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// The cases that were hit.
    pub tally: Tally,
    /// The run's hash.
    pub hash: u64,
    /// The trace, if lines were asked for.
    pub lines: Vec<String>,
    /// The rule that was broken.
    pub broken: Option<String>,
}

/// The differences of a run from the usual.
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
    tally.add_server_seen(run.world.server_seen());
    tally.add_faults(run.world.faults_seen());
    for client in 0..run.setup.clients.len() {
        tally.add_client(run.world.client_counters(client));
        tally.add_client_seen(run.world.client_seen(client));
    }
    tally.add("retransmissions whose pause was looked at", run.pace.retransmissions);
    tally.add("slots above 64 used", u64::from(run.auditor.saw_wide));
    tally.add("handlers that saw a cancel", run.work.read(|ledger| ledger.saw_cancel));
    tally.add("calls that ran with changed arguments", run.work.read(|ledger| ledger.changed));
    tally.add(
        "calls that ran twice",
        run.work.read(|l| l.by_call.values().filter(|n| **n > 1).count() as u64),
    );
    Report { tally, hash: run.world.trace_hash(), lines: run.world.trace_lines().to_vec(), broken }
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) setup: Setup,
    pub(crate) filter_off: bool,
    random: fastrand::Rng,
    pub(crate) world: World,
    pub(crate) work: Work,
    /// The failed rounds of each client that were looked at.
    rounds: Vec<u64>,
    /// Clients that are closed now,
    pub(crate) closed: Vec<bool>,
    /// and those that ever were.
    ever_closed: Vec<bool>,
    pub(crate) calls: BTreeMap<u64, Call>,
    pub(crate) auditor: Auditor,
    pub(crate) hostile: Hostile,
    pub(crate) strangers: Vec<Stranger>,
    pub(crate) pace: Pace,
    pub(crate) tally: Tally,
    steps: u64,
    acts: Vec<(Time, Act)>,
    /// Until when each client stands still, by its own clock: its verdicts may be late until then.
    late_until: Vec<Time>,
    paused_until: Vec<Time>,
}

impl Run {
    fn new(seed: u64, profile: Profile, options: Options) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let work = Work::default();
        let mut setup = Setup::of(seed, profile, &mut random);
        setup.world.trace = options.trace;
        setup.world.at_most_once = !options.filter_off;
        let mut world = World::new(setup.world.clone(), vec![Arc::new(work.clone())]);
        let count = setup.clients.len();
        for client in 0..count {
            world.add_client_from(setup.config(client, &mut random), setup.clients[client].peer);
        }
        let acts = plan(&setup, &mut random);
        Run {
            filter_off: options.filter_off,
            auditor: Auditor::new(setup.world.limits.clone()),
            setup,
            random,
            world,
            work,
            rounds: vec![0; count],
            closed: vec![false; count],
            ever_closed: vec![false; count],
            late_until: vec![Time::default(); count],
            paused_until: vec![Time::default(); count],
            calls: BTreeMap::new(),
            hostile: Hostile::default(),
            strangers: Vec::new(),
            pace: Pace::default(),
            tally: Tally::default(),
            steps: 0,
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
    pub(crate) fn until(&mut self, at: Time) -> Result<(), String> {
        loop {
            while self.world.advance(at) {
                self.steps += 1;
                if self.steps > MOST_STEPS {
                    return Err(format!("V17: a run of more than {MOST_STEPS} steps"));
                }
                self.end_held();
                self.look()?;
            }
            self.look()?;
            if !self.end_held() {
                return Ok(());
            }
        }
    }

    /// Ends held calls whose time has come. Returns true if there was one: the world goes on with it.
    fn end_held(&mut self) -> bool {
        let ended = self.work.end_held(self.world.now());
        self.tally.add("times that held calls were ended", u64::from(ended));
        ended
    }

    fn look(&mut self) -> Result<(), String> {
        for client in 0..self.setup.clients.len() {
            while let Some((at, event)) = self.world.poll_event(client) {
                self.hear(at, event)?;
            }
            self.told_of_failed_rounds(client)?;
            self.world.client(client).map_or(Ok(()), |core| core.audit())?;
            self.world.retired(client).map_or(Ok(()), |core| core.audit())?;
            let broken = self.world.client_counters(client).broken_server;
            if broken > 0 && !self.setup.may_look_broken {
                return Err(format!("V14: client {client} took an honest server for broken"));
            }
        }
        for sent in self.world.take_sent() {
            let short_writes = self.setup.world.faults.short_write > 0.0;
            self.pace.look(&sent, &self.setup.clients[sent.client].limits, short_writes)?;
        }
        self.auditor.look(&self.world)?;
        if self.world.rejects() > 0 && !self.setup.may_look_broken {
            return Err("V14: an honest client got a protocol error".to_owned());
        }
        let (floods, slow) = (self.world.server_counters().floods, self.world.slow_rejects());
        let trouble = self.setup.trouble;
        if floods > 0 && trouble.hostile == 0 && self.setup.never_floods() {
            return Err(format!("V14: {floods} connections of honest clients were rejected for a flood"));
        }
        // A network or a process that stands still may do so in the middle of a frame, for longer than a frame may.
        if slow > 0 && trouble.hostile + trouble.partitions + trouble.pauses + trouble.clocks == 0 {
            return Err(format!("V14: {slow} connections of honest clients were rejected for a slow frame"));
        }
        if self.world.is_drained() {
            self.tally.add("drained servers that ended", 1);
            self.world.crash_server(); // its process ends: what it has written still arrives
            if self.random.bool() {
                self.world.restart_server();
            }
        }
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), String> {
        self.strangers.retain_mut(|stranger| !stranger.leaves(&mut self.world));
        match act {
            Act::Start { client, tag, does, size, pad, within } if !self.is_paused(client) => {
                self.start(client, tag, does, (size, pad), within)?;
            }
            Act::Abandon { client, tag } if !self.is_paused(client) => {
                if let Some(call) = self.calls.get_mut(&tag).filter(|call| call.verdict.is_none()) {
                    call.abandoned = true;
                    self.tally.add("calls abandoned", 1);
                    self.world.abandon(client, tag);
                }
            }
            Act::Forget { client, tag } if !self.is_paused(client) => {
                let open = |call: &&mut Call| call.verdict.as_ref().is_some_and(Outcome::may_be_resolved);
                if let Some(call) =
                    self.calls.get_mut(&tag).filter(|call| open(call) && call.resolved.is_none())
                {
                    call.forgotten = true;
                    self.tally.add("calls forgotten", 1);
                    self.world.forget(client, tag);
                }
            }
            Act::Close(client) if !self.is_paused(client) => {
                self.closed[client] = true;
                self.ever_closed[client] = true;
                self.world.close_client(client);
            }
            Act::Start { .. } | Act::Abandon { .. } | Act::Forget { .. } | Act::Close(_) => {
                self.tally.add("acts of clients that stood still", 1); // it does nothing now
            }
            Act::CrashClient(client) => {
                for call in self.calls.values_mut().filter(|call| call.client == client) {
                    call.abandoned |= call.verdict.is_none();
                    call.forgotten = true;
                }
                self.closed[client] = false; // its process begins anew
                let config = self.setup.config(client, &mut self.random);
                self.world.crash_client(client, config);
            }
            Act::CrashServer => self.world.crash_server(),
            Act::RestartServer => self.world.restart_server(),
            Act::Drain => {
                self.auditor.drain_begins(&self.world);
                self.world.drain_server();
            }
            Act::Partition(duration) => self.world.partition(duration),
            Act::CutAll => self.world.cut_all(),
            Act::Hostile => self.hostile.act(&mut self.world, &mut self.random)?,
            Act::Stranger(stays) => {
                let peer = address(self.random.usize(0..4));
                self.strangers.extend(Stranger::comes(&mut self.world, peer, stays));
            }
            Act::Replay(client, stays) => {
                let replayed = Stranger::replays(&mut self.world, client, stays);
                self.tally.add("connections that were played again", u64::from(replayed.is_some()));
                self.strangers.extend(replayed);
            }
            Act::Deaf(client, deaf, pause) => self.world.slow_client(client, deaf, pause),
            Act::Pause(process, duration, clock) => self.pause(process, duration, clock),
            Act::Jump(process, by) => self.jump(process, by),
            Act::Rate(Process::Server, rate) => self.world.set_server_rate(rate),
            Act::Rate(Process::Client(client), rate) => self.world.set_client_rate(client, rate),
        }
        self.look()
    }

    /// Starts a call.
    pub(crate) fn start(
        &mut self,
        client: usize,
        tag: u64,
        does: Does,
        (size, pad): (u32, usize),
        within: Duration,
    ) -> Result<(), String> {
        let now = self.world.client_time(client);
        self.tally.add("calls", 1);
        let call = Call {
            client,
            does,
            deadline: now.plus(within),
            within,
            abandoned: false,
            forgotten: false,
            must_be_answered: false,
            rounds: self.world.client_seen(client).failed_rounds,
            verdict: None,
            resolved: None,
        };
        self.calls.insert(tag, call);
        let request = does.request(tag, size, pad, within);
        match self.world.start(client, tag, request) {
            Ok(()) => Ok(()),
            Err(outcome) => self.hear(now, Event::Finished(tag, outcome)),
        }
    }

    /// No call that fails fast goes on after its client could not reach the server.
    fn told_of_failed_rounds(&mut self, client: usize) -> Result<(), String> {
        let rounds = self.world.client_seen(client).failed_rounds;
        // A client that stands still says nothing until it goes on.
        if self.is_paused(client) || std::mem::replace(&mut self.rounds[client], rounds) == rounds {
            return Ok(());
        }
        let goes_on = |tag: u64, call: &Call| {
            let is_open = call.client == client && call.verdict.is_none() && !call.abandoned;
            is_open && fails_fast(tag) && call.rounds < rounds
        };
        match self.calls.iter().find(|(tag, call)| goes_on(**tag, call)) {
            Some((tag, call)) => {
                Err(format!("V11: call {tag} was not told that the server is out of reach: {call:?}"))
            }
            None => Ok(()),
        }
    }

    fn is_paused(&self, client: usize) -> bool {
        self.paused_until[client] > self.world.now()
    }

    fn pause(&mut self, process: Process, duration: Duration, clock: bool) {
        self.tally.add("processes that stood still", 1);
        let Process::Client(client) = process else { return self.world.pause_server(duration, clock) };
        self.world.pause_client(client, duration, clock);
        let until = self.world.now().plus(duration);
        self.paused_until[client] = self.paused_until[client].max(until);
        self.disturb(client);
    }

    /// A client's process stands still, or its clock jumps: what is due until then may be late.
    fn disturb(&mut self, client: usize) {
        let still = self.paused_until[client].since(self.world.now());
        // Its clock runs four times as fast as the world's at the most.
        let late = self.world.client_time(client).plus(still * 4);
        self.late_until[client] = self.late_until[client].max(late);
        self.pace.disturb(client, late);
    }

    fn jump(&mut self, process: Process, by: Duration) {
        self.tally.add("clocks that jumped", 1);
        let Process::Client(client) = process else {
            self.world.jump_server(by);
            return self.auditor.clock_jumped(&self.world);
        };
        self.world.jump_client(client, by);
        self.disturb(client);
    }

    /// A verdict, or the late answer to a call that was unknown.
    fn hear(&mut self, at: Time, event: Event) -> Result<(), String> {
        let (tag, outcome, late) = match event {
            Event::Finished(tag, outcome) => (tag, outcome, false),
            Event::Resolved(tag, outcome) => (tag, outcome, true),
        };
        let Some(call) = self.calls.get_mut(&tag) else { return Err(format!("no call has the tag {tag}")) };
        if call.abandoned || (late && call.forgotten) {
            return Err(format!("call {tag} was given up, and still has a verdict: {outcome:?}"));
        }
        self.tally.add(&format!("verdict {}{}", if late { "late: " } else { "" }, name_of(&outcome)), 1);
        if late {
            let open = call.verdict.as_ref().is_some_and(Outcome::may_be_resolved);
            if !open || call.resolved.is_some() {
                return Err(format!("call {tag} is resolved out of turn: {call:?} {outcome:?}"));
            }
            call.resolved = Some(outcome);
        } else {
            if call.verdict.is_some() {
                return Err(format!("V11: call {tag} has two verdicts: {call:?} and {outcome:?}"));
            }
            if at > call.deadline.max(self.late_until[call.client]).plus(TICK) {
                return Err(format!("V11: call {tag} was due at {:?}, ended at {at:?}", call.deadline));
            }
            let rounds = self.world.client_seen(call.client).failed_rounds;
            call.is_early_for_a_reason(tag, at, rounds, &outcome)?;
            call.is_in_time_if_it_ran(tag, at, &outcome)?;
            if call.must_be_answered && !is_answer(&outcome) {
                return Err(format!("V16: call {tag} got no answer on a network that works: {outcome:?}"));
            }
            if self.world.client(call.client).is_some_and(|core| core.table("Work").is_some()) {
                self.tally.add("verdicts of clients with another contract, or by name", 1);
            }
            call.verdict = Some(outcome);
        }
        let call = &self.calls[&tag];
        let outcome = call.resolved.as_ref().or(call.verdict.as_ref());
        outcome.map_or(Ok(()), |outcome| self.judge(tag, call, outcome))
    }

    pub(crate) fn judge(&self, tag: u64, call: &Call, outcome: &Outcome) -> Result<(), String> {
        let closed = self.ever_closed[call.client];
        let around = Surroundings { setup: &self.setup, filter_off: self.filter_off, closed };
        self.work.read(|ledger| call.judge(tag, outcome, ledger, around))
    }
}
