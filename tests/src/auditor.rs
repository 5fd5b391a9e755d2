//! Watches every record and session of the server after every step: numbers never fall, final stays final, nothing runs
//! twice (V1 to V5); a session and a source keep within their share (V19); leases and drains last as long as they must
//! and no longer (V20).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rpc_core::ids::{Seq, SessionId, Slot, Time};
use rpc_core::limits::ServerLimits;
use rpc_core::proto::server::{RecordState, ServerCore, SessionState};
use rpc_sim::World;

/// A timer may be late by one tick of the driver.
pub const TICK: Duration = Duration::from_millis(1);

/// Two looks of a draining server, and a tick: what it waits for may have come just after the first.
const DRAIN_LOOKS: Duration = Duration::from_millis(41);

/// The state of the server when the auditor last looked.
#[derive(Debug)]
pub struct Auditor {
    limits: ServerLimits,
    life: u64,
    records: HashMap<(SessionId, Slot), (Seq, RecordState)>,
    sessions: HashMap<SessionId, Known>,
    loops: Vec<Quiet>,
    /// Connections that each loop has cut because their client did not read.
    stalled: HashMap<usize, u64>,
    /// The time at which the drain under way began.
    draining: Option<Time>,
    /// Every session that ever stood.
    ever: HashSet<SessionId>,
    /// The time at which the server's clock jumped last, or its process went on.
    jumped: Time,
    was_paused: bool,
    /// A slot beyond the first 64 had a call.
    pub saw_wide: bool,
}

/// The facts about a session.
#[derive(Clone, Copy, Debug)]
struct Known {
    state: SessionState,
    /// Since when no connection is attached,
    detached: Option<Time>,
    /// and since when no call is queued or running.
    idle: Time,
    /// Since when bytes wait to be written and none is.
    stuck: Option<Time>,
}

/// The conditions that a loop that drains waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Quiet {
    /// Since when nothing is queued or running, and every attached session is acknowledged, or has all its replies written,
    written: Option<Time>,
    /// and since when nothing else waits to be written either, and no detached client is waited for.
    quiet: Option<Time>,
    /// Since when nothing is queued or running, every attached session is acknowledged, and no detached client is waited for.
    acknowledged: Option<Time>,
    /// Replies sent and sessions resumed so far.
    replies: u64,
    done: bool,
}

impl Auditor {
    /// An auditor of a server with these bounds.
    pub fn new(limits: ServerLimits) -> Self {
        Auditor {
            limits,
            life: 0,
            records: HashMap::new(),
            sessions: HashMap::new(),
            loops: Vec::new(),
            stalled: HashMap::new(),
            draining: None,
            ever: HashSet::new(),
            jumped: Time::default(),
            was_paused: false,
            saw_wide: false,
        }
    }

    /// Notes that the server begins to drain.
    pub fn drain_begins(&mut self, world: &World) {
        self.draining = self.draining.or(world.server().map(|_| world.server_time()));
    }

    /// Notes that the server's clock has jumped: what waits may have waited for longer than it should.
    pub fn clock_jumped(&mut self, world: &World) {
        self.jumped = world.server_time();
    }

