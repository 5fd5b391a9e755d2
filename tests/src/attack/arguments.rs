//! Attacks on memory by what calls bring: long arguments, short ones that keep much more than themselves, and replies that come later.

use std::time::{Duration, Instant};

use rpc_core::wire::frame::{Header, Kind};

use super::attacker::{Attacker, Heard, call, call_raw, encoded, framed, method};
use super::case::{Case, Scene, Trial, bound, bytes};
use super::process::Limits;

const FAMILY: &str = "arguments";
/// The time for which memory is watched after an attack was sent.
const WATCH: Duration = Duration::from_secs(2);
/// The time that a call holds its arguments: longer than any case.
const HOLDS: u64 = 20_000;
/// Bytes of an argument whose frame is as long as one may be, with the number beside it.
const LONGEST: usize = (4 << 20) - 16;
/// The size of the buffer that a server reads into.
const BUFFER: usize = 64 << 10;

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "arguments of four megabytes",
        sent: "slow calls with 4 MiB of arguments in each of 64 slots of one connection, and half of one more",
        answer: "at most 8 MiB are pinned: one runs, the others are refused as busy; a PING is answered",
        quick: true,
        alone: false,
        run: longest,
    },
    Case {
        family: FAMILY,
        name: "arguments of one megabyte and replies of one",
        sent: "32 slow calls that bring 1 MiB and return 1 MiB, from one connection that does not read",
        answer: "at most 8 MiB are pinned by both together",
        quick: true,
        alone: false,
        run: both_ways,
    },
    Case {
        family: FAMILY,
        name: "short calls that wait",
        sent: "900 short calls that wait for one of 4 MiB, with 60 KiB of what is of no use behind each",
        answer: "at most 8 MiB are pinned: what waits keeps no read buffer",
        quick: true,
        alone: false,
        run: short,
    },
    Case {
        family: FAMILY,
        name: "long replies that come later",
        sent: "1,024 calls whose replies have 1 MiB and come later, all of them at once; nothing is read",
        answer: "at most 8 MiB are pinned",
        quick: true,
        alone: false,
        run: later,
    },
];

fn longest(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 64)?;
    let body = vec![1_u8; LONGEST];
    let mut busy = 0;
    attacker.send(&call("swallow", 0, 1, &(HOLDS, body.as_slice())));
    for slot in 1..attacker.slots() {
        attacker.send(&call("swallow", slot, 1, &(HOLDS, body.as_slice())));
        busy += u64::from(attacker.hear(WATCH).text() == "Refused(Busy)");
    }
    attacker.send(&framed(&Header::new(Kind::Ping), &[]));
    let pong = attacker.hear(WATCH).text();
    let last = call("swallow", 1, 2, &(HOLDS, body.as_slice()));
    attacker.send(&last[..last.len() / 2]);
    let peak = scene.watch(WATCH / 4);
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    trial.at_least("calls that were refused as busy", busy, 62);
    trial.holds("a PING is answered", pong == Kind::Pong.name(), pong);
    scene.finish(trial)
}

fn both_ways(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::narrow(scene.server.address, 0, 32)?;
    attacker.stream.set_write_timeout(Some(WATCH / 2)).map_err(|error| error.to_string())?;
    let body = vec![1_u8; 1 << 20];
    let mut sent = 0_u64;
    for slot in 0..attacker.slots() {
        if !attacker.send(&call("mirror", slot, 1, &(50_u64, body.as_slice()))) {
            break;
        }
        sent += 1;
    }
    let peak = scene.watch(WATCH);
    trial.fact(format!("{sent} calls were taken"));
    // Each handler's value is there until it is encoded, and each thread keeps some room: neither is the connection's.
    trial.fact(format!("{} with the values of the handlers", bytes(peak)));
    let _ = scene.watch(WATCH / 4);
    trial.memory("pinned when all is still", scene.grown(), bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn short(trial: &mut Trial) -> Result<(), String> {
    const CALLS: u16 = 900;
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    attacker.send(&call("swallow", 1000, 1, &(HOLDS, vec![1_u8; LONGEST].as_slice())));
    for slot in 0..CALLS {
        let mut frames = call_raw("swallow", slot, 1, &encoded(&(HOLDS, [1_u8; 100].as_slice())));
        let late = Header {
            method: method("swallow"),
            ..Header::for_call(Kind::Call, 1023, u64::from(slot) + 1) // its caller waits no longer
        };
        frames.extend_from_slice(&framed(&late, &vec![0; BUFFER - 4096]));
        if !attacker.send(&frames) {
            return Err(format!("the connection was cut at call {slot}"));
        }
        // So that the next one is read apart.
        let Heard::Frame(_) = attacker.hear(WATCH) else { return Err("no refusal".to_owned()) };
    }
    let peak = scene.watch(WATCH / 4);
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn later(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::narrow(scene.server.address, 0, 1024)?;
    let began = Instant::now();
    for slot in 0..attacker.slots() {
        attacker.send(&call("later", slot, 1, &(300_u64, 1_u64 << 20)));
    }
    let peak = scene.watch(WATCH + WATCH);
    trial.fact(format!("watched until {:.1} s", began.elapsed().as_secs_f64()));
    trial.memory("pinned by one connection", scene.grown(), bound::ONE_CONNECTION);
    // A value exists until it is encoded.
    trial.peak("with a value that is encoded", peak, bound::ONE_CONNECTION + (2 << 20));
    scene.finish(trial)
}
