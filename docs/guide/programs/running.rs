//! The page `running.md`: limits, counters, and the lines of the log.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rpc_core::{ClientLimits, Connector, Server, ServerLimits};

use crate::jobs::{JobsClient, JobsServer, Queue};

#[test]
fn limits_are_fields_of_which_one_names_those_that_differ() -> Result<(), Box<dyn std::error::Error>> {
    let limits = ServerLimits { connections: 500, max_frame: 16 << 20, ..ServerLimits::default() };
    let server = Server::builder()
        .service(JobsServer::new(Queue::default()))
        .limits(limits)
        .bind("127.0.0.1:0")?
        .spawn()?;

    let limits = ClientLimits { max_frame: 16 << 20, ..ClientLimits::default() };
    let jobs: JobsClient = Connector::new().limits(limits).connect(server.local_addr())?;
    assert_eq!(jobs.waiting()?, 0);
    Ok(())
}

#[test]
fn a_setting_outside_its_bounds_is_an_error_when_it_is_given() {
    let limits = ServerLimits { slots: 0, ..ServerLimits::default() };
    let refused =
        Server::builder().service(JobsServer::new(Queue::default())).limits(limits).bind("127.0.0.1:0");
    assert!(refused.is_err_and(|error| error.to_string().contains("slots")));
}

#[test]
fn counters_can_be_read_from_any_thread() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;
    let jobs = JobsClient::connect(server.local_addr())?;
    jobs.take()?;

    let handle = server.handle(); // give a clone of it to the thread that reports
    let counters = handle.counters();
    println!("{} calls, {} ran, {} duplicates", counters.calls, counters.executions, counters.duplicates());
    if handle.oldest_running() > Duration::from_secs(60) {
        println!("a handler does not return");
    }
    assert_eq!(counters.executions, 1);
    Ok(())
}

/// Returns the texts of the events of these levels that the library reports.
fn events(levels: &[&str]) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rpc-core/src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("they can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("they are UTF-8");
                let code = text.split("mod tests {").next().unwrap_or_default();
                for level in levels {
                    let starts = code.match_indices(level).map(|(start, _)| &code[start + level.len()..]);
                    found.extend(starts.map(|call| text_of(call, &path)));
                }
            }
        }
    }
    found.sort();
    found
}

/// Returns the text of one event: the last string between the parentheses of the macro.
fn text_of(call: &str, path: &Path) -> String {
    let (mut depth, mut in_string) = (1, false);
    let end = call.find(|letter| {
        match letter {
            '"' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let call = &call[..end.unwrap_or(call.len())];
    let text = call.rsplit('"').nth(1).unwrap_or_else(|| panic!("{}: no text in {call}", path.display()));
    text.to_owned()
}

#[test]
fn the_page_explains_each_line_of_the_log_that_an_operator_sees() {
    let page = include_str!("../running.md");
    let events = events(&["log::error!(", "log::warn!(", "log::info!("]);
    assert!(events.len() > 15, "the sources are read: {events:?}");
    let unexplained = |text: &&String| !page.contains(&format!("| `{text}` |"));
    let missing: Vec<_> = events.iter().filter(unexplained).collect();
    assert!(missing.is_empty(), "running.md does not explain {missing:#?}");

    let rows = page.lines().filter_map(|row| row.split('|').nth(2)).map(str::trim);
    let lines = rows.filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
    let unknown: Vec<_> = lines.filter(|line| !events.iter().any(|text| text == line)).collect();
    assert!(unknown.is_empty(), "no event has these texts: {unknown:#?}");
}
