//! The result as bar charts: calls per second, CPU time and memory for each number of connections.

use rpc_examples::chart::{Line, Panel, svg as draw};
use rpc_examples::choices::name_of;
use rpc_examples::spread::Spread;

use crate::Handlers;
use crate::row::Row;

/// A quantity, with its name and its number of decimals.
type Quantity = (&'static str, usize, fn(&Row) -> Spread);

const QUANTITIES: [Quantity; 3] = [
    ("calls per second", 0, |row| row.calls),
    ("CPU time, us per call", 1, |row| row.cpu),
    ("memory, MiB", 1, |row| row.memory),
];

/// A line of panels for each quantity and kind of handlers, a panel for each number of connections, a bar for each model.
pub(crate) fn svg(rows: &[Row]) -> String {
    let mut lines = Vec::new();
    for handlers in [Handlers::Quick, Handlers::Wait] {
        let of_kind: Vec<_> = rows.iter().filter(|row| row.handlers == handlers).collect();
        let groups: Vec<_> = of_kind.chunk_by(|a, b| a.connections == b.connections).collect();
        let first = groups.first().copied().unwrap_or_default();
        for (quantity, decimals, of) in QUANTITIES.iter().filter(|_| !groups.is_empty()) {
            lines.push(Line {
                title: format!("{quantity}, handlers: {}", name_of(handlers)),
                quantity: (*quantity).to_owned(),
                decimals: *decimals,
                bars: first.iter().map(|row| (name_of(row.model), row.model as usize)).collect(),
                panels: groups.iter().map(|group| panel(group, *of)).collect(),
            });
        }
    }
    draw(&lines)
}

fn panel(rows: &[&Row], of: fn(&Row) -> Spread) -> Panel {
    let connections = rows.first().map_or(0, |row| row.connections);
    let plural = if connections == 1 { "" } else { "s" };
    Panel {
        title: format!("{connections} connection{plural}"),
        values: rows.iter().map(|row| Some(of(row))).collect(),
    }
}