    /// Looks again.
    ///
    /// # Errors
    /// The rule that was broken since.
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        if self.life != world.server_life() || world.server().is_none() {
            self.life = world.server_life();
            self.draining = None;
            self.loops.clear();
            self.stalled.clear();
            self.sessions.clear();
        }
        if world.server_is_paused() {
            self.was_paused = true;
            return Ok(()); // its timers wait with it
        }
        let now = world.server_time();
        if std::mem::take(&mut self.was_paused) {
            self.jumped = now;
        }
        let mut sources = HashMap::new();
        let mut present = HashSet::new();
        for (number, server) in world.servers().enumerate() {
            self.look_at_records(server)?;
            let settled = server.poll_timeout().is_none_or(|due| due > now); // no timer of this moment is still to come
            self.look_at_sessions(number, server, now, settled, &mut sources, &mut present)?;
            self.look_at_drain(number, server, now, settled)?;
        }
        let loops = self.loops.len().max(1);
        let of_loop = |most: usize| (most / loops).max(1);
        let quarter = of_loop(self.limits.sessions).div_ceil(4);
        let share = self.limits.sessions_per_source.map_or(quarter, of_loop) * loops;
        if let Some((source, count)) = sources.iter().find(|(_, count)| **count > share) {
            return Err(format!("V19: {count} sessions from {source:?}, at most {share}"));
        }
        self.ever.extend(&present);
        self.look_at_ends(now, &present)
    }

    /// Returns true if a session of this name ever stood (V4).
    pub fn has_seen(&self, session: SessionId) -> bool {
        self.ever.contains(&session)
    }

    /// Looks at the records of one server.
    ///
    /// # Errors
    /// The rule that was broken since.
    pub fn look_at_records(&mut self, server: &ServerCore) -> Result<(), String> {
        let mut broken = None;
        server.audit(|call, state| {
            let known = self.records.entry((call.session, call.slot)).or_insert((0, RecordState::Empty));
            if let Some(rule) = step_breaks(*known, (call.seq, state)) {
                broken = Some(format!("{rule}: {call} was {known:?}, is {state:?}"));
            }
            *known = (call.seq, state);
            self.saw_wide |= call.slot >= 64 && call.seq > 0;
        })?;
        broken.map_or(Ok(()), Err)
    }

    fn look_at_sessions(
        &mut self,
        number: usize,
        server: &ServerCore,
        now: Time,
        settled: bool,
        sources: &mut HashMap<rpc_core::proto::peer::SourceId, usize>,
        present: &mut HashSet<SessionId>,
    ) -> Result<(), String> {
        let jumped = self.jumped;
        let (lease, patience) = (self.limits.lease, self.limits.unsent_stall);
        let mut broken = Ok(());
        let stalled = server.counters().stalled;
        // Another session may have been detached in the same step; only a step with one cut says which.
        let cut = stalled > *self.stalled.get(&number).unwrap_or(&0);
        self.stalled.insert(number, stalled);
        server.sessions(|state| {
            present.insert(state.id);
            if state.kept > self.limits.session_replies {
                broken = Err(format!("V19: session {:?} keeps {} bytes", state.id, state.kept));
            }
            if let Some(source) = state.source {
                *sources.entry(source).or_default() += 1;
            }
            let first = Known { state, detached: None, idle: now, stuck: None };
            let known = self.sessions.entry(state.id).or_insert(first);
            known.detached = if state.attached { None } else { known.detached.or(Some(now)) };
            if state.active > 0 {
                known.idle = now;
            }
            let patient = known.stuck.is_some_and(|since| now.since(since) + TICK >= patience);
            if cut && known.state.attached && !state.attached && !patient {
                broken = Err(format!("V20: session {:?} was cut although bytes went: {known:?}", state.id));
            }
            let moves = state.unsent == 0 || state.sent != known.state.sent || !state.attached;
            known.stuck = if moves { (state.unsent > 0).then_some(now) } else { known.stuck.or(Some(now)) };
            if settled && known.stuck.is_some_and(|since| now.since(since.max(jumped)) > patience * 2 + TICK)
            {
                broken = Err(format!("V20: session {:?} is stuck and not cut: {known:?}", state.id));
            }
            known.state = state;
            let since = known.detached.map(|detached| detached.max(known.idle));
            if settled && since.is_some_and(|since| now.since(since) > lease + TICK) {
                broken =
                    Err(format!("V20: session {:?} outlives its lease of {lease:?}: {known:?}", state.id));
            }
        });
        broken
    }

    /// A session that is gone said BYE, or its lease was over, or it was evicted before a call of it began.
    fn look_at_ends(&mut self, now: Time, present: &HashSet<SessionId>) -> Result<(), String> {
        let lease = self.limits.lease;
        let mut broken = Ok(());
        self.sessions.retain(|id, known| {
            let gone = !present.contains(id);
            if let (true, Some(detached)) = (gone, known.detached) {
                if known.state.used && now.since(detached) < lease {
                    broken =
                        Err(format!("V20: session {id:?} ended before its lease of {lease:?}: {known:?}"));
                }
                if known.state.active > 0 {
                    broken = Err(format!("V20: session {id:?} ended with calls under way: {known:?}"));
                }
            }
            !gone
        });
        broken
    }

    fn look_at_drain(
        &mut self,
        number: usize,
        server: &ServerCore,
        now: Time,
        settled: bool,
    ) -> Result<(), String> {
        let counters = server.counters();
        let idle = counters.queued + counters.running == 0;
        if self.loops.len() <= number {
            self.loops.resize_with(number + 1, Quiet::default);
        }
        let Some(began) = self.draining else { return Ok(()) };
        let (mut written, mut quiet, mut acknowledged, mut away) = (idle, idle, idle, false);
        server.sessions(|state| match state.detached {
            _ if state.acknowledged => {}
            Some(since) => away |= now.since(since.max(began)) < self.limits.drain_detached,
            None => {
                acknowledged = false;
                written &= state.all_written;
                quiet &= state.unsent == 0;
            }
        });
        // A client that is away may come back; the linger of the others runs meanwhile.
        (quiet, acknowledged) = (quiet && !away, acknowledged && !away);
        let at = &mut self.loops[number];
        let replayed =
            counters.duplicates_replayed + counters.duplicates_not_kept + counters.duplicates_refused;
        let replies =
            counters.refused + counters.executions + replayed + counters.cancels_final + counters.resumed;
        if std::mem::replace(&mut at.replies, replies) != replies {
            (at.written, at.quiet) = (None, None); // a reply was sent, or a session resumed: the time begins anew
        }
        let before = *at;
        at.written = written.then(|| at.written.unwrap_or(now));
        at.quiet = quiet.then(|| at.quiet.unwrap_or(now));
        at.acknowledged = acknowledged.then(|| at.acknowledged.unwrap_or(now));
        if at.done {
            return Ok(());
        }
        at.done = server.is_drained();
        let (linger, grace) = (self.limits.drain_linger, self.limits.grace);
        let over = now.since(began) >= grace;
        // With no linger at all, the reply may be written, and the look made, since the auditor looked last.
        let mut written = [before.written, at.written].into_iter().flatten();
        let lingered = written.any(|since| now.since(since) >= linger);
        if at.done && !(over || (idle && !away && (acknowledged || lingered))) {
            return Err(format!("V20: a drain ended too early, at {now:?}, begun at {began:?}: {before:?}"));
        }
        if at.done || !settled {
            return Ok(());
        }
        let late = |since: Option<Time>, after: Duration| {
            since.is_some_and(|since| now.since(since.max(began)) > after + DRAIN_LOOKS)
        };
        if late(Some(began), grace) || late(at.acknowledged, Duration::ZERO) || late(at.quiet, linger) {
            return Err(format!("V20: a drain goes on, {:?} after it began: {at:?}", now.since(began)));
        }
        Ok(())
    }
}

