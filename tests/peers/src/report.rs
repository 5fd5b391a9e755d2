//! The measurements as text: tables for people, comma-separated values for programs.

use comfy_table::{CellAlignment, Table, presets};
use rpc_examples::choices::name_of;
use rpc_examples::spread::Spread;
use rpc_ours::work::find;

use crate::options::{IDLE, Place};
use crate::results::{Cell, Figure, Results};
use crate::targets::{TARGETS, Verdict};

/// A column of a table: its title, its decimals and its figure.
type Column = (&'static str, usize, Figure);

const FIGURES: [Column; 9] = [
    ("calls/s", 0, |figures| figures.calls_per_second),
    ("p50 us", 2, |figures| figures.p50_micros),
    ("p99 us", 1, |figures| figures.p99_micros),
    ("server CPU us/call", 3, |figures| figures.server_cpu_micros),
    ("client CPU us/call", 3, |figures| figures.client_cpu_micros),
    ("server syscalls/call", 3, |figures| figures.server_syscalls),
    ("client syscalls/call", 3, |figures| figures.client_syscalls),
    ("bytes connected", 0, |figures| figures.connected_bytes),
    ("bytes after a call", 0, |figures| figures.called_bytes),
];

/// The columns whose range is shown.
const RANGED: usize = 1;

/// Returns one line for the progress of the measurement.
pub(crate) fn progress(cell: &Cell, rounds: u8) -> String {
    let shown = FIGURES.iter().filter_map(|(title, decimals, figure)| {
        figure(&cell.figures).map(|value| format!("{value:.decimals$} {title}"))
    });
    let shown: Vec<String> = shown.take(2).collect();
    let (round, place, peer) = (cell.round, name_of(cell.place), name_of(cell.peer));
    format!("round {round} of {rounds}: {}, {place}, {peer}: {}", cell.work, shown.join(", "))
}

/// Returns the table of one work: a row for each peer, and our ratio to it.
pub(crate) fn table(results: &Results, place: Place, work: &str) -> (String, Table) {
    let peers = results.peers(place, work);
    let title = match find(work) {
        Some(known) => format!("{work}: {}; placement {}", known.about, name_of(place)),
        None => "idle: the server's resident memory for each of many connections at rest".to_owned(),
    };
    let is_shown =
        |column: &Column| peers.iter().any(|peer| results.spread(place, work, *peer, column.2).is_some());
    let columns: Vec<&Column> = FIGURES.iter().filter(|column| is_shown(column)).collect();
    // The ratio that counts: time for a single call, memory for idle connections, calls per second for all else.
    let is_time = columns.iter().any(|column| column.0 == "p50 us");
    let compared = match (work == IDLE, is_time) {
        (true, _) => FIGURES[8],
        (false, true) => FIGURES[1],
        (false, false) => FIGURES[0],
    };
    let mut table = new_table();
    let titles = columns.iter().map(|column| column.0.to_owned());
    let ratio = format!("ours / it, {} (range)", compared.0);
    table.set_header(["peer".to_owned()].into_iter().chain(titles).chain([ratio]));
    for peer in peers {
        let figures = columns.iter().map(|(_, decimals, figure)| {
            let spread = results.spread(place, work, peer, *figure);
            shown(spread, *decimals, std::ptr::fn_addr_eq(*figure, FIGURES[0].2))
        });
        let ratio = shown(results.ratio(place, work, peer, compared.2), 2, true);
        table.add_row([name_of(peer)].into_iter().chain(figures).chain([ratio]));
    }
    numbers_to_the_right(&mut table, RANGED);
    (title, table)
}

fn shown(spread: Option<Spread>, decimals: usize, with_range: bool) -> String {
    match spread {
        None => "-".to_owned(),
        Some(Spread { median, least, most }) if with_range => {
            format!("{median:.decimals$} ({least:.decimals$}-{most:.decimals$})")
        }
        Some(Spread { median, .. }) => format!("{median:.decimals$}"),
    }
}

/// Returns the table of the targets.
pub(crate) fn targets(results: &Results) -> Table {
    let mut table = new_table();
    table.set_header([
        "target",
        "figure",
        "placement",
        "ours against",
        "measured (range)",
        "must",
        "aim",
        "verdict",
    ]);
    for target in TARGETS {
        let measured = target.measured(results);
        let [must, aim] = target.limits();
        let verdict = match (target.verdict(measured), target.reaches_aim(measured)) {
            (Verdict::NotMeasured, _) => "not measured",
            (_, true) => "aim reached",
            (Verdict::Reached, false) if must == "-" => "aim missed",
            (Verdict::Reached, _) => "reached",
            (Verdict::Missed, _) => "MISSED",
        };
        let decimals = if measured.is_some_and(|spread| spread.median < 0.1) { 3 } else { 2 };
        let (name, about) = (target.name.to_owned(), target.about.to_owned());
        let measured = shown(measured, decimals, true);
        table.add_row([
            name,
            about,
            target.place(),
            target.against(),
            measured,
            must,
            aim,
            verdict.to_owned(),
        ]);
    }
    numbers_to_the_right(&mut table, 4);
    table
}

/// Returns all measurements, one a line.
pub(crate) fn csv(results: &Results) -> String {
    let titles = FIGURES.iter().map(|column| column.0);
    let mut text =
        ["round", "placement", "work", "peer"].into_iter().chain(titles).collect::<Vec<_>>().join(",");
    text.push('\n');
    for Cell { round, place, work, peer, figures } in &results.cells {
        let place = if *work == IDLE { "-".to_owned() } else { name_of(*place) };
        let first = [round.to_string(), place, (*work).to_owned(), name_of(*peer)];
        let values = FIGURES
            .iter()
            .map(|column| (column.2)(figures).map_or(String::new(), |value| format!("{value:.4}")));
        text += &first.into_iter().chain(values).collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    text
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table
}

fn numbers_to_the_right(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
