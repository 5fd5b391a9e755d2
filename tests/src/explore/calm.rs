//! The rules about what must become of a state when the network is whole again: V11, V12, V15, V16, V18.
//!
//! All connections are lost; from there on nothing is lost, and everything arrives in order. No time passes for the
//! clients until every call has its reply: so a verdict by deadline does not count as one (V16).

use std::collections::VecDeque;

use super::bounds::{CALLS, LINKS};
use super::client::Verdict;
use super::frames::{FrameId, call_name};
use super::log::Event;
use super::server::Ending;
use super::state::{Drain, Link, State};
use super::steps::Step;
use super::system::System;
use super::trace::Rows;

/// Rounds after which a system in which something still happens does not come to rest: a round takes a frame each way,
/// and no scenario needs more than a greeting, a reply and an acknowledgement for each of its calls.
const ROUNDS: usize = 40;
/// The call of each client that is kept for the calm: its number among the client's calls.
const EXTRA: usize = CALLS - 1;
/// Milliseconds after which a client tries again that was turned away, or whose call was refused as busy.
const AGAIN: u16 = 100;
/// Further attempts of a call on a whole network: it may be repeated, and then be refused as busy once for each other call.
const ATTEMPTS: usize = 3;
/// Milliseconds after which no call has time left.
const TOO_LATE: u16 = 2000;
/// Seconds in which any server that shuts down must be drained.
const GRACE: u8 = 32;
/// Seconds after which sessions without a client have ended.
const LEASE: u8 = 62;

/// A system that comes to rest.
struct Calm<'a, R> {
    system: &'a mut System,
    state: State,
    up: VecDeque<(u8, FrameId)>,
    down: VecDeque<(u8, FrameId)>,
    steps: usize,
    rows: &'a mut R,
}

impl System {
    /// Lets a state come to rest on a whole network, and looks at what must hold then.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn calm(&mut self, state: &State, rows: &mut impl Rows) -> Result<(), String> {
        let (up, down) = (VecDeque::new(), VecDeque::new());
        let mut calm = Calm { system: self, state: *state, up, down, steps: 0, rows };
        calm.rows.row(Step::Calm, &[]);
        calm.lose_all()?;
        calm.rest()?;
        let pauses = calm.system.bounds.retry || calm.system.bounds.repeats(); // before another attempt
        if pauses || calm.state.spent.drain != Drain::Not {
            for _ in 0..ATTEMPTS {
                calm.clients_wait(AGAIN)?;
            }
        }
        if calm.state.spent.drain == Drain::UnderWay {
            calm.end_drain()?;
        }
        calm.every_call_has_its_reply()?;
        calm.one_more_call_each()?;
        calm.nothing_is_kept()?;
        calm.clients_wait(TOO_LATE)?;
        calm.all_is_settled()
    }
}

