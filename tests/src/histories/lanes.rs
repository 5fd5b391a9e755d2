//! A client of the registers: each lane makes one call at a time, and writes down what it begins, what it was told, and when.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::CallError;
use rustix::time::{ClockId, clock_gettime};

use super::operation::{Kind, Seen};
use super::register::RegistersClient;
use crate::processes::journal::Journal;
use crate::processes::once::{CALLS_OF_CLIENT, connect, stop_at_end_of_input};
use crate::processes::verdict::Verdict;
use crate::processes::words::Words;

/// The word after `prove` that calls the registers.
pub(crate) const CLIENT: &str = "register-client";

/// The pause of a lane whose call was not executed: the server may be away.
const AFTER_REFUSAL: Duration = Duration::from_millis(1);
/// The time for which one set of keys is in use: a history has so many calls as fit into it, and can be checked.
const KEYS_LAST: u64 = 60_000_000;
/// Keys that are in use at a time: few, so that calls of different clients meet at each of them.
const KEYS_AT_A_TIME: u64 = 4;

/// Returns nanoseconds of a clock that all processes share and that nothing sets.
fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// The state that the lanes of one client process share.
struct Lanes {
    journal: Journal,
    stop: Arc<AtomicBool>,
    next: AtomicU64,
}

/// Calls until standard input ends: `to=ADDRESS journal=FILE client=N sessions=N lanes=N deadline=MILLISECONDS seed=N`.
pub(crate) fn call(words: &Words) -> Result<(), String> {
    let (to, deadline): (SocketAddr, u64) = (words.get("to")?, words.get("deadline")?);
    let (sessions, lanes, seed): (u64, u64, u64) =
        (words.get("sessions")?, words.get("lanes")?, words.get("seed")?);
    let shared = Lanes {
        journal: Journal::open(words.get::<PathBuf>("journal")?)?,
        stop: stop_at_end_of_input(),
        next: AtomicU64::new(words.get::<u64>("client")? * CALLS_OF_CLIENT),
    };
    std::thread::scope(|scope| {
        for session in 0..sessions {
            let Some(client) = connect::<RegistersClient>(to, &shared.stop) else { break };
            for lane in session * lanes..(session + 1) * lanes {
                let (client, shared) = (client.call.with_deadline(Duration::from_millis(deadline)), &shared);
                let random = fastrand::Rng::with_seed(seed.wrapping_add(lane));
                scope.spawn(move || run_lane(&client, lane, random, shared));
            }
        }
    });
    Ok(())
}

fn run_lane(client: &RegistersClient, lane: u64, mut random: fastrand::Rng, shared: &Lanes) {
    while !shared.stop.load(Ordering::Relaxed) {
        let id = shared.next.fetch_add(1, Ordering::Relaxed);
        let kind = match random.u32(0..10) {
            0..4 => Kind::Get,
            4..7 => Kind::Append,
            7 => Kind::Put,
            _ => Kind::Swap,
        };
        let begun = nanoseconds();
        let key = begun / KEYS_LAST * KEYS_AT_A_TIME + random.u64(0..KEYS_AT_A_TIME);
        shared.journal.append(format!("b {id} {begun} {lane} {key} {}\n", kind.code()).as_bytes());
        let outcome = one_call(client, kind, key, id);
        let ended = nanoseconds();
        let verdict = Verdict::of(&outcome, |_| true, Duration::ZERO);
        let seen = outcome.map_or_else(|_| String::new(), |seen| seen.text());
        shared.journal.append(format!("e {id} {} {ended} {seen}\n", verdict.code()).as_bytes());
        if verdict == Verdict::NotExecuted {
            std::thread::sleep(AFTER_REFUSAL);
        }
    }
}

fn one_call(client: &RegistersClient, kind: Kind, key: u64, id: u64) -> Result<Seen, CallError> {
    match kind {
        Kind::Get => client.get(key).map(Seen::List),
        Kind::Put => client.put(key, id).map(|()| Seen::Done),
        Kind::Append => client.append(key, id).map(Seen::Length),
        Kind::Swap => client.swap(key, id).map(Seen::List),
    }
}
