//! Plays a story: the production client, server and network, one click after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::ids::{CallId, Seq, Slot, Time};
use rpc_core::proto::client::{SlotUse, Tag};
use rpc_core::{CallError, Pending};
use rpc_sim::{ClientId, Fate, Faults, FrameId, Happening, Job, LinkId, Network, Observed, WorldConfig};

use crate::link::{Click, Story, StoryError};
use crate::service::{KvClient, KvServer, Store, takes};
use crate::shown::{EventShown, VerdictShown};

mod events;
mod look;

/// The time that each frame takes.
const FRAME: Duration = Duration::from_millis(40);
/// A step looks so far ahead for the next thing that happens. It is longer than a deadline and the longest pause of a client.
const AHEAD: Duration = Duration::from_secs(40);
/// A step lets so many things happen that are not shown, such as timers that find nothing to do. A story that needs more hangs.
const UNSEEN: usize = 20_000;
/// The key under which the calls of a story append.
pub const KEY: &str = "k";

/// A story that is played.
#[derive(Debug)]
pub struct Stage {
    network: Network,
    clients: Vec<KvClient>,
    store: Store,
    calls: Vec<Call>,
    handlers: Vec<Handler>,
    /// The calls by the names that the protocol gives them.
    names: BTreeMap<CallId, usize>,
    tags: BTreeMap<(ClientId, Tag), usize>,
    links: BTreeMap<LinkId, ClientId>,
    copies: Vec<FrameId>,
    changed: Vec<FrameId>,
    draining: bool,
    /// The calls of the handlers that run, by the handlers' numbers.
    running: BTreeMap<u64, Option<usize>>,
    /// The events that are not in the log yet.
    fresh: Vec<Observed>,
    log: Vec<Vec<EventShown>>,
}

/// A call of a story.
#[derive(Debug)]
struct Call {
    client: ClientId,
    text: String,
    value: String,
    pending: Option<Pending<String>>,
    cancelled: bool,
    verdict: Option<VerdictShown>,
    /// It is kept, since the client goes on asking for an unknown call only as long as there is interest in it.
    _error: Option<CallError>,
    resolved: Option<String>,
}

/// A handler that has begun.
#[derive(Debug)]
struct Handler {
    job: Job,
    began: Time,
    returns: Time,
}

impl Stage {
    /// Plays the first `count` clicks of a story.
    ///
    /// # Errors
    /// A click does nothing where it stands.
    pub fn play(story: &Story, count: usize) -> Result<Stage, StoryError> {
        let mut stage = Stage::begin(story);
        for (index, click) in story.clicks.iter().take(count).enumerate() {
            if !stage.click(*click) {
                return Err(StoryError::DoesNotFit(index + 1, click.to_string()));
            }
        }
        Ok(stage)
    }

    /// The beginning of a story: the clients have their sessions, and nothing is on its way.
    fn begin(story: &Story) -> Stage {
        let faults = Faults::none().delay(FRAME, FRAME);
        let config = WorldConfig { at_most_once: story.filter, ..WorldConfig::new(story.seed, faults) };
        let (network, store) = (Network::with_config(config), Store::default());
        network.serve(KvServer::new(store.clone()));
        network.with_world(|world| world.observe());
        let clients = (0..story.clients).map(|_| network.client()).collect();
        let mut stage = Stage {
            network,
            clients,
            store,
            calls: Vec::new(),
            handlers: Vec::new(),
            names: BTreeMap::new(),
            tags: BTreeMap::new(),
            links: BTreeMap::new(),
            copies: Vec::new(),
            changed: Vec::new(),
            draining: false,
            running: BTreeMap::new(),
            fresh: Vec::new(),
            log: Vec::new(),
        };
        for _ in 0..UNSEEN {
            if stage.clients_are_ready() || !stage.next(stage.network.now().plus(AHEAD)) {
                break;
            }
        }
        stage.take_events();
        stage
    }

    fn clients_are_ready(&self) -> bool {
        self.network.with_world(|world| {
            (0..self.clients.len()).all(|client| world.client(client).is_some_and(|core| core.is_ready()))
        })
    }

    /// Does what a reader does. Returns false if it cannot be done now.
    fn click(&mut self, click: Click) -> bool {
        let done = match click {
            Click::Step => self.step(),
            Click::Append(client) => self.start(client, "append"),
            Click::AppendSlowly(client) => self.start(client, "append_slowly"),
            Click::Get(client) => self.start(client, "get"),
            Click::Cancel(call) => self.cancel(call),
            Click::Frame(frame, fate) => self.decide(frame, fate),
            Click::Kill => self.kill(),
            Click::KillAfter => self.kill_after(),
            Click::Drain => self.drain(),
            Click::CutAll | Click::Split | Click::Heal | Click::Restart => self.turn(click),
        };
        self.note_names();
        let events = self.take_events();
        self.log.push(events);
        done
    }

    /// Lets the world go on until something is seen to happen. It is no mistake if nothing does.
    fn step(&mut self) -> bool {
        let until = self.network.now().plus(AHEAD);
        for _ in 0..UNSEEN {
            let before = self.seen();
            if !self.next(until) || self.seen() > before {
                break;
            }
        }
        true
    }

    /// Lets one thing happen until then: in the world, or the return of a handler. Returns false if nothing does.
    fn next(&mut self, until: Time) -> bool {
        let due = self.handlers.iter().map(|handler| handler.returns).min();
        let next = self.network.with_world(|world| world.next_at());
        match due.filter(|due| *due <= until) {
            Some(due) if next.is_none_or(|next| next > due) => {
                self.network.step(due);
                self.return_handler();
            }
            _ => {
                if next.is_none_or(|next| next > until) || !self.network.step(until) {
                    return false;
                }
            }
        }
        self.begin_handlers();
        self.note_names();
        true
    }

