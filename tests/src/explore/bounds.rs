//! The bounds of one scenario: how much there is of everything, and what may happen.

use std::time::Duration;

use rpc_core::contract::Directory;
use rpc_core::ids::{Incarnation, Time};
use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::proto::client::{ClientConfig, ClientCore, seeded_nonce};
use rpc_core::proto::server::{ServerConfig, ServerCore};

use crate::ledger::{Does, served};

/// Most clients of a scenario: rules about two clients need two, and a third only repeats the second.
pub const CLIENTS: usize = 2;
/// Most connections of one client in a scenario: one that is replaced, one that replaces it, and one more.
pub const LINKS: usize = 3;
/// The connection on which the first client's first one is played again: its last one.
pub const REPLAY: u8 = LINKS as u8 - 1;
/// Most calls of one client in a scenario.
pub const CALLS: usize = 4;

/// Time until a call's deadline.
pub const DEADLINE: Duration = Duration::from_secs(1);
/// The first retransmission on a living connection, in scenarios with retransmissions: before the deadline, and the second one after it.
pub const RETRANSMIT_AFTER: Duration = Duration::from_millis(600);
/// By so much the server is late: more than a call's deadline.
pub const LATENESS: Duration = Duration::from_millis(1500);
/// No scenario lasts so long; times beyond it are as good as never.
pub const HORIZON: Duration = Duration::from_secs(100_000);
/// Limits that never come true in a scenario.
const FAR: Duration = Duration::from_secs(1_000_000);
/// The clocks of the machines begin here, so that the retry budget is full.
pub const BEGIN: Time = Time(1_000_000_000);
/// Replies up to this length are kept.
pub const KEPT: usize = 24;

/// The bounds of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Clients.
    pub clients: usize,
    /// Slots of a session.
    pub slots: u16,
    /// Calls of each client.
    pub calls: usize,
    /// Connections of each client, one after the other.
    pub links: usize,
    /// Calls that the server lets wait.
    pub queue: usize,
    /// The method of all calls.
    pub does: Does,
    /// Calls that are refused as busy are tried again.
    pub retry: bool,
    /// States in which a client has used a higher number are not looked at; 0: no bound.
    pub highest_seq: u64,
    /// Bytes of all kept replies.
    pub reply_budget: usize,
    /// Calls run out of time on the client.
    pub deadlines: bool,
    /// A call is sent again on a living connection.
    pub retransmissions: bool,
    /// Callers give up.
    pub abandon: bool,
    /// Callers of unknown calls lose interest in the answer.
    pub forget: bool,
    /// Stubs refuse calls.
    pub refuse: bool,
    /// Replies are too long to be kept.
    pub big: bool,
    /// Handlers panic.
    pub panic: bool,
    /// Either side loses a connection, alone.
    pub loss: bool,
    /// The client's writes end later than they begin.
    pub late_flush: bool,
    /// The server writes its frames later than it makes them, one at a time.
    pub late_writes: bool,
    /// Times that the server is late by [`LATENESS`].
    pub lateness: u8,
    /// Times that the lease passes.
    pub leases: u8,
    /// Times that the server's process dies and another one starts.
    pub crashes: u8,
    /// Times that a client's process dies and another one starts.
    pub restarts: u8,
    /// Clients send a nonce with the HELLO that opens a session.
    pub nonces: bool,
    /// Times that the network plays a client's first connection again, from its HELLO on. The replay takes the place of the
    /// client's last connection.
    pub replays: u8,
    /// Clients are closed: BYE.
    pub close: bool,
    /// The server shuts down: GOAWAY; when it is drained, its process ends and another one starts.
    pub drain: bool,
}

/// A scenario in which nothing happens but calls on connections that may be lost.
pub const PLAIN: Bounds = Bounds {
    clients: 1,
    slots: 1,
    calls: 2,
    links: 1,
    queue: 8,
    does: Does::Reply,
    retry: false,
    highest_seq: 0,
    reply_budget: 1 << 20,
    deadlines: true,
    retransmissions: false,
    abandon: false,
    forget: false,
    refuse: false,
    big: false,
    panic: false,
    loss: true,
    late_flush: false,
    late_writes: false,
    lateness: 0,
    leases: 0,
    crashes: 0,
    restarts: 0,
    nonces: false,
    replays: 0,
    close: false,
    drain: false,
};

impl Bounds {
    /// Returns true if calls are repeated by the client.
    pub fn repeats(&self) -> bool {
        self.does == Does::Idempotent
    }

    /// Returns a server in its first state. All that it does follows from what it is handed, ids and tokens as well.
    pub fn server(&self, life: u8) -> ServerCore {
        let limits = ServerLimits {
            slots: 8,
            max_frame: 4096,
            max_cached_reply: KEPT,
            reply_budget: self.reply_budget,
            queue: self.queue,
            // The least pause before a repeat, so that nothing hangs on its jitter.
            retry_after: Duration::from_millis(if self.retry { 50 } else { 1 }),
            ..ServerLimits::default()
        };
        let config = ServerConfig {
            limits,
            directory: Directory::new(vec![served()]).expect("one service stands beside no other"),
            incarnation: Incarnation(u128::from(life)),
            loop_number: 0,
            loops: 1,
            at_most_once: true,
        };
        let mut given = 0;
        let entropy = move || {
            given += 1;
            let mut bytes = [given; 32];
            bytes[1] = life;
            bytes
        };
        ServerCore::new(config, Box::new(entropy))
    }

    /// Returns a client in the first state of one of its lives. Nothing in it hangs on chance: each pause with jitter is 0, or
    /// too long.
    pub fn client(&self, life: u8) -> ClientCore {
        let limits = ClientLimits {
            slots: self.slots,
            resend_first: if self.retransmissions { RETRANSMIT_AFTER } else { FAR },
            resend_cap: FAR,
            ack_delay: FAR,
            ack_at_once: 0,
            ping_after: FAR,
            backoff_first: Duration::ZERO,
            backoff_cap: Duration::ZERO,
            connect: FAR,
            all_orphaned: FAR,
            ..ClientLimits::default()
        };
        let seed = 7 + u64::from(life);
        let config = ClientConfig { limits, contracts: vec![served()], features: 0, seed };
        if self.nonces { ClientCore::with_nonces(config, seeded_nonce) } else { ClientCore::new(config) }
    }
}
