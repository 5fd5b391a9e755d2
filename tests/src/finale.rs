//! The end of a run: the network is whole again and a server stands, so that every call gets its answer (V16), work was
//! bounded (V17), and nothing is left (V12, V15, V18).

use std::time::Duration;

use rpc_core::proto::server::RecordState;
use rpc_sim::Faults;

use crate::ledger::{Does, fails_fast};
use crate::plan::CALLS;
use crate::run::Run;
use crate::truth::most_runs;

/// The time after which every slot must be free again on a healed network.
const PEACE: Duration = Duration::from_secs(300);

/// After this long on a healed network, both sides of every broken connection have noticed, also of a half open one
/// (60 s), and every back-off is over.
const SETTLED: Duration = Duration::from_secs(70);

/// A call with this much time left when the network heals must get an answer: [`SETTLED`], the longest pause between two
/// retransmissions (36 s), and a second for each of the calls that may run before it.
const TIME_LEFT: Duration = Duration::from_secs(140);

/// Time for the last acknowledgements: their delay (1 s), and a while for what is on its way.
const LAST_WORDS: Duration = Duration::from_secs(20);

impl Run {
    /// From here on nothing is in the way of anything.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.world.set_faults(Faults::none());
        self.hostile.leave(&mut self.world);
        for stranger in std::mem::take(&mut self.strangers) {
            stranger.leave(&mut self.world);
        }
        self.world.set_server_rate(1_000_000);
        for client in 0..self.setup.clients.len() {
            self.world.set_client_rate(client, 1_000_000);
            self.world.slow_client(client, Duration::ZERO, Duration::ZERO);
        }
        if self.world.server().is_none() || self.setup.trouble.drains > 0 {
            self.world.restart_server();
        }
        for (tag, call) in &mut self.calls {
            let now = self.world.client_time(call.client);
            let has_time = call.deadline.since(now) > TIME_LEFT && self.setup.has_room();
            // A call that fails fast may be told of an attempt that the new server, a moment ago, has cut.
            call.must_be_answered = has_time && !fails_fast(*tag);
        }
        let healed = self.world.now();
        self.until(healed.plus(SETTLED))?;
        self.probe(CALLS)?;
        self.until(healed.plus(PEACE))?;
        // An ACK is an offer, and one that was lost is not repeated: a resume says all of them again.
        self.world.cut_all();
        self.probe(CALLS + 1_000)?;
        self.until(self.world.now().plus(LAST_WORDS))?;
        // Without the filter, duplicates may still wait to run behind slow ones.
        if self.filter_off || self.calls.values().any(|call| call.verdict.is_none() && !call.abandoned) {
            self.until(self.world.now().plus(TIME_LEFT))?; // it will have a verdict by then; see which
        }
        Ok(())
    }

    /// Each client calls twice; on a network that works it gets its answers.
    fn probe(&mut self, tags: u64) -> Result<(), String> {
        let has_room = self.setup.has_room();
        for client in (0..self.setup.clients.len()).filter(|client| !self.closed[*client]).collect::<Vec<_>>()
        {
            for (number, does) in [(1, Does::Reply), (2, Does::Idempotent)] {
                let tag = tags + 10 * client as u64 + number;
                if !has_room || self.setup.clients[client].limits.waiting == 0 {
                    continue; // a call that finds no slot at once is refused, whatever the network
                }
                self.start(client, tag, does, (9, 0), TIME_LEFT)?;
                let call = self.calls.get_mut(&tag).ok_or("the call was just started")?;
                call.must_be_answered = true;
                self.tally.add("calls on a healed network", 1);
            }
        }
        Ok(())
    }

    pub(crate) fn at_the_end(&mut self) -> Result<(), String> {
        self.every_call_has_a_true_verdict()?;
        for client in 0..self.setup.clients.len() {
            self.client_is_done(client)?;
        }
        self.server_is_done()
    }

    fn every_call_has_a_true_verdict(&self) -> Result<(), String> {
        for (tag, call) in &self.calls {
            if call.verdict.is_none() && !call.abandoned {
                return Err(format!("V11: call {tag} never got a verdict: {call:?}"));
            }
            for outcome in call.verdict.iter().chain(&call.resolved) {
                self.judge(*tag, call, outcome).map_err(|error| format!("later: {error}"))?;
            }
            let runs = self.work.read(|ledger| ledger.runs(*tag));
            let most = match call.does {
                Does::Idempotent => most_runs(call.within, &self.setup.clients[call.client].limits),
                _ => 1,
            };
            if runs > most && !self.filter_off {
                let rule = if call.does == Does::Idempotent { "V17" } else { "V1" };
                return Err(format!(
                    "{rule}: call {tag} ran {runs} times within {:?}, not {most}",
                    call.within
                ));
            }
        }
        let stranger = |call: &&rpc_core::ids::CallId| !self.auditor.has_seen(call.session);
        if let Some(call) = self.work.read(|l| l.by_call.keys().find(stranger).copied()) {
            return Err(format!("V4: {call} ran, and its session never stood"));
        }
        let twice = self.work.read(|l| l.by_call.iter().find(|(_, n)| **n > 1).map(|(c, n)| (*c, *n)));
        match twice {
            Some((call, runs)) if !self.filter_off => Err(format!("V1: {call} ran {runs} times")),
            _ => Ok(()),
        }
    }

    fn client_is_done(&self, index: usize) -> Result<(), String> {
        let Some(core) = self.world.client(index) else { return Ok(()) };
        let open = (core.orphaned_slots(), core.in_flight());
        if open != (0, 0) || self.world.retired(index).is_some() {
            let retired = self.world.retired(index);
            return Err(format!(
                "V15: client {index} has {} orphaned slots and {} calls under way long after the faults; {retired:?}",
                open.0, open.1
            ));
        }
        let counters = core.counters();
        let again = (counters.repeated + counters.busy_retries) as f64;
        let limits = &self.setup.clients[index].limits;
        let most = limits.retry_budget * (1.0 + self.world.client_time(index).0 as f64 / 1e6);
        if again > most {
            return Err(format!("V17: client {index} made {again} attempts again, at most {most}"));
        }
        self.pace.look_at_reconnects(&self.world, index, limits, &self.setup.world.limits)
    }

    /// Returns true if every client called after its connection was cut, and so resumed its session.
    fn all_resumed(&self) -> bool {
        let may_call = |client: usize| self.closed[client] || self.setup.clients[client].limits.waiting > 0;
        self.setup.has_room() && (0..self.setup.clients.len()).all(may_call)
    }

    fn server_is_done(&self) -> Result<(), String> {
        let mut broken = Ok(());
        for server in self.world.servers() {
            let counters = server.counters();
            if counters.queued + counters.running > 0 {
                let (queued, running) = (counters.queued, counters.running);
                return Err(format!("V12: {queued} queued, {running} running at the end"));
            }
            if self.filter_off || !self.all_resumed() {
                continue; // a duplicate that ran again replies to an acknowledged call; and a lost ACK is sent at a resume
            }
            if counters.kept_bytes > 0 {
                return Err(format!("V18: {} bytes are kept without an owner", counters.kept_bytes));
            }
            server.audit(|call, state| {
                if !matches!(state, RecordState::Empty | RecordState::Acknowledged) {
                    broken = Err(format!("V18: {call} is {state:?} although its client has the reply"));
                }
            })?;
        }
        broken
    }
}
