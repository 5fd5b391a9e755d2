//! Attacks on memory: replies that are not read, replies and arguments that are kept, and claims that are not kept.

use std::time::{Duration, Instant};

use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::encode_name;

use super::attacker::{Attacker, Heard, bare, call, framed};
use super::case::{Case, Scene, Trial, bound, bytes};
use super::process::Limits;

const FAMILY: &str = "memory";
/// Address space of a server that is to be killed by what it reserves; it also bounds what a case costs this machine.
const ADDRESS_SPACE: u64 = 2 << 30;
/// The time for which memory is watched after an attack was sent.
const WATCH: Duration = Duration::from_secs(3);

/// The bytes of the longest reply that fits into a frame, with its length.
const LARGEST: u64 = (4 << 20) - 8;

/// Bytes of the thread that runs the longest reply, and of pages that are used in part.
const AROUND: u64 = 1 << 20;

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "unsent replies of one connection",
        sent: "1,024 calls whose replies have 1 MiB, 46 KB in one write; nothing is read (F1, B4 17)",
        answer: "at most 8 MiB are pinned; the calls wait, or the connection is cut and its session lives",
        quick: true,
        alone: false,
        run: unsent,
    },
    Case {
        family: FAMILY,
        name: "unsent replies of three connections",
        sent: "138 KB of calls whose replies have 1 MiB, to a server under ulimit -v 2 GiB (F1)",
        answer: "the server lives; at most 8 MiB a connection",
        quick: true,
        alone: false,
        run: unsent_limited,
    },
    Case {
        family: FAMILY,
        name: "unsent replies of 4 MiB",
        sent: "256 calls whose replies have 4 MiB less 8 bytes, 11 KB; nothing is read (F1)",
        answer: "at most 8 MiB are pinned; while the handler runs its value is there as well",
        quick: false,
        alone: false,
        run: unsent_largest,
    },
    Case {
        family: FAMILY,
        name: "unsent replies of many connections",
        sent: "500 clients with 64 slots each ask for 64 KiB in each slot and do not read (F1)",
        answer: "all together pin at most the stated budget",
        quick: false,
        alone: false,
        run: unsent_of_many,
    },
    Case {
        family: FAMILY,
        name: "a reader of four kilobytes a second",
        sent: "1,024 calls for 256 KiB; 4 KiB a second are read",
        answer: "at most 8 MiB are pinned however long it lasts",
        quick: false,
        alone: false,
        run: slow_reader,
    },
    Case {
        family: FAMILY,
        name: "unread answers to control frames",
        sent: "PING, METHODS and HELLO again without end; nothing is read (B4 17)",
        answer: "at most 8 MiB are pinned; the server stops reading, or cuts",
        quick: true,
        alone: false,
        run: unread_control,
    },
    Case {
        family: FAMILY,
        name: "arguments that wait",
        sent: "1,024 slow calls with 64 KiB of arguments each, from one connection; those that are refused again and again",
        answer: "at most 8 MiB are pinned; the rest is refused as busy or not read",
        quick: true,
        alone: false,
        run: arguments,
    },
    Case {
        family: FAMILY,
        name: "kept replies of one session",
        sent: "1,024 calls whose replies have 16,000 bytes and are kept; all are read, none is acknowledged (F9)",
        answer: "at most 8 MiB are pinned",
        quick: true,
        alone: false,
        run: kept,
    },
    Case {
        family: FAMILY,
        name: "the cost of a slot",
        sent: "200 sessions use 64 slots each, with replies of 16 bytes (F8)",
        answer: "at most 256 bytes a slot, counted and stated",
        quick: true,
        alone: false,
        run: slot,
    },
    Case {
        family: FAMILY,
        name: "the last slot alone",
        sent: "2,000 sessions with one CANCEL of slot 1,023 each; then they are closed (F8)",
        answer: "at most 4 KiB a session: one record, not 1,024",
        quick: true,
        alone: false,
        run: last_slot,
    },
    Case {
        family: FAMILY,
        name: "bodies over the limit",
        sent: "four CALL frames with 60 MiB each, which are skipped",
        answer: "TooLarge, the connection lives or is cut; at most 8 MiB are pinned",
        quick: false,
        alone: false,
        run: skipped,
    },
];

