//! Attacks on the handlers' threads: slow calls of one client, and handlers that panic.

use std::time::{Duration, Instant};

use super::attacker::{Attacker, call};
use super::case::{Case, Scene, Trial};
use super::process::Limits;

const FAMILY: &str = "threads";
/// The sleep of an attacker's calls: longer than the case.
const LONG: u64 = 6_000;
/// The time within which another client's call must be answered.
const SOON: Duration = Duration::from_secs(2);

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "every handler thread is taken",
        sent: "300 calls of a slow method, 6 s each, in one session (F12)",
        answer: "another client's call of a slow method runs: a session has a share of the threads",
        quick: true,
        alone: false,
        run: taken,
    },
    Case {
        family: FAMILY,
        name: "every handler thread is taken by many sessions",
        sent: "300 calls of a slow method, 6 s each, in 75 sessions of one address",
        answer: "another address's call of a slow method runs: an address has a share too",
        quick: true,
        alone: false,
        run: taken_by_many,
    },
    Case {
        family: FAMILY,
        name: "a loop that waits",
        sent: "with every thread taken, a call of 4 s of a method that is not known to be slow (F12)",
        answer: "another client's quick call is answered within 2 s",
        quick: true,
        alone: false,
        run: stalled,
    },
    Case {
        family: FAMILY,
        name: "a quick method that was late once",
        sent: "one call makes a quick method run for 30 ms; then the session takes every thread",
        answer: "another client's quick call of that method runs",
        quick: true,
        alone: false,
        run: poisoned,
    },
    Case {
        family: FAMILY,
        name: "no thread can be started",
        sent: "2,000 slow calls to a server whose ulimit -v leaves room for few threads (F10)",
        answer: "the server lives, refuses what it cannot run, leaves room for the rest, and logs at most 50 lines",
        quick: true,
        alone: false,
        run: no_thread,
    },
    Case {
        family: FAMILY,
        name: "handlers that panic",
        sent: "500 calls whose handlers panic (B4 20)",
        answer: "each is answered as Panicked, and the server goes on",
        quick: true,
        alone: false,
        run: panics,
    },
];

/// Sends `count` calls that last long.
fn occupy(attacker: &mut Attacker, count: u16) {
    let calls: Vec<u8> = (0..count).flat_map(|slot| call("nap_slow", slot, 1, &(LONG,))).collect();
    attacker.send(&calls);
}

/// Judges that another address's call is done.
fn other(scene: &Scene, trial: &mut Trial, what: &str, name: &str, argument: u64) -> Result<(), String> {
    let mut stranger = Attacker::greeted(scene.server.address, 99, 4)?;
    let began = Instant::now();
    stranger.send(&call(name, 0, 1, &(argument,)));
    let answer = stranger.hear(SOON).text();
    let seen = format!("{answer} after {:.2} s", began.elapsed().as_secs_f64());
    trial.holds(what, answer == "Done", seen);
    Ok(())
}

fn taken(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    occupy(&mut attacker, 300);
    std::thread::sleep(SOON / 4);
    other(&scene, trial, "another client's slow call runs within 2 s", "nap_slow", 1)?;
    drop(attacker);
    scene.finish(trial)
}

fn taken_by_many(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attackers = Vec::new();
    for _ in 0..75 {
        let Ok(mut attacker) = Attacker::greeted(scene.server.address, 0, 4) else { break }; // a bound for each address
        occupy(&mut attacker, 4);
        attackers.push(attacker);
    }
    std::thread::sleep(SOON / 4);
    trial.fact(format!("{} sessions", attackers.len()));
    other(&scene, trial, "another address's slow call runs within 2 s", "nap_slow", 1)?;
    drop(attackers);
    scene.finish(trial)
}

fn stalled(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    occupy(&mut attacker, 300);
    std::thread::sleep(SOON / 4);
    let mut quick = Attacker::greeted(scene.server.address, 99, 4)?;
    attacker.send(&call("nap", 400, 1, &(4_000_u64,)));
    std::thread::sleep(SOON / 8);
    let began = Instant::now();
    quick.send(&call("echo", 0, 1, &("x",)));
    let answer = quick.hear(SOON).text();
    let seen = format!("{answer} after {:.2} s", began.elapsed().as_secs_f64());
    trial.holds("another client's quick call is answered within 2 s", answer == "Done", seen);
    drop(attacker);
    std::thread::sleep(SOON); // the call of 4 s ends: what is judged next is the time after it
    scene.finish(trial)
}

fn poisoned(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    let _ = attacker.ask("spin", 1000, 1, &(30_u64,));
    occupy(&mut attacker, 300);
    std::thread::sleep(SOON / 4);
    other(&scene, trial, "another client's quick call of that method runs", "spin", 0)?;
    drop(attacker);
    scene.finish(trial)
}

fn no_thread(trial: &mut Trial) -> Result<(), String> {
    // The process itself takes 140 MiB of address space or less; a thread takes 2 MiB for its stack, and room to allocate.
    const SPACE: u64 = 256 << 20;
    let scene = Scene::start(&Limits { address_space: Some(SPACE), ..Limits::default() })?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 1024)?;
    let (mut busy, mut none) = (0, 0);
    for round in 1..=2 {
        let calls: Vec<u8> = (0..1000).flat_map(|slot| call("nap_slow", slot, round, &(200_u64,))).collect();
        attacker.send(&calls);
        for _ in 0..1000 {
            match attacker.hear(SOON * 2).text().as_str() {
                "Refused(Busy)" => busy += 1,
                "closed" | "silence" => none += 1,
                _ => {}
            }
            if none > 0 {
                break;
            }
        }
    }
    trial.fact(format!("{busy} of 2,000 were refused as busy"));
    trial.at_most("calls without an answer", none, 0);
    let taken = scene.server.memory().map_or(SPACE, |now| now.address_space);
    trial.at_least("MiB of address space that the threads left", SPACE.saturating_sub(taken) >> 20, 16);
    let lines = scene.server.log_text().lines().count();
    trial.at_most("lines in the log", lines as u64, 50);
    scene.finish(trial)
}

fn panics(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    let mut contained = 0;
    for seq in 1..=500 {
        contained += u64::from(attacker.ask("boom", 0, seq, &("attack",)) == "Panicked");
    }
    trial.at_least("calls that are answered as Panicked", contained, 500);
    scene.finish(trial)
}
