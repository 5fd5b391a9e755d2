//! What the demonstration shows: one table, two runs beside each other.

use comfy_table::{CellAlignment, Table, presets};

use super::run::Run;

/// The table of both runs.
pub(crate) fn table(with: &Run, without: &Run) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["", "filter on", "filter off"]);
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (name, value) in rows() {
        table.add_row([name.to_owned(), value(with), value(without)]);
    }
    table
}

type Row = (&'static str, fn(&Run) -> String);

fn rows() -> Vec<Row> {
    vec![
        ("calls made by the clients", |run| grouped(run.calls)),
        ("  unknown when their deadline passed", |run| grouped(run.doubts)),
        ("  sent again", |run| grouped(run.resent)),
        ("frames passed on by the network", |run| grouped(run.network.forwarded)),
        ("  dropped", |run| grouped(run.network.dropped)),
        ("  duplicated", |run| grouped(run.network.duplicated)),
        ("  delayed", |run| grouped(run.network.delayed)),
        ("  reordered", |run| grouped(run.network.reordered)),
        ("connections cut", |run| grouped(run.network.cut)),
        ("connections made", |run| grouped(run.connections)),
        ("call frames that reached the server", |run| grouped(run.server.calls)),
        ("  duplicates kept from running again", |run| grouped(run.server.duplicates)),
        ("    of these answered from the filter", |run| grouped(run.server.duplicates_answered)),
        ("  duplicates that ran again", |run| grouped(run.server.duplicates_run_again)),
        ("handler runs", |run| grouped(run.server.handler_runs)),
        ("latency of a call, p50", |run| millis(run, 0.50)),
        ("  p90", |run| millis(run, 0.90)),
        ("  p99", |run| millis(run, 0.99)),
        ("  longest", |run| millis(run, 1.0)),
        ("pairs of the file in the store", |run| grouped(run.findings.pairs_right)),
        ("appends in the store exactly once", |run| grouped(run.findings.once)),
        ("appends in the store twice or more", |run| grouped(run.findings.doubled)),
        ("appends whose fate stays unknown", |run| grouped(run.findings.unknown)),
        ("time", |run| format!("{:.1} s", run.took.as_secs_f64())),
    ]
}

fn millis(run: &Run, quantile: f64) -> String {
    format!("{:.1} ms", run.latencies.value_at_quantile(quantile) as f64 / 1000.0)
}

/// 1234567 as 1,234,567.
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
