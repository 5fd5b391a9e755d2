//! A space-time diagram as SVG: a line of life for each end, an arrow for each arrival of a frame.

use std::fmt::Write;

use super::diagram::{Diagram, Place};

/// Pixels between two lines of text.
const ROW: usize = 20;
/// Pixels above the first line.
const TOP: usize = 50;
/// The position of the first client's life line.
const CLIENT: usize = 290;
/// Pixels between the lines of two clients.
const APART: usize = 40;
/// The position of the server's life line.
const SERVER: usize = 760;
/// The width of the picture.
const WIDTH: usize = 1040;

/// Returns the diagram as a picture.
pub fn svg(diagram: &Diagram) -> String {
    let height = TOP + (diagram.lines.len() + 3) * ROW;
    let mut picture = Picture { out: String::new() };
    picture.put(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">"
    ));
    picture.put("<defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"3\" orient=\"auto\">");
    picture.put("<path d=\"M0,0 L7,3 L0,6 z\" fill=\"#4e79a7\"/></marker></defs>");
    picture.put("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
    let bottom = height - 2 * ROW;
    for client in 0..diagram.clients {
        let name = if diagram.clients > 1 { format!("client {}", client + 1) } else { "client".to_owned() };
        picture.life(x_of_client(client), bottom, &name, TOP - 15 * (client + 1));
    }
    picture.life(SERVER, bottom, "server", TOP - 15);
    picture.frames(diagram);
    picture.notes(diagram);
    if let Some(rule) = &diagram.rule {
        picture.text(10, height - ROW / 2, "start", "#e15759", &format!("broken: {rule}"));
    }
    picture.put("</svg>");
    picture.out
}

fn x_of_client(client: usize) -> usize {
    CLIENT + client * APART
}

fn y_of(line: usize) -> usize {
    TOP + (line + 1) * ROW
}

/// A picture that is being written.
struct Picture {
    out: String,
}

impl Picture {
    fn put(&mut self, element: &str) {
        self.out.push_str(element);
        self.out.push('\n');
    }

    fn text(&mut self, x: usize, y: usize, anchor: &str, color: &str, text: &str) {
        let text = escaped(text);
        self.put(&format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{color}\">{text}</text>"
        ));
    }

    /// The line of life of one end.
    fn life(&mut self, x: usize, bottom: usize, name: &str, y: usize) {
        self.text(x, y, "middle", "black", name);
        self.put(&format!("<line x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"black\"/>"));
    }

    /// An arrow from where a frame left to each place where it arrived; a short dashed one if it never did.
    fn frames(&mut self, diagram: &Diagram) {
        for (number, frame) in diagram.frames.iter().enumerate() {
            let lines = |place: Place| {
                let lines = diagram.lines.iter().enumerate();
                lines.filter(move |(_, line)| line.place == place).map(|(line, _)| line).collect::<Vec<_>>()
            };
            let client = x_of_client(frame.client());
            let (from, to) = if frame.up { (client, SERVER) } else { (SERVER, client) };
            let (left, arrived) = (lines(Place::Leaves(number)), lines(Place::Arrives(number)));
            let Some(first) = left.first() else { continue };
            for line in &arrived {
                let sent = left.iter().rev().find(|sent| *sent <= line).unwrap_or(first);
                self.arrow((from, y_of(*sent)), (to, y_of(*line)), "marker-end=\"url(#tip)\"");
            }
            if arrived.is_empty() {
                let half = (from * 2 + to) / 3;
                self.arrow((from, y_of(*first)), (half, y_of(*first) + ROW / 2), "stroke-dasharray=\"4 3\"");
                self.text(half, y_of(*first) + ROW / 2 + 4, "middle", "#e15759", "×");
            }
        }
    }

    fn arrow(&mut self, from: (usize, usize), to: (usize, usize), style: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(&format!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"#4e79a7\" {style}/>"
        ));
    }

    /// The events at the ends, beside their lines; the names of frames where they leave.
    fn notes(&mut self, diagram: &Diagram) {
        for (number, line) in diagram.lines.iter().enumerate() {
            let y = y_of(number);
            if let Some(step) = line.step {
                self.text(30, y, "end", "#999999", &step.to_string());
            }
            match line.place {
                Place::Client(client) if diagram.clients > 1 => {
                    self.text(CLIENT - 10, y, "end", "black", &format!("{}: {}", client + 1, line.text));
                }
                Place::Client(_) => self.text(CLIENT - 10, y, "end", "black", &line.text),
                Place::Server => self.text(SERVER + 10, y, "start", "black", &line.text),
                Place::Between => self.text((CLIENT + SERVER) / 2, y, "middle", "#999999", &line.text),
                Place::Leaves(frame) if diagram.frames[frame].up => {
                    self.text(CLIENT - 10, y, "end", "#4e79a7", &line.text);
                }
                Place::Leaves(_) => self.text(SERVER + 10, y, "start", "#4e79a7", &line.text),
                Place::Arrives(_) => {}
            }
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            c => {
                let _ = write!(escaped, "{c}"); // a String takes everything
            }
        }
    }
    escaped
}
