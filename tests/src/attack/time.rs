//! Attacks with time: connections that begin something and do not go on, before and after WELCOME.

use std::io::Write;
use std::time::{Duration, Instant};

use super::attacker::{Attacker, call_raw, claim, hello, is_closed};
use super::case::{Case, Scene, Trial, bound, bytes};
use super::process::Limits;

const FAMILY: &str = "time";
/// A frame that has begun must go on within 5 s; half as much again is left to a busy machine.
const PATIENCE: Duration = Duration::from_millis(7_500);
/// A body just under the limit.
const BODY: usize = (4 << 20) - 64;

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "one byte a second before WELCOME",
        sent: "the bytes of a HELLO, one a second, on 200 connections (B4 3)",
        answer: "all are cut after 5 s",
        quick: true,
        alone: false,
        run: |trial| drip(trial, false),
    },
    Case {
        family: FAMILY,
        name: "one byte a second after WELCOME",
        sent: "the bytes of a CALL, one a second, on 200 connections with sessions (B4 3, F4)",
        answer: "all are cut after 5 s: less than 1 KiB/s",
        quick: true,
        alone: false,
        run: |trial| drip(trial, true),
    },
    Case {
        family: FAMILY,
        name: "the last byte is withheld",
        sent: "200 connections send a CALL of 4 MiB less its last byte (F4)",
        answer: "all together pin at most the stated budget, and all are cut",
        quick: false,
        alone: false,
        run: withheld,
    },
    Case {
        family: FAMILY,
        name: "a length that is only claimed",
        sent: "1,000 connections send 70,000 bytes of a CALL of 4 MiB, to a server under ulimit -v 2 GiB (F4)",
        answer: "the server lives; at most 256 KiB of address space are taken for each",
        quick: true,
        alone: false,
        run: claimed,
    },
    Case {
        family: FAMILY,
        name: "all descriptors taken by idle connections",
        sent: "one address opens as many sessions as ulimit -n 64 allows, and is silent (F4)",
        answer: "a client from another address is served within 10 s",
        quick: true,
        alone: false,
        run: idle,
    },
    Case {
        family: FAMILY,
        name: "no descriptor is left",
        sent: "300 connections to a server under ulimit -n 40 (B4 19)",
        answer: "the loop lives, at most one line a second is logged, and it accepts again when they have gone",
        quick: true,
        alone: false,
        run: descriptors,
    },
];

fn drip(trial: &mut Trial, greeted: bool) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attackers = Vec::new();
    for number in 0..200 {
        let to = scene.server.address;
        attackers.push(if greeted {
            Attacker::greeted(to, number, 4)?
        } else {
            Attacker::silent(to, number, false)?
        });
    }
    let bytes = if greeted { call_raw("borrow", 0, 1, &vec![1; 100_000]) } else { hello(4) };
    let began = Instant::now();
    for byte in &bytes {
        for attacker in &mut attackers {
            let _ = attacker.stream.write(&[*byte]); // one that was cut takes no more
        }
        if began.elapsed() > PATIENCE {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    let cut = attackers.iter_mut().map(|attacker| attacker.is_closed()).filter(|closed| *closed).count();
    trial.at_least("connections cut", cut as u64, attackers.len() as u64);
    scene.finish(trial)
}

fn withheld(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::plain()?;
    let frame = call_raw("borrow", 0, 1, &vec![1; BODY]);
    let mut attackers = Vec::new();
    for number in 0..200 {
        let mut attacker = Attacker::greeted(scene.server.address, number, 4)?;
        attacker.stream.set_write_timeout(Some(Duration::from_secs(1))).map_err(|error| error.to_string())?;
        attacker.send(&frame[..frame.len() - 1]);
        attackers.push(attacker);
    }
    let peak = scene.watch(PATIENCE);
    let cut = attackers.iter_mut().map(|attacker| attacker.is_closed()).filter(|closed| *closed).count();
    trial.memory("pinned by all", peak, bound::TOGETHER);
    trial.at_least("connections cut", cut as u64, attackers.len() as u64);
    scene.finish(trial)
}

fn claimed(trial: &mut Trial) -> Result<(), String> {
    const CONNECTIONS: usize = 1_000;
    let limits = Limits { address_space: Some(2 << 30), ..Limits::default() };
    let mut scene = Scene::start(&limits)?;
    let mut frame = call_raw("borrow", 0, 1, &vec![1; 70_000 - 36]);
    claim(&mut frame, 32 + BODY as u32);
    let mut attackers = Vec::new();
    for number in 0..CONNECTIONS {
        match Attacker::greeted(scene.server.address, number, 4) {
            Ok(mut attacker) => {
                attacker.send(&frame);
                attackers.push(attacker);
            }
            Err(error) => {
                trial.fact(format!("connection {number}: {error}"));
                break;
            }
        }
    }
    let _ = scene.watch(Duration::from_millis(500));
    let each = scene.reserved() / attackers.len().max(1) as u64;
    trial.at_least("connections that were accepted", attackers.len() as u64, CONNECTIONS as u64);
    trial.memory("address space of each", each, 256 << 10);
    trial.fact(format!("resident {}", bytes(scene.grown() / attackers.len().max(1) as u64)));
    scene.finish(trial)
}

fn idle(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::start(&Limits { descriptors: Some(64), ..Limits::default() })?;
    let mut attackers = Vec::new();
    while attackers.len() < 64 {
        // Connecting succeeds in the kernel when no descriptor is left; WELCOME does not come then.
        let Ok(attacker) = Attacker::greeted(scene.server.address, 0, 4) else { break };
        attackers.push(attacker);
    }
    let began = Instant::now();
    let served = loop {
        if Attacker::greeted(scene.server.address, 1, 4).is_ok() {
            break true;
        }
        if began.elapsed() > Duration::from_secs(10) {
            break false;
        }
    };
    let seen = format!("{served}, beside {} idle sessions", attackers.len());
    trial.holds("a client from another address gets a session", served, seen);
    drop(attackers);
    std::thread::sleep(Duration::from_millis(500)); // accepting was paused: it begins again
    scene.finish(trial)
}

fn descriptors(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::start(&Limits { descriptors: Some(40), ..Limits::default() })?;
    let lines = |scene: &Scene| scene.server.log_text().lines().count() as u64;
    let (before, began) = (lines(&scene), Instant::now()); // it has said where it listens
    let mut streams = Vec::new();
    for number in 0..300 {
        let to = scene.server.address;
        let Ok(stream) = super::attacker::connect(to, super::attacker::source(number), false) else { break };
        streams.push(stream);
    }
    std::thread::sleep(Duration::from_secs(3));
    let open = streams.iter().filter(|stream| !is_closed(stream)).count();
    trial.fact(format!("{open} of {} are open after 3 s", streams.len()));
    drop(streams);
    std::thread::sleep(Duration::from_millis(500)); // accepting was paused: it begins again
    let seconds = began.elapsed().as_secs();
    trial.at_most("lines in the log", lines(&scene) - before, seconds);
    trial.at_least("lines in the log", lines(&scene) - before, 1);
    scene.finish(trial)
}
