//! The result as bar charts with linear scales: calls per second, CPU time and memory for each number of connections. The SVG
//! is written by hand, since it is short.

use std::fmt::Write;

use rpc_examples::choices::name_of;

use crate::Handlers;
use crate::row::{Row, Spread};

const COLOURS: [&str; 8] =
    ["#4e79a7", "#f28e2b", "#e15759", "#b07aa1", "#9c755f", "#edc948", "#76b7b2", "#59a14f"];
const BAR: f64 = 13.0;
/// Room for the names of the models, at the left.
const NAMES: f64 = 110.0;
/// The width of the longest bar, and of a whole panel with the figures beside its bars.
const LONGEST: f64 = 130.0;
const PANEL: f64 = 205.0;
const TITLE: f64 = 34.0;
/// A scale ends at this many times the median of its bars. A longer bar is cut, since it would make all others look alike.
const CUT: f64 = 4.0;

/// A quantity, with its name and its number of decimals.
type Quantity = (&'static str, usize, fn(&Row) -> Spread);

const QUANTITIES: [Quantity; 3] = [
    ("calls per second", 0, |row| row.calls),
    ("CPU time, us per call", 1, |row| row.cpu),
    ("memory, MiB", 1, |row| row.memory),
];

/// A line of panels for each quantity and kind of handlers, a panel for each number of connections, a bar for each model.
pub(crate) fn svg(rows: &[Row]) -> String {
    let (mut panels, mut top, mut width) = (String::new(), 0.0_f64, 0.0_f64);
    for handlers in [Handlers::Quick, Handlers::Wait] {
        let of_kind: Vec<_> = rows.iter().filter(|row| row.handlers == handlers).collect();
        let groups: Vec<_> = of_kind.chunk_by(|a, b| a.connections == b.connections).collect();
        for quantity in QUANTITIES.iter().filter(|_| !groups.is_empty()) {
            let title = format!("{}, handlers: {}", quantity.0, name_of(handlers));
            text(&mut panels, 4.0, top + 14.0, "start", &title);
            for (group, number) in groups.iter().zip(0_u32..) {
                let left = NAMES + f64::from(number) * PANEL;
                panel(&mut panels, group, quantity, left, top);
                width = width.max(left + PANEL);
            }
            let first = groups.first().copied().unwrap_or_default();
            for (row, y) in first.iter().zip(bars(top)) {
                text(&mut panels, NAMES - 6.0, y + BAR - 4.0, "end", &name_of(row.model));
            }
            top += TITLE + 10.0 + BAR * groups.iter().map(|group| group.len()).max().unwrap_or(0) as f64;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {top}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{panels}</svg>\n"
    )
}

/// The upper ends of the bars of a panel.
fn bars(top: f64) -> impl Iterator<Item = f64> {
    (0_u32..).map(move |number| top + TITLE + f64::from(number) * BAR)
}

fn panel(out: &mut String, rows: &[&Row], (name, decimals, of): &Quantity, left: f64, top: f64) {
    let connections = rows.first().map_or(0, |row| row.connections);
    let plural = if connections == 1 { "" } else { "s" };
    text(out, left, top + TITLE - 5.0, "start", &format!("{connections} connection{plural}"));
    let mut medians: Vec<f64> = rows.iter().map(|row| of(row).median).collect();
    medians.sort_by(f64::total_cmp);
    let middle = medians.get(medians.len() / 2).copied().unwrap_or_default();
    let most = medians.last().copied().unwrap_or_default();
    let scale = LONGEST / most.min(CUT * middle).max(f64::MIN_POSITIVE);
    for (row, y) in rows.iter().zip(bars(top)) {
        let Spread { median, least, most } = of(row);
        let (end, is_cut) = ((median * scale).min(LONGEST), median * scale > LONGEST + 0.5);
        let colour = COLOURS[row.model as usize % COLOURS.len()];
        let model = name_of(row.model);
        line(
            out,
            format_args!(
                "<rect x=\"{left}\" y=\"{y}\" width=\"{end:.1}\" height=\"{}\" fill=\"{colour}\"><title>{model}, {name}: \
                 {median:.1} ({least:.1}-{most:.1})</title></rect>",
                BAR - 3.0
            ),
        );
        let (from, to) = (left + (least * scale).min(LONGEST), left + (most * scale).min(LONGEST));
        let middle = y + (BAR - 3.0) / 2.0;
        line(
            out,
            format_args!("<path d=\"M{from:.1} {middle}H{to:.1}\" stroke=\"black\" stroke-width=\"0.8\"/>"),
        );
        let figure = format!("{}{median:.decimals$}", if is_cut { "cut: " } else { "" });
        text(out, left + end.max(to - left) + 4.0, y + BAR - 4.0, "start", &figure);
    }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
}

fn line(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{what}"); // writing to a string does not fail
}