    /// Notes the handlers that are to be entered. They run when their time is over: until then they have done nothing.
    fn begin_handlers(&mut self) {
        while let Some(job) = self.network.with_world(|world| world.poll_job()) {
            let began = self.network.now();
            let returns = began.plus(takes(job.method()));
            self.handlers.push(Handler { job, began, returns });
        }
        while let Some(notice) = self.network.with_world(|world| world.poll_notice()) {
            notice();
        }
    }

    /// Runs the handler whose time is over first.
    fn return_handler(&mut self) {
        let first = self.handlers.iter().enumerate().min_by_key(|(_, handler)| handler.returns);
        if let Some((index, _)) = first {
            let done = self.handlers.remove(index).job.run();
            self.network.with_world(|world| world.job_done(done));
        }
    }

    fn start(&mut self, client: ClientId, method: &str) -> bool {
        let Some(kv) = self.clients.get(client) else { return false };
        let number = self.calls.len();
        // Another character for each call, so that the runs of each can be counted.
        let value = char::from(b'a' + (number % 26) as u8).to_string();
        let (pending, text) = match method {
            "append" => (kv.start.append(KEY, &value), format!("append({KEY:?}, {value:?})")),
            "append_slowly" => {
                (kv.start.append_slowly(KEY, &value), format!("append_slowly({KEY:?}, {value:?})"))
            }
            _ => (kv.start.get(KEY), format!("get({KEY:?})")),
        };
        let value = if method == "get" { String::new() } else { value };
        let (cancelled, verdict, _error, resolved) = (false, None, None, None);
        let pending = Some(pending);
        self.calls.push(Call { client, text, value, pending, cancelled, verdict, _error, resolved });
        true
    }

    /// Gives a call up, as a caller does that drops its pending call.
    fn cancel(&mut self, call: usize) -> bool {
        let Some(found) = self.calls.get_mut(call).filter(|call| call.verdict.is_none()) else {
            return false;
        };
        let pending = found.pending.take();
        found.cancelled |= pending.is_some();
        pending.is_some()
    }

    fn decide(&mut self, frame: FrameId, fate: Fate) -> bool {
        let done = self.network.with_world(|world| world.decide(frame, fate));
        if done && matches!(fate, Fate::Change { .. }) {
            self.changed.push(frame);
        }
        done
    }

    fn kill(&mut self) -> bool {
        self.handlers.clear();
        self.draining = false;
        let runs = self.serves();
        self.network.crash_server();
        runs
    }

    /// Lets the handler that has begun first do its work, and ends the process before it can reply.
    fn kill_after(&mut self) -> bool {
        if self.handlers.is_empty() {
            return false;
        }
        let handler = self.handlers.remove(0);
        drop(handler.job.run());
        self.kill()
    }

    fn drain(&mut self) -> bool {
        let begins = self.serves() && !self.draining;
        self.draining = true;
        self.network.drain_server();
        begins
    }

    fn turn(&mut self, click: Click) -> bool {
        let (serves, split) = (self.serves(), self.network.with_world(|world| world.is_split()));
        match click {
            Click::CutAll => self.network.cut_all(),
            Click::Split if !split => self.network.with_world(|world| world.split()),
            Click::Heal if split => self.network.with_world(|world| world.heal()),
            Click::Restart if !serves => self.network.restart_server(),
            _ => return false,
        }
        true
    }

    fn serves(&self) -> bool {
        self.network.with_world(|world| world.server().is_some())
    }

    /// Notes under which session, slot and number each call travels.
    fn note_names(&mut self) {
        for client in 0..self.clients.len() {
            let snapshot = self.network.with_world(|world| world.client(client).map(|core| core.snapshot()));
            let Some(snapshot) = snapshot else { continue };
            let Some(session) = snapshot.session else { continue };
            for slot in snapshot.slots {
                if let SlotUse::InFlight { tag, .. } | SlotUse::Orphaned { tag: Some(tag) } = slot.usage {
                    if let Some(call) = self.tags.get(&(client, tag)) {
                        let (slot, seq): (Slot, Seq) = (slot.slot, slot.last);
                        self.names.insert(CallId { session, slot, seq }, *call);
                    }
                }
            }
        }
    }

    /// Takes the verdicts that have come.
    fn take_verdicts(&mut self) {
        for call in &mut self.calls {
            let Some(result) = call.pending.as_mut().and_then(|pending| pending.wait_for(Duration::ZERO))
            else {
                continue;
            };
            call.pending = None;
            call.verdict = Some(match &result {
                Ok(value) => VerdictShown { kind: "value", ran: Some(true), text: format!("{value:?}") },
                Err(error) => VerdictShown { kind: kind(error), ran: error.ran(), text: error.to_string() },
            });
            call._error = result.err();
        }
    }
}

/// Returns the name of a verdict that is an error, as in the glossary.
fn kind(error: &CallError) -> &'static str {
    match error {
        CallError::Service(_) => "error",
        CallError::Panicked(_) => "panicked",
        CallError::GivenUp(_) => "given up",
        CallError::NotExecuted(_) => "not executed",
        CallError::ReplyLost(_) => "reply lost",
        CallError::Unknown(_) => "unknown",
    }
}

/// Returns true if a thing that happens is one that a step shows.
fn is_seen(what: &Happening) -> bool {
    // What a reader starts is shown with the click that starts it.
    !matches!(what, Happening::Started { .. })
}
