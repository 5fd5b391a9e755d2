//! The scenarios: what is searched, each to exhaustion or to a stated bound.

use super::bounds::{Bounds, PLAIN};
use crate::ledger::Does;

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The bounds of its steps.
    pub what: &'static str,
    /// It is searched to exhaustion in every `cargo test`.
    pub in_every_test: bool,
    /// Its bounds.
    pub bounds: Bounds,
}

const RESUME: Bounds = Bounds { links: 2, ..PLAIN };
const REPEAT: Bounds = Bounds { does: Does::Idempotent, calls: 1, highest_seq: 3, ..RESUME };

const fn small(name: &'static str, what: &'static str, bounds: Bounds) -> Scenario {
    Scenario { name, what, in_every_test: true, bounds }
}

const fn large(name: &'static str, what: &'static str, bounds: Bounds) -> Scenario {
    Scenario { name, what, in_every_test: false, bounds }
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    small("one_slot", "one connection; abandon", Bounds { abandon: true, ..PLAIN }),
    large(
        "endings",
        "3 calls, one connection; big reply, panic, stub refuses, server late",
        Bounds { calls: 3, loss: false, big: true, panic: true, refuse: true, lateness: 1, ..PLAIN },
    ),
    small("resume", "2 connections", RESUME),
    large(
        "resume_endings",
        "2 connections; big reply, stub refuses, server late, abandon",
        Bounds { big: true, refuse: true, lateness: 1, abandon: true, ..RESUME },
    ),
    large("resume_twice", "3 connections", Bounds { links: 3, ..PLAIN }),
    small("crash", "2 connections; the server dies", Bounds { crashes: 1, ..RESUME }),
    large(
        "crash_lease",
        "3 connections; the server dies, lease",
        Bounds { links: 3, crashes: 1, leases: 1, ..PLAIN },
    ),
    small("lease", "2 connections; the lease passes", Bounds { leases: 1, ..RESUME }),
    small("close", "2 connections; BYE at any time", Bounds { close: true, ..RESUME }),
    small("drain", "2 connections; GOAWAY at any time, the server ends", Bounds { drain: true, ..RESUME }),
    small("restart", "2 connections; the client's process dies", Bounds { restarts: 1, ..RESUME }),
    small(
        "replay",
        "2 connections, nonces; the first one is played again",
        Bounds { nonces: true, replays: 1, ..RESUME },
    ),
    small(
        "replay_bye",
        "one call, 2 connections, nonces; the first one is played again; BYE at any time, the client's process dies",
        Bounds { nonces: true, replays: 1, calls: 1, close: true, restarts: 1, ..RESUME },
    ),
    small(
        "replay_lease",
        "one call, 2 connections, nonces; the first one is played again; the lease passes",
        Bounds { nonces: true, replays: 1, calls: 1, leases: 1, ..RESUME },
    ),
    small(
        "late_flush",
        "2 connections; the client's writes end later",
        Bounds { late_flush: true, ..RESUME },
    ),
    small(
        "late_flush_abandon",
        "one connection; the client's writes end later, abandon",
        Bounds { late_flush: true, abandon: true, ..PLAIN },
    ),
    small(
        "late_writes",
        "one call, 2 connections; the server writes later, frame by frame; big reply, abandon",
        Bounds { calls: 1, late_writes: true, big: true, abandon: true, ..RESUME },
    ),
    large(
        "late_writes_two",
        "2 connections; the server writes later, frame by frame",
        Bounds { late_writes: true, ..RESUME },
    ),
    large(
        "late_writes_big",
        "the same; big reply, abandon",
        Bounds { late_writes: true, big: true, abandon: true, ..RESUME },
    ),
    small("two_slots", "2 slots, one connection", Bounds { slots: 2, ..PLAIN }),
    large("two_slots_resume", "2 slots, 2 connections", Bounds { slots: 2, ..RESUME }),
    small(
        "two_clients",
        "2 clients with one call and one connection each",
        Bounds { clients: 2, calls: 1, ..PLAIN },
    ),
    large(
        "two_clients_resume",
        "2 clients with one call and 2 connections each",
        Bounds { clients: 2, calls: 1, ..RESUME },
    ),
    large(
        "busy",
        "2 slots, 3 calls, one connection; a queue of 1, server late",
        Bounds { slots: 2, calls: 3, queue: 1, loss: false, lateness: 1, ..PLAIN },
    ),
    small("repeat", "one idempotent call, 2 connections; server late", Bounds { lateness: 1, ..REPEAT }),
    large(
        "repeat_crash",
        "one idempotent call, 3 connections; the server dies",
        Bounds { links: 3, crashes: 1, ..REPEAT },
    ),
    large(
        "repeat_lease",
        "2 idempotent calls, 2 connections; lease, stub refuses",
        Bounds { calls: 2, leases: 1, refuse: true, ..REPEAT },
    ),
    large(
        "repeat_drain",
        "one idempotent call, 2 connections; GOAWAY, the server dies",
        Bounds { drain: true, crashes: 1, ..REPEAT },
    ),
    small(
        "retry",
        "2 slots, one connection; a queue of 1, busy calls are tried again",
        Bounds { slots: 2, queue: 1, retry: true, loss: false, highest_seq: 3, ..PLAIN },
    ),
    large(
        "repeat_retry",
        "2 idempotent calls, 2 slots, 2 connections; a queue of 1, retries, the server dies",
        Bounds { calls: 2, slots: 2, queue: 1, retry: true, crashes: 1, highest_seq: 2, ..REPEAT },
    ),
    large("forget", "2 connections; forget, abandon", Bounds { forget: true, abandon: true, ..RESUME }),
    small(
        "retransmissions",
        "one connection; calls and CANCELs are sent again, server late",
        Bounds { retransmissions: true, lateness: 1, ..PLAIN },
    ),
    large(
        "duplicates_resume",
        "2 connections; calls and CANCELs are sent again",
        Bounds { retransmissions: true, ..RESUME },
    ),
    small(
        "context",
        "one connection; handlers that look whether they were cancelled, abandon",
        Bounds { does: Does::Look, abandon: true, ..PLAIN },
    ),
    small(
        "no_room",
        "one connection, 2 slots; room for one reply of two",
        Bounds { slots: 2, reply_budget: 16, ..PLAIN },
    ),
    large(
        "life",
        "2 connections; the server dies, lease, BYE, GOAWAY",
        Bounds { crashes: 1, leases: 1, close: true, drain: true, ..RESUME },
    ),
];

/// Returns the scenario of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
