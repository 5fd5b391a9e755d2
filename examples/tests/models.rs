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
    let others = ["per-connection", "per-call", "pool", "one-loop", "loop-per-core"];
    others.into_iter().filter(|model| calls(model) <= 2 * calls("plain-loop")).collect()
}

#[test]
fn every_model_serves_and_is_measured() {
    let (csv, svg) = (file("models.csv"), file("models.svg"));
    let path = svg.to_str().expect("the target folder's path is text");
    let (said, rows) = measure(&csv, &["--quick", "--svg", path]);
    assert_eq!(rows.len(), 24, "6 models, 2 numbers of connections, 2 kinds of handlers: {rows:?}");
    for model in ["per-connection", "per-call", "pool", "plain-loop", "one-loop", "loop-per-core"] {
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
    assert_eq!(chart.matches("<title>").count(), 24);
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
