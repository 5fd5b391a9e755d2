//! The measurements as text: tables for people, comma-separated values for programs.

use comfy_table::{CellAlignment, Table, presets};
use rpc_examples::choices::name_of;

use crate::locks::{LockRow, Section};
use crate::measure::Cell;

const COLUMNS: [&str; 10] = [
    "handlers",
    "connections",
    "model",
    "calls/s",
    "p50 us",
    "p99 us",
    "memory MiB",
    "threads",
    "CPU us/call",
    "switches/call",
];

fn fields(cell: &Cell) -> [String; 10] {
    [
        name_of(cell.handlers),
        cell.connections.to_string(),
        name_of(cell.model),
        format!("{:.0}", cell.calls_per_second),
        cell.p50_micros.to_string(),
        cell.p99_micros.to_string(),
        format!("{:.1}", cell.rss_kib as f64 / 1024.0),
        cell.threads.to_string(),
        format!("{:.1}", cell.cpu_micros_per_call),
        format!("{:.2}", cell.switches_per_call),
    ]
}

/// Returns one line for the progress of the measurement.
pub(crate) fn progress(cell: &Cell) -> String {
    let [handlers, connections, model, calls, ..] = fields(cell);
    format!("{handlers} handlers, {connections} connections, {model}: {calls} calls/s")
}

pub(crate) fn table(cells: &[Cell]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(COLUMNS);
    for cell in cells {
        table.add_row(fields(cell));
    }
    numbers_to_the_right(&mut table, 3);
    table
}

pub(crate) fn csv(cells: &[Cell]) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for cell in cells {
        text += &(fields(cell).join(",") + "\n");
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
