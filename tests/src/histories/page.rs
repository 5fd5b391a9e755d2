//! One history as a page that needs nothing else: a lane for each thread of a client, a bar for each call, and the judgement.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::check::Judgement;
use super::operation::{Operation, Seen};
use super::scene::Shown;
use crate::processes::verdict::Verdict;

/// The width of the picture, and of the names at its left, in pixels.
const WIDTH: f64 = 1600.0;
const NAMES: f64 = 150.0;
/// The height of a lane.
const LANE: f64 = 26.0;
/// The narrowest bar: a call that took no time to speak of must still be seen.
const NARROWEST: f64 = 3.0;
/// The widest share of the time that the last call of unknown end may take beyond the others.
const TAIL: f64 = 0.03;

const STYLE: &str = "body{font:14px sans-serif;margin:2em}svg{display:block}\
    text{font:11px sans-serif}.value{fill:#4a90c2}.ran{fill:#7a6fc0}.not{fill:#bbb}.unknown{fill:#e0a030}\
    .offending{stroke:#d00;stroke-width:3}td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd}\
    tr.offending td{background:#fdd;font-weight:bold}.key{padding:2px 8px;margin-right:1em;color:#fff}\
    .key.value{background:#4a90c2}.key.ran{background:#7a6fc0}.key.not{background:#999}.key.unknown{background:#c08010}";

/// Returns the page of a history.
pub(crate) fn page(shown: &Shown) -> String {
    let offending = match shown.judgement {
        Judgement::Violation(at) => Some(at),
        Judgement::Linearizable | Judgement::Undecided => None,
    };
    let judgement = match offending.and_then(|at| Some((at, shown.operations.get(at)?))) {
        Some((at, operation)) => format!(
            "Not linearizable. No order of these calls explains the reply of call {at}: {}.",
            sentence(operation, shown)
        ),
        None if shown.judgement == Judgement::Undecided => "Undecided: the search was given up.".to_owned(),
        None => "Linearizable: some order of these calls explains all replies.".to_owned(),
    };
    let mut page =
        String::from("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"/><title>History of a key</title>");
    // Writing to a String does not fail.
    let _ =
        write!(page, "<style>{STYLE}</style></head><body><h1>Key {}, seed {}</h1>", shown.key, shown.seed);
    let _ = write!(page, "<p><b>{judgement}</b></p>{LEGEND}");
    picture(&mut page, shown, offending);
    table(&mut page, shown, offending);
    page + "</body></html>\n"
}

const LEGEND: &str = "<p><span class=\"key value\">value</span><span class=\"key ran\">ran, reply lost</span>\
    <span class=\"key not\">not executed</span><span class=\"key unknown\">unknown</span>\
    A bar is a call from its beginning until its caller was told; one that is unknown may take effect until the end of time. \
    #N is the value that call N writes.</p>";

/// Returns the class of a call in the style sheet.
fn class(operation: &Operation) -> &'static str {
    match operation.verdict {
        Some(Verdict::Value | Verdict::WrongValue) => "value",
        Some(Verdict::Ran | Verdict::ResolvedRan) => "ran",
        Some(Verdict::NotExecuted | Verdict::ResolvedNot) => "not",
        Some(Verdict::Unknown) | None => "unknown",
    }
}

/// Returns a call with its reply in words.
fn sentence(operation: &Operation, shown: &Shown) -> String {
    let name = |id: u64| {
        let place = shown.operations.iter().position(|operation| operation.id == id);
        place.map_or_else(|| format!("{id}, which no call wrote"), |at| format!("#{at}"))
    };
    let reply = match (&operation.seen, operation.verdict) {
        (Some(Seen::List(list)), _) => {
            format!("[{}]", list.iter().map(|id| name(*id)).collect::<Vec<_>>().join(", "))
        }
        (Some(Seen::Length(length)), _) => format!("length {length}"),
        (Some(Seen::Done), _) => "done".to_owned(),
        (None, Some(Verdict::NotExecuted | Verdict::ResolvedNot)) => "not executed".to_owned(),
        (None, Some(Verdict::Unknown)) => "unknown".to_owned(),
        (None, Some(_)) => "ran, reply lost".to_owned(),
        (None, None) => "its client was killed".to_owned(),
    };
    format!("{} gave {reply}", operation.kind.name())
}