/// Returns the rule that a step from one state of a record to another breaks.
pub fn step_breaks(from: (Seq, RecordState), to: (Seq, RecordState)) -> Option<&'static str> {
    use RecordState::{Acknowledged, Empty, Queued, Ran, Refused, Running};
    if to.0 < from.0 {
        return Some("V2");
    }
    if to.0 > from.0 {
        return matches!(from.1, Queued | Running).then_some("V3");
    }
    match (from.1, to.1) {
        (a, b) if a == b => None,
        (Queued, Running | Ran | Refused | Acknowledged) | (Running, Ran | Acknowledged) => None,
        (Running, Refused) => None, // its stub refused it; that nothing ran is the ledger's to see
        (Ran | Refused, Acknowledged) => None,
        (Empty | Ran | Refused | Acknowledged, Queued | Running) => Some("V1"),
        _ => Some("V5"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rpc_core::limits::ClientLimits;
    use rpc_core::proto::client::ClientConfig;
    use rpc_sim::{Faults, WorldConfig};

    use super::*;
    use crate::ledger::{Does, Work, served};

    #[test]
    fn v20_a_drain_without_a_linger_may_end_as_soon_as_the_last_reply_is_written() {
        let limits = ServerLimits { drain_linger: Duration::ZERO, ..ServerLimits::default() };
        let mut auditor = Auditor::new(limits.clone());
        let config = WorldConfig { limits, ..WorldConfig::new(1, Faults::none()) };
        let mut world = World::new(config, vec![Arc::new(Work::default())]);
        let config =
            ClientConfig { limits: ClientLimits::default(), contracts: vec![served()], features: 0, seed: 1 };
        let client = world.add_client(config);
        let minute = Duration::from_secs(60);
        let until = world.now().plus(minute);
        world.start(client, 1, Does::Reply.request(1, 10, 0, minute)).expect("there is a slot");
        let job = loop {
            assert!(world.step(until), "the call arrives");
            if let Some(job) = world.poll_job() {
                break job;
            }
        };
        world.pause_client(client, minute, false); // it acknowledges nothing
        assert_eq!(auditor.look(&world), Ok(()));
        world.drain_server();
        auditor.drain_begins(&world);
        assert_eq!(auditor.look(&world), Ok(()));
        world.job_done(job.run());
        while !world.is_drained() {
            assert!(world.advance(until), "the server ends");
        }
        assert_eq!(auditor.look(&world), Ok(()), "it ran when the auditor looked last");
    }
}
