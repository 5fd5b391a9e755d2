//! Exercise 4: a client that makes a call over a network that loses frames.

use std::marker::PhantomData;

use fastrand::Rng;

use crate::judge::{Fault, Judge, Stopped, fault};
use crate::net::{Fate, Net, simpler_fates};
use crate::story::tell;

/// The time that a caller waits, in milliseconds.
pub const DEADLINE: u64 = 1000;
/// The time after which a reply is overdue and the request is sent again, in milliseconds.
pub const RESEND: u64 = 100;
/// More requests than a client sends on purpose: ten times as often as is asked for.
const MOST_SENT: usize = (10 * DEADLINE / RESEND) as usize;
/// The longest time without a reply in which a request has to be sent again: three times what is asked for.
const LONGEST_SILENCE: u64 = 3 * RESEND;
/// More receives than one call can need, since time passes in each that is asked to wait.
const MOST_RECEIVES: usize = 100_000;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The number of its request.
    pub seq: u64,
    /// The value.
    pub body: String,
}

/// The two ways in which a call fails. The caller must be able to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It did not run, and never will: it is safe to call again.
    NotExecuted,
    /// It may have run.
    Unknown,
}

/// The part that the reader writes.
pub trait Client: Default {
    /// Makes one call, and returns at the latest at the time `until`.
    ///
    /// # Errors
    /// No reply came in time.
    fn call(&mut self, wire: &mut Wire, body: &str, until: u64) -> Result<String, Failure>;
}

#[derive(Clone)]
enum Event {
    Request(u64, String),
    Reply(Reply),
}

/// The client's end of the network. Behind it is a server with a duplicate filter.
pub struct Wire {
    net: Net<Event>,
    is_connected: bool,
    /// The number and the reply of the last call that ran.
    last: Reply,
    /// The requests that ran: body and number.
    ran: Vec<(String, u64)>,
    /// Requests of the present call: when, and under which number.
    sent: Vec<(u64, u64)>,
    receives: usize,
}

impl Wire {
    /// Sends a request. Returns false if there is no connection: then no byte has left the client.
    pub fn send(&mut self, seq: u64, body: &str) -> bool {
        if !self.is_connected {
            tell(format!("the client wants to send request {seq}; there is no connection"));
            return false;
        }
        self.sent.push((self.net.now(), seq));
        if self.sent.len() > MOST_SENT {
            let sentence = format!(
                "the client sends too often: {MOST_SENT} requests within {} ms. Wait {RESEND} ms for the reply before you send again",
                self.net.now()
            );
            std::panic::panic_any(Stopped(Fault { rule: "flood", sentence }));
        }
        self.net.send(
            &format!("the client sends request {seq}: append({body:?})"),
            Event::Request(seq, body.to_owned()),
        );
        true
    }

    /// Waits for a reply, for at most `wait` milliseconds. Returns `None` if no reply came.
    pub fn receive(&mut self, wait: u64) -> Option<Reply> {
        self.receives += 1;
        if self.receives > MOST_RECEIVES {
            let sentence =
                "the client asks for replies without end, and no time passes: `receive(0)` does not wait";
            std::panic::panic_any(Stopped(Fault { rule: "busy", sentence: sentence.to_owned() }));
        }
        let until = self.net.now().saturating_add(wait);
        while let Some(event) = self.net.next(until) {
            match event {
                Event::Request(seq, body) => self.serve(seq, &body),
                Event::Reply(reply) => {
                    tell(format!("reply {} arrives at the client", reply.seq));
                    return Some(reply);
                }
            }
        }
        None
    }

    /// Returns the time in milliseconds.
    pub fn now(&self) -> u64 {
        self.net.now()
    }

    /// The server: runs a request whose number is new, and sends the reply of the last one again.
    fn serve(&mut self, seq: u64, body: &str) {
        if seq < self.last.seq {
            return tell(format!(
                "request {seq} arrives, which is older than the last one: the server ignores it"
            ));
        }
        if seq > self.last.seq {
            let value = format!("{}{body}", self.last.body);
            self.ran.push((body.to_owned(), seq));
            self.last = Reply { seq, body: value };
            tell(format!("request {seq} arrives; the handler runs, and the value is {:?}", self.last.body));
        } else {
            tell(format!("request {seq} arrives again; the handler does not run"));
        }
        self.net.send(&format!("the server sends reply {seq}"), Event::Reply(self.last.clone()));
    }
}

