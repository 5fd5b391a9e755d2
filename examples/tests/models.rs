//! `models`: every model serves, and the table, the values and the chart are written.

use std::path::{Path, PathBuf};

use crate::programs::{Said, run};

const MODELS: &str = env!("CARGO_BIN_EXE_models");

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Measures, and gives the rows of the table.
fn measure(csv: &Path, arguments: &[&str]) -> (Said, Vec<Vec<String>>) {
    let path = csv.to_str().expect("the target folder's path is text");
    let said = run(MODELS, ["--csv", path].iter().chain(arguments)).expect(0);
    let table = std::fs::read_to_string(csv).expect("it was written");
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    (said, table.lines().skip(1).map(cells).collect())
}

/// A handler that waits 10 ms stops the plain loop; every other model serves 20 of them at once. But each is
/// measured for a moment only, and a busy machine may stand still in it: a model in this list is measured again.
fn as_slow_as_the_plain_loop(rows: &[Vec<String>]) -> Vec<&'static str> {
    let calls = |model: &str| {
        let row = rows.iter().find(|row| row[0] == "wait" && row[1] == "20" && row[2] == model);
        row.expect("a row for each")[3].parse::<u64>().expect("calls a second")
    };
    // A loop on each core is a plain loop on each core, so it is no example.
    let others = ["per-connection", "per-call", "pool", "tasks", "framework", "framework-per-core"];
    others.into_iter().filter(|model| calls(model) <= 2 * calls("plain-loop")).collect()
}

#[test]
fn every_model_serves_and_is_measured() {
    let (csv, svg) = (file("models.csv"), file("models.svg"));
    let path = svg.to_str().expect("the target folder's path is text");
    let (said, rows) = measure(&csv, &["--quick", "--svg", path]);
    assert_eq!(rows.len(), 32, "8 models, 2 numbers of connections, 2 kinds of handlers: {rows:?}");
    for model in [
        "per-connection",
        "per-call",
        "pool",
        "plain-loop",
        "loop-per-core",
        "tasks",
        "framework",
        "framework-per-core",
    ] {
        assert!(said.out.contains(&format!("| {model} ")), "{}", said.out);
    }
    assert!(rows.iter().all(|row| row[3].parse::<u64>().is_ok()), "calls a second: {rows:?}");
    let mut held_up = as_slow_as_the_plain_loop(&rows);
    for _ in 0..10 {
        let how = ["--handlers", "wait", "--connections", "20", "--time", "200ms"];
        if !held_up.is_empty() {
            let again = as_slow_as_the_plain_loop(&measure(&file("waits.csv"), &how).1);
            held_up.retain(|model| again.contains(model));
        }
    }
    assert!(held_up.is_empty(), "{held_up:?}: {rows:?}");
    let chart = std::fs::read_to_string(&svg).expect("it was written");
    assert!(chart.starts_with("<svg ") && chart.ends_with("</svg>\n"));
    assert_eq!(chart.matches("<title>").count(), 3 * 32, "calls, CPU time and memory");
    for title in [
        "calls per second, handlers: quick",
        "CPU time, us per call, handlers: wait",
        "memory, MiB, handlers: wait",
    ] {
        assert!(chart.contains(title), "{title}");
    }
}

/// 40 calls of 10 ms, one after the other, take 400 ms: after 50 ms and as much patience most have no reply.
#[test]
fn a_latency_that_is_longer_than_the_measurement_is_a_lower_bound() {
    let how = ["--handlers", "wait", "--connections", "40", "--time", "50ms", "--rounds", "1"];
    let (said, rows) = measure(&file("bounds.csv"), &[&how[..], &["--model", "plain-loop"]].concat());
    assert!(rows[0][7].starts_with('>'), "{rows:?}");
    assert!(said.out.contains("`>`: at least this long"), "{}", said.out);
}

/// The resident set does not have the kernel's stack of each thread.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_stack_of_each_thread_is_counted() {
    let how = ["--handlers", "quick", "--connections", "200", "--time", "200ms", "--rounds", "1"];
    let models = ["--model", "per-connection", "--model", "plain-loop"];
    let (said, rows) = measure(&file("stacks.csv"), &[&how[..], &models[..]].concat());
    let memory = |row: usize| rows[row][8].parse::<f64>().expect("MiB");
    let threads = rows[0][9].parse::<f64>().expect("threads");
    assert!(threads >= 200.0, "{rows:?}");
    // The stacks of the kernel alone are 3 MiB; the pages of the others' own stacks come on top.
    assert!(memory(0) - memory(1) > 3.0, "{rows:?}");
    assert!(said.out.contains(" KiB of kernel stack for each thread"), "{}", said.out);
}

#[test]
fn each_round_begins_with_another_model_and_the_range_of_all_is_shown() {
    let how = ["--handlers", "quick", "--connections", "1", "--time", "50ms", "--rounds", "3"];
    let models = ["--model", "plain-loop", "--model", "pool"];
    let (said, rows) = measure(&file("rounds.csv"), &[&how[..], &models[..]].concat());
    let order: Vec<&str> =
        said.err.lines().filter_map(|line| line.split(", ").nth(2)?.split(':').next()).collect();
    assert_eq!(order, ["plain-loop", "pool", "pool", "plain-loop", "plain-loop", "pool"], "{}", said.err);
    for row in rows {
        let [median, least, most] =
            [3, 4, 5].map(|place: usize| row[place].parse::<u64>().expect("calls a second"));
        assert!(least <= median && median <= most && row[14] == "3", "{row:?}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    run(MODELS, ["--connections", "0"]).expect(2);
    run(MODELS, ["--connections", "20000"]).expect(2);
    run(MODELS, ["--model", "prayer"]).expect(2);
    let nowhere = file("no such folder/models.csv");
    let nowhere = nowhere.to_str().expect("the target folder's path is text");
    for option in ["--csv", "--svg"] {
        let said = run(MODELS, ["--quick", "--model", "plain-loop", option, nowhere]).expect(2);
        assert!(said.err.starts_with("models: cannot write "), "before anything is measured: {}", said.err);
    }
}
