//! Attacks on the others' turns: floods beside a healthy client, each compared with the same flood at another server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::case::{Case, Trial, bound};
use super::flood::{CONNECTIONS, Flood, Frames};
use super::healthy::{Healthy, Window};
use super::process::{Limits, ServerProcess};

const FAMILY: &str = "fairness";
/// The time after which a flood must not be felt any more.
const SETTLE: Duration = Duration::from_secs(1);
const CUT: &str =
    "each connection is cut, its session lives; healthy clients keep 80 % of their calls/s after 1 s";
const SHARED: &str = "nothing is cut; for one healthy call at most 64 calls of each connection run";

macro_rules! flood {
    ($name:literal, $sent:literal, $answer:expr, $frames:ident, $quick:literal) => {
        Case {
            family: FAMILY,
            name: $name,
            sent: $sent,
            answer: $answer,
            quick: $quick,
            alone: true,
            run: |trial| flood(trial, Frames::$frames),
        }
    };
}

/// The cases.
pub(super) const CASES: &[Case] = &[
    flood!(
        "a flood of ACK",
        "ACK of a number that was never used, on four connections (B4 16)",
        CUT,
        Ack,
        true
    ),
    flood!("a flood of PING", "PING without end, and every PONG is read (B4 16)", CUT, Ping, true),
    flood!("a flood of HELLO", "the same HELLO again and again (F3)", CUT, Hello, false),
    flood!("a flood of CANCEL", "CANCEL of the same number (F3)", CUT, Cancel, false),
    flood!("a flood of new CANCEL", "CANCEL of a new number each time (F3)", CUT, CancelNew, false),
    flood!("a flood of stale calls", "CALL with a number below the slot's last (F3)", CUT, Stale, false),
    flood!("a flood of METHODS", "METHODS, and every TABLE is read (F3)", CUT, Methods, true),
    flood!("a flood of unknown methods", "CALL of a method that does not exist (F3)", CUT, Unknown, false),
    flood!(
        "a rapid reset",
        "CALL and CANCEL at once, again as soon as they are answered (B4 15)",
        CUT,
        Reset,
        true
    ),
    flood!("a flood of skipped bodies", "CALL with 5 MiB, over the limit (F3)", CUT, Skipped, false),
    flood!(
        "a crowd of honest calls",
        "4,096 calls of a quick method at any time, all read (F3)",
        SHARED,
        Calls,
        true
    ),
    flood!("a crowd of long replies", "4,096 calls for 256 KiB at any time, all read", SHARED, Replies, true),
];

/// Two rows of figures: beside the flood of the other server, and beside that of its own.
#[derive(Debug, Default)]
struct Rounds {
    control: Vec<Window>,
    attacked: Vec<Window>,
    frames: u64,
    cuts: u64,
    replies: u64,
}

fn flood(trial: &mut Trial, frames: Frames) -> Result<(), String> {
    let mut server = ServerProcess::start(&Limits::default())?;
    let other = ServerProcess::start(&Limits::default())?;
    let healthy = Healthy::start(server.address, Duration::ZERO)?;
    let alone = healthy.window(Duration::from_millis(200));
    server.reset_peak()?;
    let before = server.memory().ok_or("the server ended before the flood")?;
    let window = trial.size(Duration::from_millis(400), Duration::from_secs(2));
    let mut rounds = Rounds::default();
    for round in 0..trial.size(1, 3) {
        for attacked in [round % 2 == 1, round % 2 == 0] {
            let flood = Flood::start(if attacked { server.address } else { other.address }, frames);
            std::thread::sleep(SETTLE);
            let start = flood.counts().replies.load(Ordering::Relaxed);
            let seen = healthy.window(window);
            if attacked {
                rounds.replies += flood.counts().replies.load(Ordering::Relaxed) - start;
                rounds.frames += flood.counts().bytes.load(Ordering::Relaxed) / 36;
                rounds.cuts += flood.counts().cuts.load(Ordering::Relaxed);
                rounds.attacked.push(seen);
            } else {
                rounds.control.push(seen);
            }
            flood.end()?;
        }
    }
    judge(trial, frames, &rounds);
    let memory = server.memory().ok_or("the server ended")?;
    let grown = memory.peak.saturating_sub(before.resident);
    trial.memory("pinned by each connection", grown / CONNECTIONS as u64, bound::ONE_CONNECTION);
    trial.holds("the server lives", server.exit().is_none(), "");
    trial.fact(format!("healthy calls/s {:.0} before, {} cut", alone.rate, rounds.cuts));
    Ok(())
}

fn judge(trial: &mut Trial, frames: Frames, rounds: &Rounds) {
    let calls = |windows: &[Window]| windows.iter().map(|window| window.calls).sum::<u64>();
    let (control, attacked) = (calls(&rounds.control), calls(&rounds.attacked));
    for window in &rounds.attacked {
        trial.unharmed("beside the flood", window);
    }
    if frames.is_useless() {
        let floods = rounds.attacked.len() as u64;
        trial.at_least("connections cut", rounds.cuts, floods * CONNECTIONS as u64);
    } else {
        trial.at_most("connections cut", rounds.cuts, 0);
        trial.at_least("healthy calls that were answered", attacked, 1);
        let each = rounds.replies as f64 / CONNECTIONS as f64 / attacked.max(1) as f64;
        trial.slow("calls of a busy connection for one healthy call", each, bound::TURN);
    }
    let ratio = attacked as f64 / control.max(1) as f64;
    if frames.is_useless() {
        trial.fast("calls/s beside the flood, of those beside a flood elsewhere", ratio, bound::KEEPS);
    } else {
        trial.fact(format!("calls/s beside it, of those beside a crowd elsewhere: {ratio:.2}"));
    }
    let longest = |windows: &[Window]| windows.iter().map(|window| window.longest).max().unwrap_or_default();
    trial.fact(format!(
        "healthy calls {control} control, {attacked} attacked; longest {:.1} ms and {:.1} ms; {} frames of 36 bytes",
        super::case::millis(longest(&rounds.control)),
        super::case::millis(longest(&rounds.attacked)),
        rounds.frames,
    ));
}
