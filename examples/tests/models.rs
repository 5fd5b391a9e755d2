//! `models`: every model serves, and the table, the values and the chart are written.

use std::path::{Path, PathBuf};

use crate::programs::run;

const MODELS: &str = env!("CARGO_BIN_EXE_models");

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn every_model_serves_and_is_measured() {
    let (csv, svg) = (file("models.csv"), file("models.svg"));
    let paths = [&csv, &svg].map(|path| path.to_str().expect("the target folder's path is text"));
    let said = run(MODELS, ["--quick", "--csv", paths[0], "--svg", paths[1]]).expect(0);
    let table = std::fs::read_to_string(&csv).expect("it was written");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 24, "6 models, 2 numbers of connections, 2 kinds of handlers: {table}");
    for model in ["per-connection", "per-call", "pool", "plain-loop", "one-loop", "loop-per-core"] {
        assert!(said.out.contains(&format!("| {model} ")), "{}", said.out);
    }
    for row in &rows {
        assert!(row[3].parse::<u64>().expect("calls a second") > 0, "{row:?}");
    }
    // A handler that waits 10 ms keeps the plain loop from all others; every other model serves 20 of them at once.
    let calls = |model: &str| {
        let row = rows.iter().find(|row| row[0] == "wait" && row[1] == "20" && row[2] == model);
        row.expect("a row for each")[3].parse::<u64>().expect("calls a second")
    };
    for model in ["per-connection", "per-call", "pool", "one-loop", "loop-per-core"] {
        assert!(calls(model) > 2 * calls("plain-loop"), "{model}: {table}");
    }
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
