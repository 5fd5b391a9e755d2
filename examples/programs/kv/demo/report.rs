//! The figures of both runs, as a table for people and as objects for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value, json};

use super::run::Run;
use Figure::{Count, Millis, Seconds};

/// Returns the table of both runs.
pub(crate) fn table(with: &Run, without: &Run) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["", "filter on", "filter off"]);
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (title, _, figure) in rows() {
        table.add_row([title.to_owned(), figure(with).text(), figure(without).text()]);
    }
    table
}

/// Returns the same figures of one run under names for programs.
pub(crate) fn object(run: &Run, filter: bool) -> Value {
    let figures = rows().into_iter().map(|(_, name, figure)| (name.to_owned(), figure(run).json()));
    let mut object = Map::from_iter([("filter".to_owned(), json!(filter))]);
    object.extend(figures);
    Value::Object(object)
}

/// A figure: its title in the table, its name in the object, and its value in a run.
type Row = (&'static str, &'static str, fn(&Run) -> Figure);

enum Figure {
    Count(u64),
    Millis(f64),
    Seconds(f64),
}

impl Figure {
    fn text(&self) -> String {
        match self {
            Count(count) => grouped(*count),
            Millis(time) => format!("{time:.1} ms"),
            Seconds(time) => format!("{time:.1} s"),
        }
    }

    fn json(&self) -> Value {
        match self {
            Count(count) => json!(count),
            Millis(time) | Seconds(time) => json!(time),
        }
    }
}

fn rows() -> Vec<Row> {
    vec![
        ("calls made by the clients", "calls", |run| Count(run.calls)),
        ("  unknown when their deadline passed", "unknown_at_deadline", |run| Count(run.doubts)),
        ("  sent again", "calls_sent_again", |run| Count(run.resent)),
        ("frames passed on by the network", "frames_passed_on", |run| Count(run.network.forwarded)),
        ("  dropped", "frames_dropped", |run| Count(run.network.dropped)),
        ("  duplicated", "frames_duplicated", |run| Count(run.network.duplicated)),
        ("  delayed", "frames_delayed", |run| Count(run.network.delayed)),
        ("  reordered", "frames_reordered", |run| Count(run.network.reordered)),
        ("connections cut", "connections_cut", |run| Count(run.network.cut)),
        ("connections made", "connections_made", |run| Count(run.connections)),
        ("call frames that reached the server", "call_frames_at_server", |run| Count(run.server.calls)),
        ("  duplicates that did not run again", "duplicates_kept", |run| Count(run.server.duplicates)),
        ("    of these answered from the filter", "duplicates_answered", |run| {
            Count(run.server.duplicates_answered)
        }),
        ("  duplicates that ran again", "duplicates_run_again", |run| Count(run.server.duplicates_run_again)),
        ("handler runs", "handler_runs", |run| Count(run.server.handler_runs)),
        ("latency of a call, p50", "latency_ms_p50", |run| millis(run, 0.50)),
        ("  p90", "latency_ms_p90", |run| millis(run, 0.90)),
        ("  p99", "latency_ms_p99", |run| millis(run, 0.99)),
        ("  longest", "latency_ms_longest", |run| millis(run, 1.00)),
        ("pairs of the file in the store", "pairs_right", |run| Count(run.findings.pairs_right)),
        ("appends in the store exactly once", "appends_once", |run| Count(run.findings.once)),
        ("appends in the store twice or more", "appends_doubled", |run| Count(run.findings.doubled)),
        ("appends whose outcome stays unknown", "appends_unknown", |run| Count(run.findings.unknown)),
        ("time", "seconds", |run| Seconds(run.took.as_secs_f64())),
    ]
}

fn millis(run: &Run, quantile: f64) -> Figure {
    Millis(run.latencies.value_at_quantile(quantile) as f64 / 1000.0)
}

/// Returns 1234567 as 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_marked() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
