//! The answer that the page gets: the state after a click, and the events up to it. All of it comes from the protocol's own snapshots.

use serde::Serialize;

use crate::frames::Head;

/// The state of everything after some clicks of a story.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The link of the whole story.
    pub story: String,
    /// The number of clicks that were played.
    pub at: usize,
    /// The number of clicks of the story.
    pub of: usize,
    /// The clicks, as words of the link.
    pub clicks: Vec<String>,
    /// The virtual time, in microseconds.
    pub now: u64,
    /// The hash over everything that has happened: equal for two runs of one story.
    pub hash: String,
    /// True if the duplicate filter is on.
    pub filter: bool,
    /// True if nothing is under way.
    pub quiet: bool,
    /// True while nothing passes.
    pub split: bool,
    /// The clients.
    pub clients: Vec<ClientShown>,
    /// The server; none after it was killed.
    pub server: Option<ServerShown>,
    /// The texts in the store.
    pub store: Vec<(String, String)>,
    /// The values that handlers appended, and `get` for those that read, in the order in which they ran.
    pub ran: Vec<String>,
    /// The frames on their way.
    pub frames: Vec<FrameShown>,
    /// The events, click by click.
    pub log: Vec<Vec<EventShown>>,
}

/// A client.
#[derive(Clone, Debug, Serialize)]
pub struct ClientShown {
    /// The session, in a few characters; none before the first and after a lost one.
    pub session: Option<String>,
    /// True if a connection carries it.
    pub attached: bool,
    /// True if the server has said that it is shutting down.
    pub draining: bool,
    /// The reason for which there is no connection.
    pub failure: String,
    /// The slots that were used.
    pub slots: Vec<SlotShown>,
    /// The calls that wait for a slot, by their numbers.
    pub waiting: Vec<usize>,
    /// Its calls.
    pub calls: Vec<CallShown>,
}

/// A slot of a client.
#[derive(Clone, Debug, Serialize)]
pub struct SlotShown {
    /// The slot.
    pub slot: u16,
    /// The number of its last call.
    pub last: u64,
    /// `free`, `in flight` or `orphaned`.
    pub usage: &'static str,
    /// The call that it carries.
    pub call: Option<usize>,
}

/// A call.
#[derive(Clone, Debug, Serialize)]
pub struct CallShown {
    /// Its number in the story.
    pub number: usize,
    /// The call as it is written: `append("k", "a")`.
    pub text: String,
    /// The number of times that its handler ran.
    pub ran: usize,
    /// True once the caller has given it up.
    pub cancelled: bool,
    /// The caller's verdict.
    pub verdict: Option<VerdictShown>,
    /// The outcome of an unknown call, if it is known since.
    pub resolved: Option<String>,
}

/// A verdict.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictShown {
    /// `value`, `not executed`, `reply lost`, `unknown`, ..
    pub kind: &'static str,
    /// True if the call ran, false if it did not, none if that is not known.
    pub ran: Option<bool>,
    /// The value, or the text of the error.
    pub text: String,
}

/// A server.
#[derive(Clone, Debug, Serialize)]
pub struct ServerShown {
    /// Counts its lives.
    pub life: u64,
    /// True while it drains.
    pub draining: bool,
    /// True if it may end.
    pub drained: bool,
    /// Its sessions.
    pub sessions: Vec<SessionShown>,
    /// The handlers that have begun.
    pub handlers: Vec<HandlerShown>,
}

/// A session of a server.
#[derive(Clone, Debug, Serialize)]
pub struct SessionShown {
    /// Its name in a few characters.
    pub id: String,
    /// The client that has it.
    pub client: Option<usize>,
    /// True if a connection carries it.
    pub attached: bool,
    /// The records of its slots.
    pub records: Vec<RecordShown>,
}

/// The record of a slot.
#[derive(Clone, Debug, Serialize)]
pub struct RecordShown {
    /// The slot.
    pub slot: u16,
    /// The number of its last call.
    pub last: u64,
    /// The state of that call.
    pub state: &'static str,
    /// The reply that is kept, decoded.
    pub kept: Option<String>,
}

/// A handler that has begun.
#[derive(Clone, Debug, Serialize)]
pub struct HandlerShown {
    /// Its number.
    pub number: u64,
    /// Its method.
    pub method: String,
    /// The call that it runs.
    pub call: Option<usize>,
    /// The time at which it began, in microseconds.
    pub began: u64,
    /// The time at which it returns, in microseconds.
    pub returns: u64,
}

/// A frame on its way.
#[derive(Clone, Debug, Serialize)]
pub struct FrameShown {
    /// Its name, as in a link.
    pub id: String,
    /// The client at one end.
    pub client: Option<usize>,
    /// The connection.
    pub link: u64,
    /// True if it goes to the server.
    pub to_server: bool,
    /// Its kind, slot, number and meaning.
    #[serde(flatten)]
    pub head: Head,
    /// True if the network has made it as a copy.
    pub copy: bool,
    /// True if one of its bytes was changed.
    pub changed: bool,
    /// True if it stands still.
    pub held: bool,
    /// The part of its way that it has gone, from 0 to 1000.
    pub way: u64,
    /// Its bytes, two digits each.
    pub bytes: String,
}

/// A thing that has happened.
#[derive(Clone, Debug, Serialize)]
pub struct EventShown {
    /// The time, in microseconds.
    pub at: u64,
    /// The thing: `sent`, `delivered`, `verdict`, ..
    pub what: &'static str,
    /// The client that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<usize>,
    /// The call that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// The frame that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameNamed>,
    /// A word more: the method, the kind of a verdict, the life of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub more: String,
}

/// A frame that an event is about.
#[derive(Clone, Debug, Serialize)]
pub struct FrameNamed {
    /// Its name, as in a link.
    pub id: String,
    /// True if it goes to the server.
    pub to_server: bool,
    /// Its kind, slot, number and meaning.
    #[serde(flatten)]
    pub head: Head,
}
