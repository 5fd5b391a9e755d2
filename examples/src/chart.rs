//! Measurements as bar charts with linear scales. The SVG is written by hand, since it is short.

use std::fmt::Write;

use crate::spread::Spread;

const COLOURS: [&str; 9] =
    ["#4e79a7", "#f28e2b", "#e15759", "#b07aa1", "#9c755f", "#edc948", "#76b7b2", "#59a14f", "#797979"];
const BAR: f64 = 13.0;
/// Room for the names of the bars, at the left.
const NAMES: f64 = 110.0;
/// The width of the longest bar, and of a whole panel with the figures beside its bars.
const LONGEST: f64 = 130.0;
const PANEL: f64 = 205.0;
const TITLE: f64 = 34.0;
/// A scale ends at this many times the median of its bars. A longer bar is cut, since it would make all others look alike.
const CUT: f64 = 4.0;

/// A line of panels, whose bars have the same names.
#[derive(Clone, Debug)]
pub struct Line {
    /// The text above it.
    pub title: String,
    /// The name of the values, for the text at each bar.
    pub quantity: String,
    /// The decimals of the values.
    pub decimals: usize,
    /// The name of each bar, and the number of its colour.
    pub bars: Vec<(String, usize)>,
    /// The panels, from left to right.
    pub panels: Vec<Panel>,
}

/// A chart in a line of charts.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The text above it.
    pub title: String,
    /// A value for each bar of the line; `None` if there is none.
    pub values: Vec<Option<Spread>>,
}

/// Draws lines of panels below each other.
pub fn svg(lines: &[Line]) -> String {
    let (mut panels, mut top, mut width) = (String::new(), 0.0_f64, 0.0_f64);
    for line in lines {
        text(&mut panels, 4.0, top + 14.0, "start", &line.title);
        for (panel, number) in line.panels.iter().zip(0_u32..) {
            let left = NAMES + f64::from(number) * PANEL;
            draw(&mut panels, line, panel, left, top);
            width = width.max(left + PANEL);
        }
        for ((name, _), y) in line.bars.iter().zip(bars(top)) {
            text(&mut panels, NAMES - 6.0, y + BAR - 4.0, "end", name);
        }
        top += TITLE + 10.0 + BAR * line.bars.len() as f64;
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

fn draw(out: &mut String, of: &Line, panel: &Panel, left: f64, top: f64) {
    text(out, left, top + TITLE - 5.0, "start", &panel.title);
    let mut medians: Vec<f64> = panel.values.iter().flatten().map(|value| value.median).collect();
    medians.sort_by(f64::total_cmp);
    let middle = medians.get(medians.len() / 2).copied().unwrap_or_default();
    let most = medians.last().copied().unwrap_or_default();
    let scale = LONGEST / most.min(CUT * middle).max(f64::MIN_POSITIVE);
    for (((name, colour), value), y) in of.bars.iter().zip(&panel.values).zip(bars(top)) {
        let Some(Spread { median, least, most }) = *value else { continue };
        let (end, is_cut) = ((median * scale).min(LONGEST), median * scale > LONGEST + 0.5);
        let (colour, quantity, decimals) = (COLOURS[colour % COLOURS.len()], &of.quantity, of.decimals);
        line(
            out,
            format_args!(
                "<rect x=\"{left}\" y=\"{y}\" width=\"{end:.1}\" height=\"{}\" fill=\"{colour}\"><title>{name}, \
                 {quantity}: {median:.1} ({least:.1}-{most:.1})</title></rect>",
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
