//! A small system for two exercises: callers, slots, a network, a duplicate filter and handlers, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;

use crate::filter::{Decision, Filter};
use crate::judge::{Fault, fault};
use crate::net::{Fate, Net, simpler_fates};
use crate::orphans::Slots;
use crate::story::tell;

/// The time after which a request without a reply is sent again.
const RESEND: u64 = 100;
/// The end of a story: what has no reply by then never gets one, since the faults are over long before.
const END: u64 = 3000;

/// Everything that a story depends on.
#[derive(Clone)]
pub struct Plan {
    /// The slots of the client.
    pub slots: usize,
    /// The calls that are made, one after the other by each caller.
    pub calls: usize,
    /// The callers at the same time.
    pub callers: usize,
    /// The fates of frames, in the order in which they are sent.
    pub fates: Vec<Fate>,
    /// The times that handlers take, by call; 0 beyond the list.
    pub work: Vec<u64>,
    /// The times that callers wait, by call; for ever beyond the list.
    pub patience: Vec<Option<u64>>,
}

impl Plan {
    /// Draws a plan. Callers wait for ever unless `gives_up`.
    pub fn draw(random: &mut Rng, size: usize, gives_up: bool) -> Self {
        let slots = random.usize(1..=2);
        let calls = random.usize(1..=2 + size.min(4));
        let time = |random: &mut Rng| 20 * random.u64(0..=12) + 5; // never the time of an arrival
        Plan {
            slots,
            calls,
            callers: random.usize(1..=slots),
            fates: (0..random.usize(0..=2 + 2 * size)).map(|_| Fate::draw(random)).collect(),
            work: (0..calls).map(|_| if random.bool() { 0 } else { time(random) }).collect(),
            patience: (0..calls).map(|_| (gives_up && random.bool()).then(|| 20 + time(random))).collect(),
        }
    }

    /// Returns plans that are simpler by one thing.
    pub fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        if self.calls > 1 {
            simpler.push(Plan { calls: self.calls - 1, ..self.clone() });
        }
        if self.callers > 1 {
            simpler.push(Plan { callers: self.callers - 1, ..self.clone() });
        }
        if self.slots > self.callers {
            simpler.push(Plan { slots: self.slots - 1, ..self.clone() });
        }
        simpler.extend(simpler_fates(&self.fates).into_iter().map(|fates| Plan { fates, ..self.clone() }));
        for at in 0..self.work.len().min(self.calls) {
            if self.work[at] > 0 {
                let mut plan = self.clone();
                plan.work[at] = 0;
                simpler.push(plan);
            }
            if self.patience[at].is_some() {
                let mut plan = self.clone();
                plan.patience[at] = None;
                simpler.push(plan);
            }
        }
        simpler
    }
}

#[derive(Clone)]
enum Event {
    Request(usize, u64),
    Reply(usize, u64, Arc<str>),
    Returns(usize, u64),
    Resend(usize, u64),
    GivesUp(usize, u64),
}

/// A call that has a slot.
struct Carried {
    seq: u64,
    call: usize,
    caller_waits: bool,
}

/// The system while a story goes on.
struct System<'a> {
    plan: &'a Plan,
    net: Net<Event>,
    slots: &'a mut dyn Slots,
    filter: &'a mut dyn Filter,
    /// The call in each slot whose reply has not arrived.
    carried: Vec<Option<Carried>>,
    /// The number of the last call of each slot.
    last: Vec<u64>,
    /// The calls that were made so far.
    made: usize,
    /// Callers that wait for a slot.
    waiting: usize,
    /// The replies of the calls that ran; `None` while the handler runs.
    ran: BTreeMap<(usize, u64), Option<Arc<str>>>,
}

/// Plays a story.
///
/// # Errors
/// A rule was broken.
pub fn play(plan: &Plan, slots: &mut dyn Slots, filter: &mut dyn Filter) -> Result<(), Fault> {
    let carried = (0..plan.slots).map(|_| None).collect();
    let (last, ran) = (vec![0; plan.slots], BTreeMap::new());
    let net = Net::new(&plan.fates);
    let mut system = System { plan, net, slots, filter, carried, last, made: 0, waiting: 0, ran };
    for _ in 0..plan.callers {
        system.begin_call()?;
    }
    while let Some(event) = system.net.next(END) {
        match event {
            Event::Request(slot, seq) => system.request(slot, seq)?,
            Event::Returns(slot, seq) => system.returns(slot, seq),
            Event::Reply(slot, seq, value) => system.reply(slot, seq, &value)?,
            Event::Resend(slot, seq) => system.resend(slot, seq),
            Event::GivesUp(slot, seq) => system.gives_up(slot, seq)?,
        }
    }
    system.at_the_end()
}

