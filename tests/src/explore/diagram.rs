//! A trace as a space-time diagram: time goes down; the client at the left, the server at the right, frames between them.
//!
//! A frame has a number from the moment that it is written; it may arrive later, several times, or never.

use std::fmt::Write;

use super::client::Verdict;
use super::frames::{FrameId, call_name};
use super::log::Event;
use super::server::Ending;
use super::state::{client_of_call, client_of_link};
use super::steps::Step;
use super::system::System;
use super::trace::{Row, Trace};

/// The place of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a client.
    Client(usize),
    /// At the server.
    Server,
    /// Between them.
    Between,
    /// A frame leaves a client, or the server.
    Leaves(usize),
    /// A frame arrives.
    Arrives(usize),
}

/// A line of the diagram.
#[derive(Clone, Debug)]
pub struct Line {
    /// The step that begins here.
    pub step: Option<usize>,
    /// The place. For frames the number is that of [`Diagram::frames`].
    pub place: Place,
    /// The text of the event.
    pub text: String,
}

/// A frame of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Its connection.
    pub link: u8,
    /// From a client.
    pub up: bool,
    frame: FrameId,
}

impl Flight {
    /// Returns the client at one end of it.
    pub fn client(&self) -> usize {
        client_of_link(self.link)
    }
}

/// A space-time diagram.
#[derive(Clone, Debug, Default)]
pub struct Diagram {
    /// Its lines, from the top.
    pub lines: Vec<Line>,
    /// The frames in it.
    pub frames: Vec<Flight>,
    /// The rule that is broken at the end.
    pub rule: Option<String>,
    /// The number of clients.
    pub clients: usize,
}

impl Diagram {
    /// Returns the diagram of a trace.
    pub fn of(system: &System, trace: &Trace) -> Self {
        let mut diagram = Diagram { clients: system.bounds.clients, ..Diagram::default() };
        for (number, row) in (1..).zip(&trace.rows) {
            diagram.row(system, number, row);
        }
        diagram.rule.clone_from(&trace.rule);
        diagram
    }

    fn row(&mut self, system: &System, number: usize, row: &Row) {
        let begin = self.lines.len();
        match row.step {
            Step::ToServer(link, frame) => self.arrives(system, Flight { link, up: true, frame }),
            Step::ToClient(link, frame) => self.arrives(system, Flight { link, up: false, frame }),
            step => {
                if let Some((place, text)) = said(step) {
                    self.line(place, text);
                }
            }
        }
        for event in &row.events {
            match event {
                Event::Sent { link, up, frame } => {
                    let flight = Flight { link: *link, up: *up, frame: *frame };
                    let index = self.index_of(flight);
                    let text = format!("({}) {}", index + 1, system.frames.get(*frame));
                    self.line(Place::Leaves(index), text);
                }
                Event::Made(link) => {
                    let text = format!("connection {link} is made");
                    self.line(Place::Between, text);
                }
                event => {
                    let (place, text) = happened(*event);
                    self.line(place, text);
                }
            }
        }
        if let Some(line) = self.lines.get_mut(begin) {
            line.step = Some(number);
        }
    }

    fn arrives(&mut self, system: &System, flight: Flight) {
        let index = self.index_of(flight);
        let text = format!("({}) {}", index + 1, system.frames.get(flight.frame));
        self.line(Place::Arrives(index), text);
    }

    fn index_of(&mut self, flight: Flight) -> usize {
        if let Some(known) = self.frames.iter().position(|known| *known == flight) {
            return known;
        }
        self.frames.push(flight);
        self.frames.len() - 1
    }

    fn line(&mut self, place: Place, text: String) {
        self.lines.push(Line { step: None, place, text });
    }

    /// Returns the diagram as text.
    pub fn text(&self) -> String {
        let mut text = format!("{:>4}  {:<SIDE$}|{:^MIDDLE$}|  server\n", "", self.heads(), "network");
        for line in &self.lines {
            let step = line.step.map(|step| step.to_string()).unwrap_or_default();
            let (mut left, mut middle, mut right) = (String::new(), String::new(), "");
            match line.place {
                Place::Client(client) => left = self.at_client(client, &line.text),
                Place::Server => right = &line.text,
                Place::Between => middle = format!("{:^MIDDLE$}", line.text),
                Place::Leaves(frame) | Place::Arrives(frame) => {
                    let up = self.frames[frame].up;
                    let at_client = up == matches!(line.place, Place::Leaves(_));
                    middle = match (at_client, up) {
                        (true, true) => format!(" {} -->", line.text),
                        (true, false) => format!("<-- {}", line.text),
                        (false, true) => format!("{:>MIDDLE$}", format!("{} -->", line.text)),
                        (false, false) => format!("{:>MIDDLE$}", format!("<-- {} ", line.text)),
                    };
                }
            }
            let row = format!("{step:>4}  {left:<SIDE$}|{middle:<MIDDLE$}|  {right}");
            let _ = writeln!(text, "{}", row.trim_end()); // a String takes everything
        }
        if let Some(rule) = &self.rule {
            let _ = writeln!(text, "\nbroken: {rule}"); // as above
        }
        text
    }

