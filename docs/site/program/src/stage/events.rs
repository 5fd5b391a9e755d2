//! The events in the words of the page: what the observer saw, with the calls and clients that they concern.

use bytes::Bytes;
use rpc_core::proto::Outcome;
use rpc_core::proto::client::Event;
use rpc_sim::{FrameId, Happening, Observed};

use super::{Stage, is_seen};
use crate::frames::head;
use crate::link::write_frame;
use crate::shown::{EventShown, FrameNamed};

impl Stage {
    /// Returns the number of things that have happened and were not taken.
    pub(super) fn seen(&mut self) -> usize {
        let news = self.network.with_world(|world| world.take_observed());
        self.fresh.extend(news);
        self.fresh.iter().filter(|seen| is_seen(&seen.what)).count()
    }

    /// Takes what has happened, and the verdicts that came with it.
    pub(super) fn take_events(&mut self) -> Vec<EventShown> {
        self.seen();
        let fresh = std::mem::take(&mut self.fresh);
        let events = fresh.into_iter().map(|seen| self.event(seen)).collect();
        self.note_names();
        self.take_verdicts();
        events
    }

    fn event(&mut self, seen: Observed) -> EventShown {
        let mut event = EventShown {
            at: seen.at.0,
            what: "",
            client: None,
            call: None,
            frame: None,
            more: String::new(),
        };
        match seen.what {
            Happening::Started { client, tag } => {
                // The calls of a story start one at a time, so the newest call without a name is the one.
                let call = self.calls.len().saturating_sub(1);
                self.tags.insert((client, tag), call);
                (event.what, event.client, event.call) = ("started", Some(client), Some(call));
                event.more = self.calls.get(call).map(|call| call.text.clone()).unwrap_or_default();
            }
            Happening::Connected { client, link } => {
                self.links.insert(link, client);
                (event.what, event.client) = ("connected", Some(client));
            }
            Happening::Refused { client } => (event.what, event.client) = ("refused", Some(client)),
            Happening::Broken { link } => {
                (event.what, event.client) = ("broken", self.links.get(&link).copied());
            }
            Happening::Sent { frame, copy_of, bytes } => {
                self.copies.extend(copy_of.map(|_| frame));
                self.of_frame(&mut event, if copy_of.is_some() { "doubled" } else { "sent" }, frame, &bytes);
            }
            Happening::Delivered { frame, bytes } => self.of_frame(&mut event, "delivered", frame, &bytes),
            Happening::Dropped { frame, bytes } => self.of_frame(&mut event, "dropped", frame, &bytes),
            Happening::HandlerBegan { handler, call, method } => {
                (event.what, event.call) = ("began", self.names.get(&call).copied());
                self.running.insert(handler, event.call);
                event.more = method.to_owned();
            }
            Happening::HandlerEnded { handler, status } => {
                (event.what, event.call) = ("ended", self.running.remove(&handler).flatten());
                event.more = status.map(|status| format!("{status:?}")).unwrap_or_default();
            }
            Happening::Verdict { client, event: news } => self.verdict(&mut event, client, &news),
            Happening::Crashed => {
                self.running.clear();
                event.what = "crashed";
            }
            Happening::Serving { life } => {
                // The first life of a `Network` ends before it has a service.
                (event.what, event.more) = ("serving", life.saturating_sub(1).to_string());
            }
            Happening::Drains => event.what = "drains",
            Happening::Split => event.what = "split",
            Happening::Healed => event.what = "healed",
            other => event.more = format!("{other:?}"), // of a later simulator: shown as it is
        }
        event
    }

    fn of_frame(&self, event: &mut EventShown, what: &'static str, frame: FrameId, bytes: &Bytes) {
        (event.what, event.client) = (what, self.links.get(&frame.link).copied());
        event.frame =
            Some(FrameNamed { id: write_frame(frame), to_server: frame.to_server, head: head(bytes) });
    }

    fn verdict(&mut self, event: &mut EventShown, client: usize, news: &Event) {
        let (what, tag, outcome) = match news {
            Event::Finished(tag, outcome) => ("verdict", *tag, outcome),
            Event::Resolved(tag, outcome) => ("resolved", *tag, outcome),
        };
        let call = self.tags.get(&(client, tag)).copied();
        (event.what, event.client, event.call) = (what, Some(client), call);
        event.more = named(outcome).to_owned();
        if let Some(call) = call.filter(|_| what == "resolved").and_then(|call| self.calls.get_mut(call)) {
            call.resolved = Some(event.more.clone());
        }
    }
}

/// Returns the name of an outcome, as in the glossary.
fn named(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "value",
        Outcome::Failed(_) => "error",
        Outcome::Panicked(_) => "panicked",
        Outcome::GivenUp(_) => "given up",
        Outcome::NotExecuted(..) => "not executed",
        Outcome::ReplyLost(_) => "reply lost",
        Outcome::Unknown(_) => "unknown",
    }
}
