//! `prove kill`, `histories` and `million` hold as they are, and fail with each planted fault: real processes, small runs.

use std::process::{Command, Output};

use rpc_tests::campaign::fresh_seed;

fn prove(words: &str) -> Output {
    let words = words.split_whitespace();
    Command::new(env!("CARGO_BIN_EXE_prove")).args(words).output().expect("it starts")
}

/// Returns the exit status and the closing line.
fn closing(words: &str) -> (Option<i32>, String) {
    let output = prove(words);
    let text = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), text.lines().last().unwrap_or_default().to_owned())
}

fn figure(line: &str, key: &str) -> u64 {
    let value = line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.and_then(|value| value.split('/').next()?.parse().ok()).unwrap_or_else(|| panic!("{key}: {line}"))
}

#[test]
fn calls_of_killed_stopped_and_forked_processes_run_at_most_once_and_verdicts_are_true() {
    let (status, line) = closing(&format!("kill --quick --count 20 --seconds 60 --seed {}", fresh_seed()));
    assert!(status == Some(0) && line.starts_with("kill: ok"), "{line}");
    assert_eq!((figure(&line, "deeds"), figure(&line, "ran_twice")), (20, 0), "{line}");
    assert!(figure(&line, "values") > 20, "{line}");
}

#[test]
fn without_the_filter_the_same_run_is_red() {
    let (status, line) = closing("kill --seed 1 --count 500 --seconds 120 filter-off");
    assert!(
        status == Some(1) && line.starts_with("kill: FAILED seed=") && line.contains("rule=\"V1: "),
        "{line}"
    );
    assert!(line.contains("replay kill --seed ") && line.ends_with(" filter-off"), "{line}");
}

#[test]
fn calls_under_kills_forks_and_replays_of_connections_are_not_doubled_and_without_the_filter_some_are() {
    let (status, line) = closing(&format!("million --count 4000 --seconds 120 --seed {}", fresh_seed()));
    assert!(status == Some(0) && line.starts_with("million: ok") && line.contains(" doubled=0 "), "{line}");
    let (status, line) = closing("million --count 100000 --seconds 120 --seed 1 filter-off");
    assert!(status == Some(1) && line.contains("rule=\"V1: ") && figure(&line, "doubled") > 0, "{line}");
}

#[test]
fn histories_over_a_faulty_network_are_linearizable_and_one_is_shown() {
    let page = std::env::temp_dir().join(format!("prove-page-{}.html", std::process::id()));
    let words = format!("histories --quick --count 1 --seed {} --html {}", fresh_seed(), page.display());
    let (status, line) = closing(&words);
    let text = std::fs::read_to_string(&page).unwrap_or_default();
    let _ = std::fs::remove_file(&page); // among files for a while
    assert!(status == Some(0) && line.starts_with("histories: ok"), "{line}");
    assert!(figure(&line, "histories") > 0 && figure(&line, "violations") == 0, "{line}");
    assert!(text.contains("Linearizable: some order") && text.ends_with("</html>\n"), "{text}");
}

#[test]
fn each_planted_fault_makes_histories_red() {
    for (planted, rule) in [
        ("stale-read", "is not linearizable"),
        ("lost-write", "is not linearizable"),
        ("filter-off", "V1: "),
        ("late-replays", "V1: "),
    ] {
        let (status, line) = closing(&format!("histories --count 1000000 --seconds 120 --seed 7 {planted}"));
        assert!(status == Some(1) && line.starts_with("histories: FAILED") && line.contains(rule), "{line}");
    }
}

#[test]
fn a_server_stops_beside_idle_closed_killed_and_frozen_clients() {
    let (status, line) = closing("stop --quick"); // the times are reported, and not compared
    assert!(status == Some(0) && line.starts_with("stop: ok"), "{line}");
    for clients in ["idle=", "closed=", "killed=", "frozen="] {
        assert!(line.contains(clients), "{line}");
    }
}

#[test]
fn a_server_without_room_for_another_thread_leaves_some_for_the_rest_and_lives() {
    let output = prove("attack --quick started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("attack: ok cases=1 held=1"), "{text}");
}

#[test]
fn a_page_that_cannot_be_written_is_a_wrong_command_line_and_nothing_runs() {
    let output = prove("histories --html no/such/folder/page.html");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no/such/folder/page.html cannot be written"), "{said}");
}

#[test]
fn a_part_that_does_nothing_and_a_fault_that_does_not_exist_are_refused() {
    for words in ["kill --count 0", "kill --seconds 0", "histories --count 0", "histories --seconds 0"] {
        assert_eq!(closing(words).0, Some(1), "{words}");
    }
    for words in ["kill filter-of", "histories fresh-read", "replay kill", "replay histories"] {
        assert_eq!(prove(words).status.code(), Some(2), "{words}");
    }
}
