//! Random runs over all profiles; `RPC_SEED=N` replays one with its trace, `RPC_SEEDS=A..B` chooses them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use rpc_tests::profile::Profile;
use rpc_tests::run::{Options, Report, run};
use rpc_tests::tally::Tally;

/// Seeds of an ordinary test.
const SEEDS: u64 = 1_100;

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
fn campaign(seeds: impl Iterator<Item = u64> + Send, options: Options) -> Tally {
    let seeds = Mutex::new(seeds);
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
                    if let Some(broken) = report.broken {
                        total.1.push((seed, broken));
                        if total.1.len() >= 20 {
                            return;
                        }
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
    if let Some((seed, rule)) = broken.first() {
        panic!(
            "seed {seed} profile {:?}: {rule}\nreplay: RPC_SEED={seed} cargo test -p rpc-tests --test simulation replay -- --nocapture",
            Profile::of(*seed)
        );
    }
    tally
}

#[test]
fn in_every_run_each_verdict_is_true_and_every_invariant_holds() {
    let tally = campaign(0..SEEDS, Options::default());
    println!("{tally}");
    assert!(tally.get("calls") >= 100_000, "{} calls", tally.get("calls"));
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("RPC_SEED").ok().and_then(|text| text.parse().ok()) else { return };
    let report = guarded(seed, Options { trace: true, ..Options::default() });
    for line in &report.lines {
        println!("{line}");
    }
    println!("seed {seed} profile {:?}: {:?}", Profile::of(seed), report.broken);
    assert_eq!(report.broken, None);
}