fn name(slot: usize, seq: u64) -> String {
    format!("{seq} of slot {slot}")
}

impl System<'_> {
    /// A caller makes its next call, if there is one to make.
    fn begin_call(&mut self) -> Result<(), Fault> {
        if self.made == self.plan.calls {
            return Ok(());
        }
        let free = (0..self.plan.slots).find(|slot| self.carried[*slot].is_none());
        let Some((slot, seq)) = self.slots.take() else {
            tell("a caller wants to call; `take` gives no slot");
            let Some(free) = free else {
                self.waiting += 1;
                return Ok(());
            };
            return fault(
                "no_slot",
                format!(
                    "slot {free} carries no call, and `take` does not give it: a slot is free again when the reply of its call has arrived, also if its caller no longer waits"
                ),
            );
        };
        if slot >= self.plan.slots {
            return fault("range", format!("`take` gives slot {slot}, and there are {}", self.plan.slots));
        }
        if let Some(old) = &self.carried[slot] {
            let (old, new) = (name(slot, old.seq), name(slot, seq));
            tell(format!("the next caller calls; `take` gives slot {slot}, number {seq}"));
            return fault(
                "two_calls",
                format!(
                    "request {new} is sent while request {old} has no reply: a slot carries one call at a time, and the server forgets the older one's reply"
                ),
            );
        }
        let expected = self.last[slot] + 1;
        if seq != expected {
            tell(format!("the next caller calls; `take` gives slot {slot}, number {seq}"));
            return fault(
                "number",
                format!(
                    "the next call of slot {slot} has the number {expected}, and not {seq}: the server takes a number that is not higher for an old request, and never runs it"
                ),
            );
        }
        self.last[slot] = seq;
        self.carried[slot] = Some(Carried { seq, call: self.made, caller_waits: true });
        if let Some(patience) = self.plan.patience.get(self.made).copied().flatten() {
            self.net.later(patience, Event::GivesUp(slot, seq));
        }
        self.made += 1;
        self.send(slot, seq, "");
        Ok(())
    }

    fn send(&mut self, slot: usize, seq: u64, again: &str) {
        self.net
            .send(&format!("the client sends request {}{again}", name(slot, seq)), Event::Request(slot, seq));
        self.net.later(RESEND, Event::Resend(slot, seq));
    }

    fn resend(&mut self, slot: usize, seq: u64) {
        if self.carried[slot].as_ref().is_some_and(|call| call.seq == seq) {
            self.send(slot, seq, " again, since it has no reply");
        }
    }

    fn request(&mut self, slot: usize, seq: u64) -> Result<(), Fault> {
        let request = name(slot, seq);
        match self.filter.admit(slot, seq) {
            Decision::Run if self.ran.contains_key(&(slot, seq)) => {
                tell(format!("request {request} arrives again; the handler runs again"));
                let why = match self.ran.get(&(slot, seq)) {
                    _ if seq < self.last[slot] && self.ran.contains_key(&(slot, seq + 1)) => {
                        "its number is lower than that of the last call of the slot, so it is old"
                    }
                    Some(None) => "the first run has not ended yet",
                    _ => "it has the number of the last call of the slot",
                };
                return fault(
                    "twice",
                    format!("request {request} ran twice. The second one is a duplicate: {why}"),
                );
            }
            Decision::Run => {
                let work = self.carried[slot]
                    .as_ref()
                    .filter(|call| call.seq == seq)
                    .and_then(|call| self.plan.work.get(call.call));
                let work = work.copied().unwrap_or(0);
                self.ran.insert((slot, seq), None);
                tell(format!(
                    "request {request} arrives; the handler runs{}",
                    if work > 0 { ", slowly" } else { "" }
                ));
                match work {
                    0 => self.returns(slot, seq),
                    work => self.net.later(work, Event::Returns(slot, seq)),
                }
            }
            Decision::Reply(value) => {
                let right = self.ran.get(&(slot, seq)).and_then(Option::as_ref);
                tell(format!("request {request} arrives again; the handler does not run"));
                if right != Some(&value) {
                    let whose = self.ran.iter().find(|(_, reply)| reply.as_ref() == Some(&value));
                    let whose = whose.map_or("no call".to_owned(), |((slot, seq), _)| {
                        format!("request {}", name(*slot, *seq))
                    });
                    return fault(
                        "foreign",
                        format!("request {request} is answered with the reply of {whose}"),
                    );
                }
                self.answer(slot, seq, value);
            }
            Decision::Ignore => tell(format!("request {request} arrives; the filter ignores it")),
        }
        Ok(())
    }

    fn returns(&mut self, slot: usize, seq: u64) {
        let value: Arc<str> = format!("value {seq}/{slot}").into();
        self.ran.insert((slot, seq), Some(Arc::clone(&value)));
        self.filter.finish(slot, seq, Arc::clone(&value));
        self.answer(slot, seq, value);
    }

    fn answer(&mut self, slot: usize, seq: u64, value: Arc<str>) {
        self.net.send(&format!("the server sends reply {}", name(slot, seq)), Event::Reply(slot, seq, value));
    }

    fn reply(&mut self, slot: usize, seq: u64, _: &Arc<str>) -> Result<(), Fault> {
        let current = self.carried[slot].as_ref().filter(|call| call.seq == seq);
        let (is_current, waits) = (current.is_some(), current.is_some_and(|call| call.caller_waits));
        let yours = self.slots.reply(slot, seq);
        let reply = name(slot, seq);
        tell(format!("reply {reply} arrives; `reply` says {yours}"));
        if waits && !yours {
            return fault(
                "lost",
                format!("the caller of request {reply} waits for this reply, and is not given it"),
            );
        }
        if yours && !waits {
            let why = match &self.carried[slot] {
                Some(_) if is_current => "its caller no longer waits".to_owned(),
                Some(call) => format!(
                    "the caller that waits has made request {}, and would get a value that is not its own",
                    name(slot, call.seq)
                ),
                None => "no caller waits: it is a copy".to_owned(),
            };
            return fault("foreign_reply", format!("reply {reply} is given to a caller, and {why}"));
        }
        if is_current {
            self.carried[slot] = None;
            let next = usize::from(waits) + std::mem::take(&mut self.waiting);
            (0..next).try_for_each(|_| self.begin_call())?;
        }
        Ok(())
    }

    fn gives_up(&mut self, slot: usize, seq: u64) -> Result<(), Fault> {
        let Some(call) = self.carried[slot].as_mut().filter(|call| call.seq == seq) else { return Ok(()) };
        call.caller_waits = false;
        tell(format!("the caller of request {} gives up: its deadline has passed", name(slot, seq)));
        self.slots.give_up(slot);
        self.begin_call()
    }

    fn at_the_end(&self) -> Result<(), Fault> {
        for (slot, call) in self.carried.iter().enumerate() {
            let Some(call) = call else { continue };
            let request = name(slot, call.seq);
            match self.ran.get(&(slot, call.seq)) {
                None => {
                    return fault(
                        "never",
                        format!(
                            "request {request} never runs, although it arrives again and again: its number is higher than that of the last call of its slot, so it is new"
                        ),
                    );
                }
                Some(Some(_)) => {
                    return fault(
                        "no_reply",
                        format!(
                            "request {request} ran, its reply was lost, and the client never gets it: a duplicate of a call that has ended is answered with its kept reply"
                        ),
                    );
                }
                Some(None) => {}
            }
        }
        let kept =
            |slot: usize, seq: u64, value: &Arc<str>| seq < self.last[slot] && Arc::strong_count(value) > 1;
        let old = self
            .ran
            .iter()
            .filter(|((slot, seq), reply)| reply.as_ref().is_some_and(|value| kept(*slot, *seq, value)));
        match old.map(|((slot, seq), _)| name(*slot, *seq)).next() {
            Some(old) => {
                tell(format!("all calls have ended; the filter still keeps reply {old}"));
                fault(
                    "memory",
                    format!(
                        "reply {old} is kept for ever. The client has sent a later request in this slot, so it has that reply: one kept reply for each slot is enough, or the server's memory grows with each call"
                    ),
                )
            }
            None => Ok(()),
        }
    }
}
