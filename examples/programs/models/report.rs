//! The measurements as text: tables for people, comma-separated values for programs.

use comfy_table::{CellAlignment, Table, presets};
use rpc_examples::choices::name_of;
use rpc_examples::spread::Spread;

use crate::locks::{LockRow, Section};
use crate::measure::{Cell, Latency};
use crate::row::Row;

/// The columns of the values for programs. Latencies with `>` in front are lower bounds.
const CSV: [&str; 15] = [
    "handlers",
    "connections",
    "model",
    "calls/s",
    "calls/s least",
    "calls/s most",
    "p50 us",
    "p99 us",
    "memory MiB",
    "threads",
    "CPU us/call",
    "CPU us/call least",
    "CPU us/call most",
    "switches/call",
    "rounds",
];
const TABLE: [&str; 10] = [
    "handlers",
    "connections",
    "model",
    "calls/s (range)",
    "p50 us",
    "p99 us",
    "memory MiB",
    "threads",
    "CPU us/call (range)",
    "switches/call",
];

fn latency(latency: Latency) -> String {
    format!("{}{}", if latency.is_at_least { ">" } else { "" }, latency.micros)
}

/// Returns one line for the progress of the measurement.
pub(crate) fn progress(cell: &Cell, round: usize) -> String {
    let Cell { handlers, connections, model, calls_per_second, .. } = cell;
    let (handlers, model) = (name_of(*handlers), name_of(*model));
    format!(
        "round {round}: {handlers} handlers, {connections} connections, {model}: {calls_per_second:.0} calls/s"
    )
}

pub(crate) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(TABLE);
    for row in rows {
        let Spread { median, least, most } = row.calls;
        table.add_row([
            name_of(row.handlers),
            row.connections.to_string(),
            name_of(row.model),
            format!("{median:.0} ({least:.0}-{most:.0})"),
            latency(row.p50),
            latency(row.p99),
            format!("{:.1}", row.memory.median),
            format!("{:.0}", row.threads),
            format!("{:.1} ({:.1}-{:.1})", row.cpu.median, row.cpu.least, row.cpu.most),
            format!("{:.2}", row.switches),
        ]);
    }
    numbers_to_the_right(&mut table, 3);
    table
}

pub(crate) fn csv(rows: &[Row], rounds: usize) -> String {
    let mut text = CSV.join(",") + "\n";
    for row in rows {
        let fields = [
            name_of(row.handlers),
            row.connections.to_string(),
            name_of(row.model),
            format!("{:.0}", row.calls.median),
            format!("{:.0}", row.calls.least),
            format!("{:.0}", row.calls.most),
            latency(row.p50),
            latency(row.p99),
            format!("{:.1}", row.memory.median),
            format!("{:.0}", row.threads),
            format!("{:.1}", row.cpu.median),
            format!("{:.1}", row.cpu.least),
            format!("{:.1}", row.cpu.most),
            format!("{:.2}", row.switches),
            rounds.to_string(),
        ];
        text += &(fields.join(",") + "\n");
    }
    text
}

pub(crate) fn locks(rows: &[LockRow]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["section", "keys", "lock", "1 thread", "2 threads", "4 threads (updates/s)"]);
    for rows in rows.chunks(3) {
        let Some(first) = rows.first() else { continue };
        let section = match first.section {
            Section::Short => "short",
            Section::Works => "works 20 us",
            Section::Waits => "waits 1 ms",
        };
        let keys = if first.shared_key { "one, shared" } else { "one per thread" };
        let lock = if first.parts == 1 { "coarse" } else { "fine" };
        let mut fields = vec![section.to_owned(), keys.to_owned(), lock.to_owned()];
        fields.extend(rows.iter().map(|row| format!("{:.0}", row.per_second)));
        table.add_row(fields);
    }
    numbers_to_the_right(&mut table, 3);
    table
}

fn numbers_to_the_right(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