    fn heads(&self) -> &'static str {
        if self.clients > 1 { "clients" } else { "client" }
    }

    fn at_client(&self, client: usize, text: &str) -> String {
        if self.clients > 1 { format!("{}: {text}", client + 1) } else { text.to_owned() }
    }
}

/// The width of a side column.
const SIDE: usize = 30;
/// The width of the network's column.
const MIDDLE: usize = 44;

/// Returns what is said of a step; `None`: its events say it all.
fn said(step: Step) -> Option<(Place, String)> {
    let client = |number: u8| Place::Client(number.into());
    let caller = |tag: u8| Place::Client(client_of_call(tag));
    let (place, text) = match step {
        Step::Start(tag) => (caller(tag), format!("starts call {}", call_name(tag))),
        Step::Abandon(tag) => (caller(tag), format!("the caller of {} gives up", call_name(tag))),
        Step::Forget(tag) => (caller(tag), format!("the caller of {} asks no more", call_name(tag))),
        Step::Connect(number, _) => (client(number), "connects".to_owned()),
        Step::Transmit(_) | Step::Write(_) | Step::ToServer(..) | Step::ToClient(..) => return None,
        Step::Flush(number) => (client(number), "its write ends".to_owned()),
        Step::ClientLoses(link) => (Place::Client(client_of_link(link)), format!("loses connection {link}")),
        Step::ServerLoses(link) => (Place::Server, format!("loses connection {link}")),
        Step::Begin => (Place::Server, "takes the next call".to_owned()),
        Step::Refuse => (Place::Server, "the stub refuses the next call".to_owned()),
        Step::Finish(_, _, Ending::Done) => (Place::Server, "a handler returns".to_owned()),
        Step::Finish(_, _, Ending::Big) => (Place::Server, "a handler returns a long reply".to_owned()),
        Step::Finish(_, _, Ending::Panic) => (Place::Server, "a handler panics".to_owned()),
        Step::Timer(number) => (client(number), "its next timer is due".to_owned()),
        Step::Late => (Place::Server, "is late by 1.5 s".to_owned()),
        Step::Lease => (Place::Server, "the lease passes".to_owned()),
        Step::Replay => (Place::Between, "the network plays connection 0 again".to_owned()),
        Step::Crash => (Place::Server, "dies; another one starts".to_owned()),
        Step::Restart(number) => (client(number), "dies; another one starts".to_owned()),
        Step::Close(number) => (client(number), "is closed".to_owned()),
        Step::Drain => (Place::Server, "is told to shut down".to_owned()),
        Step::Linger => (Place::Server, "waits for 2.5 s".to_owned()),
        Step::End => (Place::Server, "ends; another one starts".to_owned()),
        Step::Calm => (Place::Between, "from here on the network is whole".to_owned()),
        Step::ClientWaits(number, millis) => (client(number), format!("{millis} ms pass")),
        Step::ServerWaits(seconds) => (Place::Server, format!("{seconds} s pass")),
    };
    Some((place, text))
}

fn happened(event: Event) -> (Place, String) {
    match event {
        Event::ClosedByClient(link) => {
            (Place::Client(client_of_link(link)), format!("closes connection {link}"))
        }
        Event::ClosedByServer(link) => (Place::Server, format!("closes connection {link}")),
        Event::Began(tag) => (Place::Server, format!("call {} runs", call_name(tag))),
        Event::Ended(tag) => (Place::Server, format!("call {} has ended", call_name(tag))),
        Event::Told { tag, verdict } => {
            let text = format!("call {}: {}", call_name(tag), words(verdict));
            (Place::Client(client_of_call(tag)), text)
        }
        Event::Sent { .. } | Event::Made(_) => (Place::Between, String::new()), // lines of their own
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "done",
        Verdict::Wrong => "a wrong reply",
        Verdict::Panicked => "panicked",
        Verdict::NotExecuted => "not executed",
        Verdict::ReplyLost => "executed, reply lost",
        Verdict::Late => "unknown (deadline)",
        Verdict::SessionLost => "unknown (session lost)",
        Verdict::Closed => "unknown (closed)",
        Verdict::Broken => "unknown (broken server)",
    }
}