/// Calls, the fates of frames, and if there is a network at all.
#[derive(Clone)]
pub struct Plan {
    calls: usize,
    fates: Vec<Fate>,
    is_connected: bool,
    all_lost: bool,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: Client> Judge for Course<M> {
    type Case = Plan;

    fn draw(random: &mut Rng, size: usize) -> Plan {
        let fates = (0..random.usize(0..=2 + 2 * size)).map(|_| Fate::draw(random)).collect();
        let calls = random.usize(1..=1 + size.min(4));
        Plan { calls, fates, is_connected: random.u8(0..20) > 0, all_lost: random.u8(0..20) == 0 }
    }

    fn simpler(case: &Plan) -> Vec<Plan> {
        let fewer = (case.calls > 1).then(|| Plan { calls: case.calls - 1, ..case.clone() });
        let whole = case.all_lost.then(|| Plan { all_lost: false, ..case.clone() });
        let connected = (!case.is_connected).then(|| Plan { is_connected: true, ..case.clone() });
        let calmer = simpler_fates(&case.fates).into_iter().map(|fates| Plan { fates, ..case.clone() });
        fewer.into_iter().chain(whole).chain(connected).chain(calmer).collect()
    }

    fn play(case: &Plan) -> Result<(), Fault> {
        let fates = if case.all_lost { vec![Fate::Lost; 10 * MOST_SENT] } else { case.fates.clone() };
        let last = Reply { seq: 0, body: String::new() };
        let (is_connected, ran, sent) = (case.is_connected, Vec::new(), Vec::new());
        let mut wire = Wire { net: Net::new(&fates), is_connected, last, ran, sent, receives: 0 };
        let mut client = M::default();
        for body in ["a", "b", "c", "d", "e", "f"].into_iter().take(case.calls) {
            (wire.sent, wire.receives) = (Vec::new(), 0);
            let began = wire.now();
            let result = client.call(&mut wire, body, began + DEADLINE);
            judged(&wire, body, began, &result)?;
        }
        Ok(())
    }
}

/// Judges the end of one call.
fn judged(wire: &Wire, body: &str, began: u64, result: &Result<String, Failure>) -> Result<(), Fault> {
    let (now, until) = (wire.now(), began + DEADLINE);
    let runs: Vec<u64> = wire.ran.iter().filter(|(ran, _)| ran == body).map(|(_, seq)| *seq).collect();
    tell(match result {
        Ok(value) => format!("the caller of append({body:?}) gets {value:?}"),
        Err(failure) => format!("the caller of append({body:?}) gets {failure:?}, after {} ms", now - began),
    });
    if let [first, second, ..] = runs[..] {
        return fault(
            "twice",
            format!(
                "append({body:?}) ran twice, as request {first} and as request {second}. A request that is sent again keeps its number: by it the server knows the duplicate"
            ),
        );
    }
    resent(wire, began, now.min(until))?;
    if now > until {
        return fault(
            "late",
            format!(
                "the caller waited until {until} ms, and `call` returned at {now} ms: no wait may be longer than the time that is left"
            ),
        );
    }
    match result {
        Ok(value) => returned(wire, body, value, !runs.is_empty()),
        Err(failure) => gave_up(wire, body, *failure, now < until),
    }
}

/// Judges if requests were sent again in time.
fn resent(wire: &Wire, began: u64, end: u64) -> Result<(), Fault> {
    let mut times = wire.sent.iter().map(|(at, _)| *at).chain([end]);
    let mut before = times.next().unwrap_or(began);
    for at in times {
        if at - before > LONGEST_SILENCE && wire.is_connected {
            return fault(
                "silent",
                format!(
                    "no reply came for {} ms, and the client did not send the request again: it sends it every {RESEND} ms",
                    at - before
                ),
            );
        }
        before = at;
    }
    Ok(())
}

/// Judges a value that a caller got.
fn returned(wire: &Wire, body: &str, value: &str, ran: bool) -> Result<(), Fault> {
    let used =
        wire.sent.first().and_then(|(_, sent)| wire.ran.iter().find(|(ran, seq)| seq == sent && ran != body));
    if let Some((other, seq)) = used {
        return fault(
            "reused",
            format!(
                "append({body:?}) is sent as request {seq}, which was append({other:?}): the server takes it for a duplicate of that one. A new call has a new number"
            ),
        );
    }
    if !ran || wire.last.body != value {
        return fault(
            "foreign",
            format!(
                "the caller of append({body:?}) gets the reply of another call, {value:?}: look at the number of a reply before you take it"
            ),
        );
    }
    Ok(())
}

/// Judges a call that ended without a reply.
fn gave_up(wire: &Wire, body: &str, failure: Failure, is_early: bool) -> Result<(), Fault> {
    let now = wire.now();
    match failure {
        _ if is_early => {
            fault("gives_up", format!("the client gives up at {now} ms, and its caller waits for longer"))
        }
        Failure::NotExecuted if !wire.sent.is_empty() => fault(
            "not_executed",
            format!(
                "the client sent append({body:?}), and says that it was not executed. Without a reply it cannot know: the request may have run, or may still"
            ),
        ),
        Failure::Unknown if wire.sent.is_empty() => fault(
            "unknown",
            "no byte of the request has left the client, so it did not run: say `NotExecuted`, so that the caller may call again",
        ),
        Failure::NotExecuted | Failure::Unknown => stale_number(wire),
    }
}

/// A call that failed although everything arrived has used a number that the server has seen.
fn stale_number(wire: &Wire) -> Result<(), Fault> {
    match wire.sent.first() {
        Some((_, seq)) if *seq < wire.last.seq => fault(
            "stale",
            format!(
                "request {seq} is older than request {}, which ran: a new call takes a number that no call had",
                wire.last.seq
            ),
        ),
        _ => Ok(()),
    }
}