/// Sends one call in each slot.
fn fill(attacker: &mut Attacker, name: &str, argument: u64) {
    let calls: Vec<u8> = (0..attacker.slots()).flat_map(|slot| call(name, slot, 1, &(argument,))).collect();
    attacker.send(&calls);
}

fn limited(trial: &Trial) -> Result<Scene, String> {
    Scene::weighed(trial, Limits { address_space: Some(ADDRESS_SPACE), ..Limits::default() })
}

fn unsent(trial: &mut Trial) -> Result<(), String> {
    let mut scene = limited(trial)?;
    let mut attacker = Attacker::narrow(scene.server.address, 0, 1024)?;
    fill(&mut attacker, "big", 1 << 20);
    let peak = scene.watch(WATCH);
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn unsent_limited(trial: &mut Trial) -> Result<(), String> {
    let mut scene = limited(trial)?;
    let mut attackers = Vec::new();
    for number in 0..3 {
        attackers.push(Attacker::narrow(scene.server.address, number, 1024)?);
    }
    for attacker in &mut attackers {
        fill(attacker, "big", 1 << 20);
    }
    let peak = scene.watch(WATCH + WATCH);
    trial.pinned("each connection", scene.grown() / 3, peak / 3, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn unsent_largest(trial: &mut Trial) -> Result<(), String> {
    let mut scene = limited(trial)?;
    let mut attacker = Attacker::narrow(scene.server.address, 0, 256)?;
    fill(&mut attacker, "big", LARGEST);
    let peak = scene.watch(WATCH);
    trial.memory("pinned by one connection", scene.grown(), bound::ONE_CONNECTION);
    // A handler's value exists until it is encoded: 8 MiB at this moment, and what is around them.
    trial.peak("with the handler's value", peak, bound::ONE_CONNECTION + AROUND);
    scene.finish(trial)
}

fn unsent_of_many(trial: &mut Trial) -> Result<(), String> {
    let mut scene = limited(trial)?;
    let mut attackers = Vec::new();
    for number in 0..500 {
        let mut attacker = Attacker::narrow(scene.server.address, number, 64)?;
        fill(&mut attacker, "big", 64 << 10);
        attackers.push(attacker);
    }
    let peak = scene.watch(2 * WATCH);
    trial.pinned("500 connections", scene.grown(), peak, bound::TOGETHER);
    scene.finish(trial)
}

fn slow_reader(trial: &mut Trial) -> Result<(), String> {
    let mut scene = limited(trial)?;
    let mut attacker = Attacker::narrow(scene.server.address, 0, 1024)?;
    fill(&mut attacker, "big", 256 << 10);
    let mut peak = 0;
    for _ in 0..12 {
        peak = scene.watch(Duration::from_secs(1)).max(peak);
        let _ = std::io::Read::read(&mut attacker.stream, &mut [0; 4096]); // a cut is an answer too
    }
    trial.fact(format!("cut after 12 s: {}", attacker.is_closed()));
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn unread_control(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut peak = 0;
    let methods = framed(&Header::new(Kind::Methods), &encode_name("Target"));
    for (number, frame) in [bare(Kind::Ping, 0, 0), methods, super::attacker::hello(64)].iter().enumerate() {
        let mut attacker = Attacker::narrow(scene.server.address, number, 64)?;
        attacker
            .stream
            .set_write_timeout(Some(Duration::from_millis(500)))
            .map_err(|error| error.to_string())?;
        let flood = frame.repeat((1 << 20) / frame.len());
        let mut taken = 0;
        while taken < 32 && attacker.send(&flood) {
            taken += 1;
        }
        peak = scene.watch(Duration::from_millis(300)).max(peak);
        trial.fact(format!("{taken} MiB of {} were taken", ["PING", "METHODS", "HELLO"][number]));
    }
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn arguments(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    attacker.stream.set_write_timeout(Some(Duration::from_secs(1))).map_err(|error| error.to_string())?;
    let body = vec![1_u8; 64 << 10];
    let began = Instant::now();
    let mut sent = 0;
    for slot in 0..attacker.slots() {
        if !attacker.send(&call("swallow", slot, 1, &(3_000_u64, body.as_slice()))) {
            break;
        }
        sent += 1;
    }
    // Each one that is refused is sent again at once, so that no room stays free for long.
    while began.elapsed() < WATCH / 2 {
        let Heard::Frame(frame) = attacker.hear(WATCH / 10) else { break };
        let Header { slot, seq, .. } = frame.header;
        attacker.send(&call("swallow", slot, seq + 1, &(3_000_u64, body.as_slice())));
        sent += 1;
    }
    let peak = scene.watch(WATCH / 10);
    trial.fact(format!("{sent} calls were taken"));
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    drop(attacker);
    scene.finish(trial)
}

fn kept(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    let mut done = 0;
    for slot in 0..attacker.slots() {
        done += u64::from(attacker.ask("keep", slot, 1, &(16_000_u64,)) == "Done");
    }
    let _ = scene.watch(Duration::from_millis(300));
    trial.fact(format!("{done} calls were done"));
    trial.memory("pinned by one connection", scene.grown(), bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn slot(trial: &mut Trial) -> Result<(), String> {
    const SESSIONS: u64 = 200;
    let scene = Scene::weighed(trial, Limits::default())?;
    let mut attackers = Vec::new();
    for number in 0..SESSIONS as usize {
        attackers.push(Attacker::greeted(scene.server.address, number, 64)?);
    }
    let empty = scene.grown();
    let mut used = 0;
    for attacker in &mut attackers {
        fill(attacker, "keep", 8);
        for _ in 0..attacker.slots() {
            used += u64::from(attacker.hear(WATCH).text() == "Done");
        }
    }
    trial.at_least("calls that were done", used, SESSIONS * 64);
    let each = scene.grown().saturating_sub(empty) / used.max(1);
    trial.memory("a slot", each, bound::SLOT);
    scene.finish(trial)
}

fn last_slot(trial: &mut Trial) -> Result<(), String> {
    const SESSIONS: u64 = 2_000;
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let cancel = bare(Kind::Cancel, 1023, 1);
    for number in 0..SESSIONS as usize {
        let mut attacker = Attacker::greeted(scene.server.address, number, 1024)?;
        attacker.send(&cancel);
        let _ = attacker.hear(WATCH); // the answer: the record is there
    }
    let _ = scene.watch(Duration::from_millis(300));
    let each = scene.grown() / SESSIONS;
    trial.fact(format!("{} in all", bytes(scene.grown())));
    trial.memory("a session", each, 4 << 10);
    scene.finish(trial)
}

fn skipped(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::weighed(trial, Limits::default())?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 8)?;
    let frame = super::attacker::call_raw("borrow", 0, 1, &vec![0; 60 << 20]);
    let mut answers = Vec::new();
    for slot in 0..4_u16 {
        let mut frame = frame.clone();
        frame[6..8].copy_from_slice(&slot.to_le_bytes());
        super::attacker::claim(&mut frame, 32 + (60 << 20));
        if !attacker.send(&frame) {
            break;
        }
        answers.push(attacker.hear(WATCH).text());
    }
    let peak = scene.watch(Duration::from_millis(300));
    trial.fact(format!("answers {answers:?}"));
    trial.holds("none ran", !answers.iter().any(|answer| answer == "Done"), answers.len());
    trial.pinned("one connection", scene.grown(), peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}
