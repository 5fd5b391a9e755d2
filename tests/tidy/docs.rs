//! Pages: links that lead nowhere, and the numbered rules of `docs/wire.md` against their citations.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::source::{Broken, File, House};

const WIRE: &str = "docs/wire.md";

/// Relative links to files that are not there, or to headings that are not in them.
pub(crate) fn dead_links(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for page in &house.pages {
        for (line, target) in links(&page.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let to = if file.is_empty() { PathBuf::from(&page.path) } else { beside(&page.path, file) };
            let to_text = to.to_string_lossy().replace('\\', "/");
            let known = house.pages.iter().find(|page| page.path == to_text);
            if known.is_none() && !house.root.join(&to).exists() {
                let what = format!("the link to `{target}` leads nowhere");
                broken.push(page.broken(line, what, "correct it, or write the page"));
            } else if known.is_some_and(|page| !heading.is_empty() && !has_heading(&page.text, heading)) {
                let what = format!("`{to_text}` has no heading `#{heading}`");
                broken.push(page.broken(line, what, "correct it: lower case, words joined by `-`"));
            }
        }
    }
    broken
}

/// The targets of `[text](target)` outside code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (line, text) in outside_code(text) {
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let target = after.split([')', ' ']).next().unwrap_or_default();
            links.push((line, target.to_owned()));
            rest = after;
        }
    }
    links
}

/// Lines that are not in a fenced block, with what stands between backticks taken out.
fn outside_code(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line.split('`').step_by(2).collect()));
        }
    }
    lines
}

/// The path that a link in `page` to `file` leads to, from the root.
fn beside(page: &str, file: &str) -> PathBuf {
    let mut to = Path::new(page).parent().unwrap_or(Path::new("")).to_path_buf();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                to.pop();
            }
            Component::CurDir => {}
            part => to.push(part),
        }
    }
    to
}

fn has_heading(text: &str, wanted: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|anchor| anchor == wanted)
}

/// The name of a heading in links: lower case, spaces as `-`, nothing but alphanumeric characters, `-` and `_`.
fn anchor(heading: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let text = heading.trim().to_lowercase();
    text.chars().filter(|c| kept(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Rule numbers that code cites and `docs/wire.md` does not have.
pub(crate) fn unwritten_rules(house: &House) -> Vec<Broken> {
    let written = rules(house);
    let mut broken = Vec::new();
    let pages = house.pages.iter().filter(|page| page.path != WIRE);
    let cites = |file: &&File| !file.path.starts_with("tests/tidy");
    for file in house.rust.iter().filter(cites).chain(pages) {
        for (index, line) in file.text.lines().enumerate() {
            for rule in cited(line).into_iter().filter(|rule| !written.contains_key(rule)) {
                let what = format!("W{rule} is cited, and {WIRE} has no such rule");
                broken.push(file.broken(index + 1, what, "correct the number, or write the rule"));
            }
        }
    }
    broken
}

/// The rules of `docs/wire.md` are W1, W2, .. without a gap, in this order, each written once: `**W1**` begins a line.
pub(crate) fn rules_out_of_order(house: &House) -> Vec<Broken> {
    let Some(page) = house.pages.iter().find(|page| page.path == WIRE) else { return Vec::new() };
    let found = page.text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, rule_of(line)?)));
    let mut broken = Vec::new();
    for ((line, rule), expected) in found.zip(1..) {
        if rule != expected {
            let what = format!("W{rule} stands where W{expected} is expected");
            broken.push(page.broken(line, what, "number the rules in order, each once"));
            break;
        }
    }
    broken
}

fn rules(house: &House) -> BTreeMap<u32, usize> {
    let page = house.pages.iter().find(|page| page.path == WIRE);
    let lines = page.into_iter().flat_map(|page| page.text.lines().enumerate());
    lines.filter_map(|(index, line)| Some((rule_of(line)?, index + 1))).collect()
}

/// The number of the rule that a line begins: `**W7** ..`, also in a list.
fn rule_of(line: &str) -> Option<u32> {
    let (number, _) = line.trim_start_matches(['-', ' ']).strip_prefix("**W")?.split_once("**")?;
    number.parse().ok()
}

/// `W` and digits, as a word of its own.
fn cited(line: &str) -> Vec<u32> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter_map(|word| word.strip_prefix('W')?.parse().ok()).collect()
}

#[test]
fn a_dead_link_is_found_and_code_is_not_read_as_one() {
    let text = "[a](gone.md) and [b](https://example.org)\n```text\n[c](gone.md)\n```\n`[d](gone.md)`\n";
    let found = dead_links(&House::with("docs/page.md", text));
    assert_eq!(found.iter().map(|broken| broken.line).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_link_to_a_heading_is_followed() {
    let mut house =
        House::with("docs/page.md", "[a](other.md#two-words) [b](other.md#three-words) [c](#here)\n# Here");
    house.pages.extend(House::with("docs/other.md", "## Two `words`\n").pages);
    assert_eq!(dead_links(&house).len(), 1);
}

#[test]
fn links_are_relative_to_their_page() {
    assert_eq!(beside("docs/decisions/a.md", "../wire.md"), Path::new("docs/wire.md"));
    assert_eq!(beside("README.md", "./docs/wire.md"), Path::new("docs/wire.md"));
}

#[test]
fn a_rule_that_is_cited_and_not_written_is_found() {
    let mut house = House::with(WIRE, "**W1** One.\n- **W2** Two.\nsee **W3**\n");
    house.rust.extend(House::with("a.rs", "// W1, (W2)\n/// see W3\nlet Word = W;").rust);
    let found = unwritten_rules(&house);
    assert_eq!(found.iter().map(|broken| broken.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn rules_out_of_order_are_found() {
    assert_eq!(rules_out_of_order(&House::with(WIRE, "**W1** a\n**W2** b\n")), []);
    assert_eq!(rules_out_of_order(&House::with(WIRE, "**W1** a\n**W3** b\n")).len(), 1);
    assert_eq!(rules_out_of_order(&House::with(WIRE, "**W1** a\n**W1** b\n")).len(), 1);
}
