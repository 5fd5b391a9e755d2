//! A state of the whole system: both machines by name, what their connections may still deliver, and what really happened.

use super::bounds::{CALLS, CLIENTS, LINKS};
use super::client::Verdict;
use super::frames::{EMPTY, SetId};
use super::machine::MachineId;
use super::server::ALL_LINKS;

/// A connection. Each frame in its sets may arrive any number of times, in any order, or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// It was made.
    pub made: bool,
    /// The client has it.
    pub at_client: bool,
    /// The server has it.
    pub at_server: bool,
    /// Frames on the way to the server.
    pub up: SetId,
    /// Frames on the way to the client.
    pub down: SetId,
}

impl Link {
    /// A connection that has just been made.
    pub const NEW: Link = Link { made: true, at_client: true, at_server: true, up: EMPTY, down: EMPTY };
}

/// A call: what really happened to it, and what its caller was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// It was started.
    pub started: bool,
    /// Its caller has gone.
    pub abandoned: bool,
    /// The number of times that its handler was entered.
    pub runs: u8,
    /// The verdict that its caller got.
    pub verdict: Option<Verdict>,
    /// The later outcome, if that was 'unknown'.
    pub resolved: Option<Verdict>,
}

/// The drain of the server, if it was told to shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// Not yet.
    #[default]
    Not,
    /// It shuts down.
    UnderWay,
    /// Its process has ended.
    Ended,
}

/// The number of times that rare steps were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Deaths of the server.
    pub crashes: u8,
    /// Leases that have passed.
    pub leases: u8,
    /// Times that the server was late.
    pub lateness: u8,
    /// Deaths of a client.
    pub restarts: u8,
    /// Times that the first connection was played again.
    pub replays: u8,
    /// Times that a server that shuts down has waited.
    pub lingers: u8,
    /// One bit for each client that was closed.
    pub closed: u8,
    /// The shutdown.
    pub drain: Drain,
}

/// A state of the whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The server.
    pub server: MachineId,
    /// The clients.
    pub clients: [MachineId; CLIENTS],
    /// The connections; those of client `n` begin at `n * LINKS`.
    pub links: [Link; ALL_LINKS],
    /// The calls; those of client `n` begin at `n * CALLS`.
    pub calls: [Call; CLIENTS * CALLS],
    /// The names of the calls that have begun, where a caller's call may have several.
    pub begun: SetId,
    /// The frames that the first client has written on its first connection, if that may be played again.
    pub recorded: SetId,
    /// Rare things.
    pub spent: Spent,
}

impl State {
    /// Returns the first state of a system of these machines.
    pub fn new(server: MachineId, client: MachineId) -> Self {
        State {
            server,
            clients: [client; CLIENTS],
            links: [Link::default(); ALL_LINKS],
            calls: [Call::default(); CLIENTS * CALLS],
            begun: EMPTY,
            recorded: EMPTY,
            spent: Spent::default(),
        }
    }

    /// Returns true if a client may be told that its session is lost.
    pub fn may_lose_session(&self) -> bool {
        self.spent.crashes > 0 || self.spent.leases > 0 || self.spent.drain == Drain::Ended
    }
}

/// Returns the client that has a connection.
pub fn client_of_link(link: u8) -> usize {
    usize::from(link) / LINKS
}

/// Returns the client that has a call.
pub fn client_of_call(tag: u8) -> usize {
    usize::from(tag) / CALLS
}
