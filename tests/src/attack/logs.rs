//! Attacks on the log: text of a peer in it, lines without end, and a log that cannot be written.

use std::time::Duration;

use super::attacker::{Attacker, connect, source};
use super::case::{Case, Scene, Trial};
use super::process::{Limits, Log};

const FAMILY: &str = "logs";
/// A text that forges a line of the log, clears a terminal and sets its title.
const FORGED: &str = "x\n2026-11-26T00:00:00Z  INFO kv: all is well\x1b[2J\x1b]0;title\x07";

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "text in the log",
        sent: "2,000 calls whose handlers panic with a text that forges lines and clears terminals (F10, B4 30)",
        answer: "no control character and no forged line in the log, and at most 200 lines",
        quick: true,
        alone: false,
        run: forged,
    },
    Case {
        family: FAMILY,
        name: "the log's disk is full",
        sent: "300 connections under ulimit -n 40, and panics, with a log on a full disk (F2)",
        answer: "the log is lost, and the server goes on",
        quick: true,
        alone: false,
        run: |trial| unwritable(trial, Log::FullDisk),
    },
    Case {
        family: FAMILY,
        name: "the log's reader is dead",
        sent: "the same, with a log on a pipe whose reader has ended (F2)",
        answer: "the log is lost, and the server goes on",
        quick: true,
        alone: false,
        run: |trial| unwritable(trial, Log::DeadPipe),
    },
];

fn forged(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    for seq in 1..=2_000 {
        let _ = attacker.ask("boom", 0, seq, &(FORGED,));
    }
    let log = scene.server.log_text();
    let control = log.chars().filter(|c| c.is_control() && *c != '\n').count();
    let forged = log.lines().filter(|line| line.starts_with("2026-11-26T00:00:00Z")).count();
    trial.at_most("control characters in the log", control as u64, 0);
    trial.at_most("forged lines", forged as u64, 0);
    trial.at_most("lines in the log", log.lines().count() as u64, 200);
    scene.finish(trial)
}

fn unwritable(trial: &mut Trial, log: Log) -> Result<(), String> {
    let scene = Scene::start(&Limits { descriptors: Some(40), log, ..Limits::default() })?;
    let to = scene.server.address;
    let mut live = Attacker::greeted(to, 0, 4)?;
    let panicked = live.ask("boom", 0, 1, &(FORGED,));
    trial.holds("a panic is answered", panicked == "Panicked", panicked);
    let streams: Vec<_> = (0..300).map_while(|number| connect(to, source(number), false).ok()).collect();
    std::thread::sleep(Duration::from_secs(1));
    // It was idle for a second. Those that never sent HELLO make room before it.
    let answer = live.ask("echo", 0, 2, &("x",));
    trial.holds("a live session goes on, on its connection", answer == "Done", answer);
    drop(streams);
    std::thread::sleep(Duration::from_millis(500)); // accepting was paused: it begins again
    scene.finish(trial)
}
