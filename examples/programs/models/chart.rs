//! The calls per second as a bar chart on a logarithmic scale. The SVG is written by hand, since it is forty lines.

use std::fmt::Write;

use rpc_examples::choices::name_of;

use crate::Handlers;
use crate::measure::Cell;

const BAR: f64 = 14.0;
const GAP: f64 = 26.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 70.0;
const COLOURS: [&str; 6] = ["#4e79a7", "#f28e2b", "#e15759", "#b07aa1", "#76b7b2", "#59a14f"];
/// Powers of ten on the scale.
const DECADES: i32 = 6;

/// One panel for each kind of handlers, one group for each number of connections, one bar for each model.
pub(crate) fn svg(cells: &[Cell]) -> String {
    let mut panels = String::new();
    let (mut width, mut top) = (0.0_f64, 30.0);
    for handlers in [Handlers::Quick, Handlers::Wait] {
        let cells: Vec<_> = cells.iter().filter(|cell| cell.handlers == handlers).collect();
        if !cells.is_empty() {
            width = width.max(panel(&mut panels, &cells, handlers, top));
            top += HEIGHT + 70.0;
        }
    }
    let mut models: Vec<_> = cells.iter().map(|cell| cell.model).collect();
    models.dedup();
    models.truncate(COLOURS.len());
    for (index, model) in models.iter().enumerate() {
        let (x, colour) = (LEFT + 120.0 * index as f64, COLOURS[*model as usize % COLOURS.len()]);
        line(
            &mut panels,
            format_args!("<rect x=\"{x}\" y=\"{top}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>"),
        );
        text(&mut panels, x + 14.0, top + 9.0, "start", &name_of(*model));
    }
    let (width, height) = (width.max(LEFT + 120.0 * models.len() as f64) + 20.0, top + 30.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{panels}</svg>\n"
    )
}

/// Draws one panel, and returns the position of its right end.
fn panel(out: &mut String, cells: &[&Cell], handlers: Handlers, top: f64) -> f64 {
    let bottom = top + HEIGHT;
    text(out, LEFT, top - 12.0, "start", &format!("calls per second, handlers: {}", name_of(handlers)));
    let (mut x, mut connections) = (LEFT - GAP + 10.0, 0);
    for cell in cells {
        if cell.connections != connections {
            connections = cell.connections;
            x += GAP;
            text(out, x, bottom + 16.0, "start", &format!("{connections} connections"));
        }
        let height = height_of(cell.calls_per_second);
        let colour = COLOURS[cell.model as usize % COLOURS.len()];
        line(
            out,
            format_args!(
                "<rect x=\"{x}\" y=\"{:.1}\" width=\"{}\" height=\"{height:.1}\" fill=\"{colour}\"><title>{}: {:.0}</title></rect>",
                bottom - height,
                BAR - 2.0,
                name_of(cell.model),
                cell.calls_per_second
            ),
        );
        x += BAR;
    }
    for decade in 0..=DECADES {
        let y = bottom - height_of(10_f64.powi(decade));
        line(out, format_args!("<path d=\"M{LEFT} {y:.1}H{x}\" stroke=\"#ccc\" stroke-width=\"0.5\"/>"));
        text(out, LEFT - 6.0, y + 4.0, "end", &format!("{}", 10_u32.pow(decade.unsigned_abs())));
    }
    x
}

fn height_of(calls: f64) -> f64 {
    calls.max(1.0).log10().min(f64::from(DECADES)) / f64::from(DECADES) * HEIGHT
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
}

fn line(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{what}"); // writing to a string does not fail
}
