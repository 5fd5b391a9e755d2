//! Random runs over all profiles; `RPC_SEED=N` replays one with its trace, `RPC_SEEDS=N` is how many a soak does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use rpc_tests::profile::Profile;
use rpc_tests::run::{Options, Report, run};
use rpc_tests::tally::Tally;

/// Seeds of an ordinary test.
const SEEDS: u64 = 1_800;

/// What must be hit in an ordinary test: the rows of the protocol's table, the verdicts, the faults.
const MUST: [&str; 47] = [
    "row CALL < last: dropped",
    "row CALL copy of queued or running",
    "row CALL copy of kept: replayed",
    "row CALL copy of not kept: reply lost",
    "row CALL copy of refused: refused again",
    "row CALL copy: no answer needed",
    "row CALL refused before it ran",
    "row CANCEL < last: dropped",
    "row CANCEL of queued: refused",
    "row CANCEL of running: told",
    "row CANCEL of final: answered",
    "row CANCEL before its CALL: recorded",
    "row ACK of final: bytes freed",
    "row ACK of another: dropped",
    "server panics",
    "server results without session",
    "server sessions resumed",
    "server sessions expired",
    "server sessions lost",
    "server sessions turned away",
    "client stray replies",
    "client repeated",
    "client busy retries",
    "calls abandoned",
    "handlers that saw a cancel",
    "verdict done",
    "verdict failed",
    "verdict panicked",
    "verdict reply lost",
    "verdict unknown: Deadline",
    "verdict unknown: SessionLost",
    "verdict unknown: Closed",
    "verdict not executed: BadArguments",
    "verdict not executed: Busy",
    "verdict not executed: Deadline",
    "verdict not executed: Draining",
    "verdict not executed: Contract",
    "verdict not executed: NoFreeSlot",
    "verdict not executed: TooLarge",
    "verdict not executed: Unreachable",
    "verdict late: done",
    "verdict late: not executed: Cancelled",
    "verdict late: panicked",
    "verdict late: reply lost",
    "verdict late: unknown: SessionLost",
    "fault cut",
    "fault corrupted",
];

/// Runs a seed; a panic in it is a broken invariant like any other.
fn guarded(seed: u64, options: Options) -> Report {
    let profile = Profile::of(seed);
    catch_unwind(AssertUnwindSafe(|| run(seed, profile, options))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let broken = Some(format!("panic: {}", text.unwrap_or_default()));
        Report { tally: Tally::default(), hash: 0, lines: Vec::new(), broken }
    })
}

/// Runs many seeds on two threads; panics with the first that breaks something.
fn campaign(count: u64, options: Options) -> Tally {
    let seeds = Mutex::new(0..count);
    let total = Mutex::new((Tally::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = seeds.lock().expect("no panic while locked").next() else { return };
                    let report = guarded(seed, options);
                    let mut total = total.lock().expect("no panic while locked");
                    total.0.merge(&report.tally);
                    total.0.add("runs", 1);
                    total.1.extend(report.broken.map(|rule| (seed, rule)));
                    if total.1.len() >= 20 {
                        return;
                    }
                }
            });
        }
    });
    let (tally, mut broken) = total.into_inner().expect("no panic while locked");
    broken.sort();
    for (seed, rule) in &broken {
        println!("seed {seed} profile {:?}: {rule}", Profile::of(*seed));
    }
    let replay = "cargo test -p rpc-tests --test simulation replay -- --nocapture";
    assert!(broken.is_empty(), "replay: RPC_SEED={} {replay}", broken.first().map_or(0, |(seed, _)| *seed));
    tally
}

#[test]
fn in_every_run_each_verdict_is_true_and_every_invariant_holds() {
    let tally = campaign(SEEDS, Options::default());
    println!("{tally}");
    assert!(tally.get("calls") >= 100_000, "{} calls", tally.get("calls"));
    assert_eq!(tally.missing(&MUST), Vec::<&str>::new(), "these were never hit");
    assert_eq!(tally.get("calls that ran twice"), 0);
}

#[test]
fn without_the_filter_calls_run_twice_and_the_harness_sees_it() {
    let tally = campaign(240, Options { filter_off: true, ..Options::default() });
    assert!(tally.get("calls that ran twice") > 100, "{}", tally.get("calls that ran twice"));
}

#[test]
fn one_seed_is_one_run_to_the_last_bit() {
    let options = Options::default();
    for seed in 0..72 {
        assert_eq!(guarded(seed, options).hash, guarded(seed, options).hash, "seed {seed}");
    }
    assert_ne!(guarded(1, options).hash, guarded(12, options).hash);
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("RPC_SEED").ok().and_then(|text| text.parse().ok()) else { return };
    let filter_off = std::env::var("RPC_FILTER").is_ok_and(|text| text == "off");
    let report = guarded(seed, Options { trace: true, filter_off });
    for line in &report.lines {
        println!("{line}");
    }
    println!("seed {seed} profile {:?}: {:?}", Profile::of(seed), report.broken);
    assert_eq!(report.broken, None);
}

/// `RPC_SEEDS=50000 cargo test --release -p rpc-tests --test simulation soak -- --ignored --nocapture`
#[test]
#[ignore = "as long as one likes"]
fn soak() {
    let seeds = std::env::var("RPC_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    println!("{}", campaign(seeds, Options::default()));
}
