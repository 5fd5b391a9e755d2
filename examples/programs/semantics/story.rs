//! `--trace`: the story of one append, from its start to its verdict, and what of it arrives later; in the words of the glossary.

use std::collections::HashMap;

use rpc_core::Client;
use rpc_core::ids::Time;
use rpc_core::proto::Outcome;
use rpc_core::proto::client::Event;
use rpc_frames::{Dialogue, MOST_KEPT, Methods, Way, head};
use rpc_sim::{FrameId, Happening, LinkId, Observed};

use crate::callers::KvClient;

/// Chooses what is part of a story while the appends are made.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The append of the story.
    number: u32,
    /// The text that it appends.
    token: String,
    /// The events so far.
    seen: Vec<Observed>,
}

impl Watched {
    pub(crate) fn new(number: u32, token: String) -> Self {
        Watched { number, token, seen: Vec::new() }
    }

    /// Takes what has happened during an append. Of later ones only frames that carry the same text, and what they begin, are kept.
    pub(crate) fn take(&mut self, during: u32, news: Vec<Observed>) {
        if during == self.number {
            return self.seen.extend(news);
        }
        if during < self.number {
            return;
        }
        let mut arrived = false;
        for event in news {
            let belongs = match &event.what {
                Happening::Delivered { bytes, .. } | Happening::Dropped { bytes, .. } => {
                    let token = self.token.as_bytes();
                    arrived = bytes.windows(token.len()).any(|part| part == token);
                    arrived
                }
                Happening::HandlerBegan { .. } => std::mem::take(&mut arrived),
                _ => false,
            };
            if belongs {
                self.seen.push(event);
            }
        }
    }

    /// Returns the story, a line for each event.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut teller = Teller::default();
        self.seen.iter().filter_map(|event| teller.line(event)).collect()
    }
}

/// Tells events one after the other.
#[derive(Default)]
struct Teller {
    /// The connections, by their names.
    links: HashMap<LinkId, Dialogue>,
    /// The frames, in words.
    frames: HashMap<FrameId, String>,
    /// The kinds of call frames that were sent: another one of the same slot and number is a duplicate.
    calls: HashMap<String, u32>,
    /// The time of the first event.
    began: Option<Time>,
}

impl Teller {
    fn line(&mut self, event: &Observed) -> Option<String> {
        let (place, text) = match &event.what {
            Happening::Started { .. } => ("caller", "starts the call".to_owned()),
            Happening::Connected { .. } => ("client", "has a connection".to_owned()),
            Happening::Refused { .. } => ("client", "is refused a connection".to_owned()),
            Happening::Broken { .. } => ("network", "a connection breaks".to_owned()),
            Happening::Sent { bytes, .. } if bytes.is_empty() => return None, // the end of a connection
            Happening::Sent { frame, copy_of, bytes } => self.sent(*frame, copy_of.is_some(), bytes),
            Happening::Delivered { bytes, .. } | Happening::Dropped { bytes, .. } if bytes.is_empty() => {
                return None;
            }
            Happening::Delivered { frame, bytes } => {
                let words = self.words(*frame, bytes);
                (if frame.to_server { "server" } else { "client" }, format!("gets {words}"))
            }
            Happening::Dropped { frame, bytes } => {
                ("network", format!("loses {}", self.words(*frame, bytes)))
            }
            Happening::HandlerBegan { method, .. } => ("server", format!("the handler of {method} begins")),
            Happening::HandlerEnded { .. } => ("server", "the handler has returned".to_owned()),
            Happening::Verdict { event, .. } => ("caller", verdict(event)),
            Happening::Crashed => ("server", "its process dies".to_owned()),
            Happening::Serving { .. } => ("server", "its process starts".to_owned()),
            _ => return None, // drains and splits, of which there are none here
        };
        let began = *self.began.get_or_insert(event.at);
        let since = event.at.since(began).as_secs_f64();
        Some(format!("{since:>8.3} s  {place:<16}  {text}"))
    }

    fn sent(&mut self, frame: FrameId, is_copy: bool, bytes: &[u8]) -> (&'static str, String) {
        let words = self.words(frame, bytes);
        let is_call = words.starts_with("CALL ");
        let count = self.calls.entry(words.clone()).and_modify(|count| *count += 1).or_insert(1);
        let place = if frame.to_server { "client -> server" } else { "client <- server" };
        let what = match (is_copy, is_call && *count > 1) {
            (true, _) => format!("{words}, a copy by the network"),
            (_, true) => format!("{words}, again: a duplicate"),
            _ => words,
        };
        (place, what)
    }

    /// Returns a frame in words. It is opened once, when it is first seen.
    fn words(&mut self, frame: FrameId, bytes: &[u8]) -> String {
        if let Some(words) = self.frames.get(&frame) {
            return words.clone();
        }
        let fresh = || Dialogue::new(Methods::of(&[KvClient::CONTRACT]), MOST_KEPT);
        let connection = self.links.entry(frame.link).or_insert_with(fresh);
        let way = if frame.to_server { Way::ToServer } else { Way::ToClient };
        let mut words = String::new();
        connection.push(way, bytes, &mut |frame| words = head(&frame));
        self.frames.insert(frame, words.clone());
        words
    }
}

fn verdict(event: &Event) -> String {
    let (news, outcome) = match event {
        Event::Finished(_, outcome) => ("verdict", outcome),
        Event::Resolved(_, outcome) => ("the unknown call is resolved", outcome),
    };
    let verdict = match outcome {
        Outcome::Done(_) => "value: it ran".to_owned(),
        Outcome::NotExecuted(reason, ..) => format!("not executed: {reason}"),
        Outcome::ReplyLost(_) => "reply lost: it ran".to_owned(),
        Outcome::Unknown(_) => "unknown: it may have run".to_owned(),
        Outcome::Failed(_) | Outcome::Panicked(_) | Outcome::GivenUp(_) => "an error: it ran".to_owned(),
    };
    format!("{news}: {verdict}")
}
