//! The actions of a run and their times, drawn from the seed before it begins, so that a step of the world cannot change them.

use std::time::Duration;

use rpc_core::ids::Time;

use crate::ledger::{ALL, Does};
use crate::setup::{Setup, Trouble};

/// One action of a client or of the server.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// A client starts a call.
    Start {
        /// The client.
        client: usize,
        /// The call's tag.
        tag: u64,
        /// The method, with its arguments.
        does: Does,
        /// Bytes of the reply.
        size: u32,
        /// Bytes of ballast in the arguments.
        pad: usize,
        /// Its deadline.
        within: Duration,
    },
    /// A client drops the handle of a call.
    Abandon {
        /// The client.
        client: usize,
        /// The call's tag.
        tag: u64,
    },
    /// A client's call is unknown: its caller asks no longer what became of it.
    Forget {
        /// The client.
        client: usize,
        /// The call's tag.
        tag: u64,
    },
    /// A client ends its session.
    Close(usize),
    /// A client's process ends and begins again.
    CrashClient(usize),
    /// The server's process ends.
    CrashServer,
    /// The server's process begins.
    RestartServer,
    /// The server begins to drain.
    Drain,
    /// Nothing passes for so long.
    Partition(Duration),
    /// Every connection is cut.
    CutAll,
    /// A hostile client does something.
    Hostile,
    /// The network plays the connection with which a client opened its session again, for a while.
    Replay(usize, Duration),
    /// A client that is not one of ours says HELLO, and goes after a while.
    Stranger(Duration),
    /// A client reads nothing for a while, and waits so long after each read from then on.
    Deaf(usize, Duration, Duration),
    /// A process stands still; with `true`, so does its clock.
    Pause(Process, Duration, bool),
    /// A clock jumps forward.
    Jump(Process, Duration),
    /// A clock moves so many microseconds in a second.
    Rate(Process, u64),
}

/// A process of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// The server.
    Server,
    /// A client.
    Client(usize),
}

/// The number of calls of a run, about.
pub const CALLS: u64 = 110;

/// The time in which calls are started.
const BUSY: u64 = 25_000_000;

/// The plan of a run, in the order of time.
pub fn plan(setup: &Setup, random: &mut fastrand::Rng) -> Vec<(Time, Act)> {
    let clients = setup.clients.len();
    let mut acts = Vec::new();
    let mut at = 0;
    let wide = setup.clients.iter().any(|client| client.limits.slots > 64); // then all calls are under way at once
    for number in 0..CALLS {
        // Bursts and pauses: calls that compete, and connections that are not driven for a while.
        at += if wide {
            random.u64(0..6_000)
        } else if random.u8(0..4) > 0 {
            random.u64(0..2_000)
        } else {
            random.u64(0..BUSY / CALLS * 7)
        };
        start(number + 1, Time(at), clients, random, &mut acts);
    }
    trouble(setup.trouble, clients, at, random, &mut acts);
    acts.sort_by_key(|(time, _)| *time);
    acts
}

fn start(tag: u64, at: Time, clients: usize, random: &mut fastrand::Rng, acts: &mut Vec<(Time, Act)>) {
    let does = match random.u8(0..20) {
        0..9 if tag % 5 == 2 => Does::Hold,
        0..9 => Does::Reply,
        9..13 => Does::Idempotent,
        19 => Does::Gone,
        number => ALL[usize::from(number) - 12],
    };
    let client = random.usize(0..clients);
    let does = if does == Does::Gone && client != 0 { Does::Reply } else { does };
    let size = if random.u8(0..6) == 0 { random.u32(400..7000) } else { random.u32(0..100) };
    let pad = match random.u8(0..30) {
        0 => 9 << 10,   // over the server's limit
        1 => 200 << 10, // over what it would skip
        2..6 => random.usize(0..4000),
        _ => random.usize(0..40),
    };
    let within = match random.u8(0..10) {
        0 => Duration::from_micros(random.u64(0..20_000)),
        1..5 => Duration::from_millis(random.u64(20..2_000)),
        5 => Duration::from_secs(random.u64(150..200)), // longer than all trouble: it must get an answer (V16)
        _ => Duration::from_millis(random.u64(2_000..15_000)),
    };
    acts.push((at, Act::Start { client, tag, does, size, pad, within }));
    if random.u8(0..8) == 0 {
        let later = at.plus(Duration::from_micros(random.u64(0..1_500_000)));
        acts.push((later, Act::Abandon { client, tag }));
    } else if random.u8(0..8) == 0 {
        let later = at.plus(within).plus(Duration::from_micros(random.u64(0..1_500_000)));
        acts.push((later, Act::Forget { client, tag }));
    }
}

fn trouble(
    trouble: Trouble,
    clients: usize,
    end: u64,
    random: &mut fastrand::Rng,
    acts: &mut Vec<(Time, Act)>,
) {
    let mut some = |most: u64, act: &mut dyn FnMut(&mut fastrand::Rng) -> Act| {
        for _ in 0..if most == 0 { 0 } else { random.u64(most.div_ceil(2)..=most) } {
            let at = Time(random.u64(0..end));
            acts.push((at, act(random)));
        }
    };
    let ms = Duration::from_millis;
    let process = |random: &mut fastrand::Rng| match random.usize(0..=clients) {
        0 => Process::Server,
        client => Process::Client(client - 1),
    };
    some(trouble.partitions, &mut |random| Act::Partition(ms(random.u64(10..8_000))));
    some(trouble.cuts, &mut |_| Act::CutAll);
    some(trouble.crashes, &mut |_| Act::CrashServer);
    some(trouble.crashes, &mut |_| Act::RestartServer);
    some(trouble.client_crashes, &mut |random| Act::CrashClient(random.usize(0..clients)));
    some(trouble.drains, &mut |_| Act::Drain);
    some(trouble.drains, &mut |_| Act::RestartServer);
    some(trouble.hostile, &mut |_| Act::Hostile);
    some(trouble.strangers, &mut |random| Act::Stranger(ms(random.u64(1..4_000))));
    some(trouble.replays, &mut |random| Act::Replay(random.usize(0..clients), ms(random.u64(1..4_000))));
    some(trouble.deaf, &mut |random| {
        let pause = [0, 20, 300, 900][random.usize(0..4)];
        Act::Deaf(random.usize(0..clients), ms(random.u64(100..6_000)), ms(pause))
    });
    some(trouble.pauses, &mut |random| Act::Pause(process(random), ms(random.u64(5..8_000)), random.bool()));
    some(trouble.clocks, &mut |random| match random.u8(0..3) {
        0 => Act::Jump(process(random), ms(random.u64(1..20_000))),
        _ => Act::Rate(process(random), random.u64(250_000..4_000_000)),
    });
    if random.u8(0..4) == 0 {
        acts.push((Time(random.u64(0..end)), Act::Close(random.usize(0..clients))));
    }
}
