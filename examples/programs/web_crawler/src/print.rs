//! The pages as text, as JSON lines, or as a graph.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;
use url::Url;

use crate::report::Report;

/// The forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each page as it arrives: `found: URL` or `missing: URL`, as the lecture's programs print
    Text,
    /// An object a line, ordered by address: url, status, bytes, links, from
    Json,
    /// A graph for Graphviz
    Dot,
}

/// One line of JSON.
#[derive(Serialize)]
struct Line<'r> {
    url: &'r Url,
    /// 0: no server answered.
    status: u16,
    bytes: u64,
    links: &'r [Url],
    /// The first page, by address, that links here; the start has none.
    from: Option<&'r Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_off: Option<&'r str>,
}

/// Prints the part that is known only at the end: nothing for text, whose lines were printed as the pages arrived.
///
/// # Errors
/// Returns an error if it cannot be written.
pub fn print(report: &Report, start: &Url, format: Format, to: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => {}
        Format::Json => json(report, start, to)?,
        Format::Dot => dot(report, to)?,
    }
    to.flush()
}

fn json(report: &Report, start: &Url, to: &mut dyn Write) -> io::Result<()> {
    let found_on = report.found_on();
    for (url, page) in &report.pages {
        let line = Line {
            url,
            status: page.status(),
            bytes: page.bytes,
            links: &page.links,
            from: found_on.get(url).copied().filter(|_| url != start),
            dead: report.dead.get(url).map(String::as_str),
            cut_off: page.why_cut_off(),
        };
        serde_json::to_writer(&mut *to, &line)?;
        writeln!(to)?;
    }
    Ok(())
}

fn dot(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "digraph crawl {{")?;
    for (url, page) in &report.pages {
        let color = if report.dead.contains_key(url) { " [color=red]" } else { "" };
        writeln!(to, "  {}{color};", quoted(url))?;
        for link in page.links.iter().filter(|link| report.pages.contains_key(link)) {
            writeln!(to, "  {} -> {};", quoted(url), quoted(link))?;
        }
    }
    writeln!(to, "}}")
}

fn quoted(url: &Url) -> String {
    format!("\"{}\"", url.as_str().replace('\\', "\\\\").replace('"', "\\\""))
}