fn picture(page: &mut String, shown: &Shown, offending: Option<usize>) {
    let mut lanes: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for operation in &shown.operations {
        let next = lanes.len();
        lanes.entry((operation.client(), operation.lane)).or_insert(next);
    }
    lanes.values_mut().zip(0..).for_each(|(place, row)| *place = row);
    let first = shown.operations.iter().map(|operation| operation.begun).min().unwrap_or(0);
    let last = shown.operations.iter().map(|o| o.told.unwrap_or(o.begun)).max().unwrap_or(first + 1);
    let length = (last.saturating_sub(first)).max(1) as f64 * (1.0 + TAIL);
    let x = |at: u64| NAMES + (at - first) as f64 / length * (WIDTH - NAMES);
    let height = (lanes.len() as f64 + 1.0) * LANE;
    let _ = write!(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\">");
    for ((client, lane), row) in &lanes {
        let y = *row as f64 * LANE + LANE * 0.7;
        let _ = write!(page, "<text x=\"0\" y=\"{y:.1}\">client {client}, lane {lane}</text>");
    }
    for (at, operation) in shown.operations.iter().enumerate() {
        let row = lanes.get(&(operation.client(), operation.lane)).copied().unwrap_or(0);
        let (from, y) = (x(operation.begun), row as f64 * LANE + 4.0);
        // What may take effect until the end of time reaches to the end of the picture.
        let end = if operation.over().is_some() || operation.is_void() { operation.told } else { None };
        let width = (end.map_or(WIDTH, x) - from).max(NARROWEST);
        let mark = if offending == Some(at) { " offending" } else { "" };
        let _ = write!(
            page,
            "<g class=\"call\"><rect class=\"{}{mark}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
             opacity=\"0.8\"/><text x=\"{:.1}\" y=\"{:.1}\">{at}</text><title>{at}: {}</title></g>",
            class(operation),
            LANE - 10.0,
            from + 1.0,
            y + 12.0,
            sentence(operation, shown),
        );
    }
    let micros = (last - first) / 1000;
    let _ = write!(page, "<text x=\"{NAMES}\" y=\"{:.1}\">0 to {micros} µs</text></svg>", height - 6.0);
}

fn table(page: &mut String, shown: &Shown, offending: Option<usize>) {
    *page += "<table><tr><th>call</th><th>client, lane</th><th>what it gave</th><th>begun, µs</th><th>told, µs</th></tr>";
    let first = shown.operations.iter().map(|operation| operation.begun).min().unwrap_or(0);
    for (at, operation) in shown.operations.iter().enumerate() {
        let mark = if offending == Some(at) { " class=\"offending\"" } else { "" };
        let micros = |at: u64| (at - first) as f64 / 1000.0;
        let told = operation.told.map_or_else(|| "never".to_owned(), |told| format!("{:.1}", micros(told)));
        let _ = write!(
            page,
            "<tr{mark}><td>{at}</td><td>{}, {}</td><td>{}</td><td>{:.1}</td><td>{told}</td></tr>",
            operation.client(),
            operation.lane,
            sentence(operation, shown),
            micros(operation.begun),
        );
    }
    *page += "</table>";
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::histories::check::check;
    use crate::histories::operation::histories;
    use crate::histories::scene::Shown;

    fn shown(journal: &str) -> Shown {
        let lines: Vec<_> = journal.lines().map(str::to_owned).collect();
        let (key, operations) =
            histories([lines.as_slice()]).expect("a journal").pop_first().expect("one key");
        Shown { seed: 3, key, judgement: check(&operations), operations }
    }

    /// Returns the numbers of bars, of lanes, and of marks in the picture and in the table, and the text of the page.
    fn read(shown: &Shown) -> (usize, usize, usize, String) {
        let text = page(shown);
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(&text, options).expect("well-formed");
        let of = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
        let bars = document.descendants().filter(|n| n.tag_name().name() == "rect").count();
        let lanes = document
            .descendants()
            .filter(|n| n.is_element() && n.text().is_some_and(|t| t.starts_with("client ")))
            .count();
        let marks = document
            .descendants()
            .filter(|node| node.attribute("class").is_some_and(|class| class.ends_with("offending")))
            .count();
        assert_eq!(of("script") + of("link") + of("img"), 0, "it needs nothing else");
        (bars, lanes, marks, text)
    }

    const STALE: &str = "b 1 10 0 7 p\ne 1 v 20 ok\nb 2 30 0 7 s\ne 2 v 40 1\nb 3 50 1 7 g\ne 3 v 60 1\nb 4 55 2 7 a\ne 4 n 70 \n\
                         b 5 61 2 7 a";

    #[test]
    fn each_call_is_a_bar_and_the_offending_one_is_marked() {
        let (bars, lanes, marks, text) = read(&shown(STALE));
        assert_eq!((bars, lanes, marks), (5, 3, 2));
        assert!(text.contains("explains the reply of call 2: get gave [#0]"), "{text}");
        assert!(text.contains("its client was killed") && text.contains("not executed"));
    }

    #[test]
    fn a_history_that_holds_has_no_mark() {
        let (bars, lanes, marks, text) = read(&shown("b 1 10 0 7 p\ne 1 v 20 ok\nb 2 30 0 7 g\ne 2 v 40 1"));
        assert_eq!((bars, lanes, marks), (2, 1, 0));
        assert!(text.contains("Linearizable: some order"));
    }
}