impl<R: Rows> Calm<'_, R> {
    fn take(&mut self, step: Step) -> Result<(), String> {
        self.steps += 1;
        let mut events: Vec<Event> = Vec::new();
        let done = self.system.apply(&mut self.state, step, &mut events);
        for event in &events {
            if let Event::Sent { link, up, frame } = event {
                if *up { &mut self.up } else { &mut self.down }.push_back((*link, *frame));
            }
        }
        self.rows.row(step, &events);
        done?;
        self.write_all()
    }

    /// Writes what a server with late writes holds back.
    fn write_all(&mut self) -> Result<(), String> {
        let unwritten = self.system.servers.facts(self.state.server).unwritten;
        match (0..8).find(|link| unwritten & 1 << link != 0) {
            Some(link) => self.take(Step::Write(link)),
            None => Ok(()),
        }
    }

    fn lose_all(&mut self) -> Result<(), String> {
        for link in 0..self.state.links.len() as u8 {
            if self.state.links[usize::from(link)].at_server {
                self.take(Step::ServerLoses(link))?;
            }
            if self.state.links[usize::from(link)].at_client {
                self.take(Step::ClientLoses(link))?;
            }
        }
        self.state.links = [Link::default(); super::server::ALL_LINKS];
        self.up.clear();
        self.down.clear();
        Ok(())
    }

    /// Does what can be done until nothing is left to do. No time passes.
    fn rest(&mut self) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let before = self.steps;
            for client in 0..self.system.bounds.clients as u8 {
                self.drive(client)?;
            }
            while let Some((link, frame)) = self.up.pop_front() {
                if self.state.links[usize::from(link)].at_server {
                    self.take(Step::ToServer(link, frame))?;
                }
            }
            while self.system.servers.facts(self.state.server).has_calls {
                self.take(Step::Begin)?;
            }
            while let Some(job) = self.system.servers.get(self.state.server).jobs().first() {
                let tag = job.tag;
                self.take(Step::Finish(0, tag, Ending::Done))?;
            }
            while let Some((link, frame)) = self.down.pop_front() {
                if self.state.links[usize::from(link)].at_client {
                    self.take(Step::ToClient(link, frame))?;
                }
            }
            self.ends_of_connections()?;
            if self.steps == before {
                return Ok(());
            }
        }
        Err("V16: on a whole network the system does not come to rest".to_owned())
    }

    /// Lets a client connect and write.
    fn drive(&mut self, client: u8) -> Result<(), String> {
        let facts = |calm: &Self| calm.system.clients.facts(calm.state.clients[usize::from(client)]);
        if facts(self).is_writing {
            self.take(Step::Flush(client))?;
        }
        let link = client * LINKS as u8;
        if facts(self).wants_connect && !self.state.links[usize::from(link)].at_server {
            self.take(Step::Connect(client, link))?;
        }
        for _ in 0..ROUNDS {
            match facts(self) {
                facts if facts.is_writing => self.take(Step::Flush(client))?,
                facts if facts.wants_transmit => self.take(Step::Transmit(client))?,
                _ => return Ok(()),
            }
        }
        Err("V16: a client writes for ever".to_owned())
    }

    /// Lets each side see that the other has closed.
    fn ends_of_connections(&mut self) -> Result<(), String> {
        for number in 0..self.state.links.len() as u8 {
            let link = self.state.links[usize::from(number)];
            if link.at_client && !link.at_server {
                self.take(Step::ClientLoses(number))?;
            }
            let written = self.up.iter().all(|(waits, _)| *waits != number);
            if link.at_server && !link.at_client && written {
                self.take(Step::ServerLoses(number))?;
            }
        }
        Ok(())
    }

    /// A server that shuts down ends by itself, after its grace time at the latest.
    fn end_drain(&mut self) -> Result<(), String> {
        let drained = |calm: &Self| calm.system.servers.facts(calm.state.server).drained;
        self.take(Step::ServerWaits(GRACE))?; // sooner, unless a client has left without BYE
        if !drained(self) {
            return Err("V16: the grace time is over, and the server does not end".to_owned());
        }
        self.take(Step::End)?;
        self.ends_of_connections()?;
        self.clients_wait(AGAIN)
    }

    fn every_call_has_its_reply(&self) -> Result<(), String> {
        for (tag, call) in (0..).zip(&self.state.calls) {
            if call.started && !call.abandoned && call.verdict.is_none() {
                return Err(format!("V16: call {} has time left and no reply", call_name(tag)));
            }
            let asks = call.verdict == Some(Verdict::Late) && !call.abandoned;
            if asks && call.resolved.is_none() {
                return Err(format!("V16: call {} is unknown and is not resolved", call_name(tag)));
            }
        }
        match self.clients().find(|client| self.system.clients.facts(*client).orphaned > 0) {
            Some(_) => Err("V15: a slot whose caller has gone does not become free".to_owned()),
            None => Ok(()),
        }
    }

    /// Every client that is not closed makes one more call: it must run, and its client resumes and acknowledges.
    fn one_more_call_each(&mut self) -> Result<(), String> {
        for client in 0..self.system.bounds.clients {
            if self.system.clients.facts(self.state.clients[client]).is_closed {
                continue;
            }
            let tag = (client * CALLS + EXTRA) as u8;
            self.take(Step::Start(tag))?;
            self.rest()?;
            let retries = self.system.bounds.retry;
            match self.state.calls[usize::from(tag)].verdict {
                Some(Verdict::Done) => {}
                None if retries => {} // it may be refused as busy, and waits
                other => return Err(format!("V16: a call on the whole network is told {other:?}")),
            }
        }
        Ok(())
    }

    fn nothing_is_kept(&mut self) -> Result<(), String> {
        let spent = self.state.spent;
        if spent.restarts > 0 || spent.closed > 0 {
            self.take(Step::ServerWaits(LEASE))?; // their sessions end with the lease
        }
        let facts = self.system.servers.facts(self.state.server);
        let attached = (0..self.state.links.len()).filter(|link| self.state.links[*link].at_server).count();
        if facts.kept > 0 {
            return Err(format!("V18: all is acknowledged, and {} bytes of replies are kept", facts.kept));
        }
        if facts.under_way > 0 {
            return Err(format!("V12: {} calls are queued or run for ever", facts.under_way));
        }
        if spent.restarts + spent.closed > 0 && facts.sessions > attached {
            return Err(format!("V18: {} sessions, {attached} connections", facts.sessions));
        }
        Ok(())
    }

    fn clients_wait(&mut self, millis: u16) -> Result<(), String> {
        for client in 0..self.system.bounds.clients as u8 {
            self.take(Step::ClientWaits(client, millis))?;
        }
        self.rest()
    }

    fn all_is_settled(&self) -> Result<(), String> {
        for (tag, call) in (0..).zip(&self.state.calls) {
            if call.started && !call.abandoned && call.verdict.is_none() {
                return Err(format!("V11: call {} has no verdict", call_name(tag)));
            }
        }
        for client in self.clients() {
            let facts = self.system.clients.facts(client);
            if facts.in_flight + facts.orphaned > 0 {
                return Err(format!(
                    "V18: {} calls wait, {} slots are orphaned",
                    facts.in_flight, facts.orphaned
                ));
            }
        }
        Ok(())
    }

    fn clients(&self) -> impl Iterator<Item = u32> {
        self.state.clients.into_iter().take(self.system.bounds.clients)
    }
}
