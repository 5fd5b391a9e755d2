//! Looks at a stage: the snapshots of both sides and the frames between them, for the page.

use rpc_core::ids::SessionId;
use rpc_core::proto::client::SlotUse;
use rpc_core::proto::server::{CallState, RecordSnapshot, SessionSnapshot};
use rpc_core::wire::codec;
use rpc_sim::InFlight;

use super::{FRAME, Stage};
use crate::frames::head;
use crate::link::{Story, write_frame};
use crate::shown::{
    CallShown, ClientShown, FrameShown, HandlerShown, RecordShown, ServerShown, SessionShown, Shown,
    SlotShown,
};

impl Stage {
    /// Returns all that there is to be seen.
    pub fn look(&self, story: &Story, at: usize) -> Shown {
        let now = self.network.now();
        let clients: Vec<_> = (0..self.clients.len()).map(|client| self.client(client)).collect();
        let server = self.server();
        let frames: Vec<_> = self.frames();
        let is_idle = |client: &ClientShown| client.waiting.is_empty();
        let calls_rest = self.calls.iter().all(|call| call.pending.is_none());
        let slots_rest = clients.iter().flat_map(|client| &client.slots).all(|slot| slot.usage == "free");
        Shown {
            story: story.to_string(),
            at: at.min(story.clicks.len()),
            of: story.clicks.len(),
            clicks: story.clicks.iter().map(ToString::to_string).collect(),
            now: now.0,
            hash: format!("{:016x}", self.network.trace_hash()),
            filter: story.filter,
            quiet: frames.is_empty()
                && self.handlers.is_empty()
                && calls_rest
                && slots_rest
                && clients.iter().all(is_idle)
                && server.iter().flat_map(|server| &server.sessions).all(settled),
            split: self.network.with_world(|world| world.is_split()),
            clients,
            server,
            store: self.store.texts().into_iter().collect(),
            ran: self.store.ran(),
            frames,
            log: self.log.clone(),
        }
    }

    fn client(&self, client: usize) -> ClientShown {
        let snapshot = self.network.with_world(|world| world.client(client).map(|core| core.snapshot()));
        let call = |tag| self.tags.get(&(client, tag)).copied();
        let ran = self.store.ran();
        let calls = self.calls.iter().enumerate().filter(|(_, found)| found.client == client);
        let calls = calls.map(|(number, found)| CallShown {
            number,
            text: found.text.clone(),
            ran: ran.iter().filter(|value| !found.value.is_empty() && **value == found.value).count(),
            cancelled: found.cancelled,
            verdict: found.verdict.clone(),
            resolved: found.resolved.clone(),
        });
        let slots = snapshot.iter().flat_map(|snapshot| &snapshot.slots).map(|slot| {
            let (usage, call) = match slot.usage {
                SlotUse::Free => ("free", None),
                SlotUse::InFlight { tag, .. } => ("in flight", call(tag)),
                SlotUse::Orphaned { tag } => ("orphaned", tag.and_then(call)),
            };
            SlotShown { slot: slot.slot, last: slot.last, usage, call }
        });
        ClientShown {
            session: snapshot.as_ref().and_then(|snapshot| snapshot.session).map(short),
            attached: snapshot.as_ref().is_some_and(|snapshot| snapshot.attached),
            draining: snapshot.as_ref().is_some_and(|snapshot| snapshot.draining),
            failure: snapshot.as_ref().map(|snapshot| snapshot.failure.clone()).unwrap_or_default(),
            slots: slots.collect(),
            waiting: snapshot
                .iter()
                .flat_map(|snapshot| &snapshot.waiting)
                .filter_map(|tag| call(*tag))
                .collect(),
            calls: calls.collect(),
        }
    }

    fn server(&self) -> Option<ServerShown> {
        let (life, drained, sessions) = self.network.with_world(|world| {
            Some((world.server_life(), world.is_drained(), world.server()?.snapshot()))
        })?;
        let handlers = self.handlers.iter().map(|handler| HandlerShown {
            number: handler.job.handler(),
            method: handler.job.method().rsplit('.').next().unwrap_or_default().to_owned(),
            call: self.names.get(&handler.job.call()).copied(),
            began: handler.began.0,
            returns: handler.returns.0,
        });
        let sessions = sessions.into_iter().map(|session| self.session(session)).collect();
        let life = life.saturating_sub(1); // the first life of a `Network` ends before it has a service
        Some(ServerShown { life, draining: self.draining, drained, sessions, handlers: handlers.collect() })
    }

    fn session(&self, session: SessionSnapshot) -> SessionShown {
        let is_of = |client: &usize| {
            let found =
                self.network.with_world(|world| world.client(*client).map(|core| core.snapshot().session));
            found.flatten() == Some(session.id)
        };
        SessionShown {
            id: short(session.id),
            client: (0..self.clients.len()).find(is_of),
            attached: session.attached,
            records: session.records.iter().map(record).collect(),
        }
    }

    fn frames(&self) -> Vec<FrameShown> {
        let flying = self.network.with_world(|world| world.in_flight());
        flying.iter().map(|frame| self.frame(frame)).collect()
    }

    fn frame(&self, frame: &InFlight) -> FrameShown {
        let left = frame.left.min(FRAME);
        FrameShown {
            id: write_frame(frame.id),
            client: self.links.get(&frame.id.link).copied(),
            link: frame.id.link,
            to_server: frame.id.to_server,
            head: head(&frame.bytes),
            copy: self.copies.contains(&frame.id),
            changed: self.changed.contains(&frame.id),
            held: frame.arrives.is_none(),
            way: 1000 - (left.as_micros() * 1000 / FRAME.as_micros()) as u64, // at most 1000
            bytes: frame.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// Returns a session's name in a few characters.
fn short(id: SessionId) -> String {
    format!("{id:?}")
}

fn record(record: &RecordSnapshot) -> RecordShown {
    RecordShown {
        slot: record.call.slot,
        last: record.call.seq,
        state: match record.state {
            CallState::Empty => "empty",
            CallState::Queued => "queued",
            CallState::Running => "running",
            CallState::Kept => "kept",
            CallState::NotKept => "not kept",
            CallState::Acknowledged => "acknowledged",
            CallState::Refused => "refused",
        },
        kept: record.kept.as_ref().map(|reply| {
            codec::decode::<String>(reply)
                .map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
        }),
    }
}

/// Returns true if nothing of a session is under way: its client has every reply, and has said so.
fn settled(session: &SessionShown) -> bool {
    session.records.iter().all(|record| !matches!(record.state, "queued" | "running" | "kept"))
}
