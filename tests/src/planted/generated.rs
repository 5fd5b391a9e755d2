//! Faults that `cargo-mutants` proposes, planted in the same build as the hand-made ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::source::Sources;
use super::weave::Switch;

/// The folders that it proposes for: bytes, the protocol, and the threads of both sides.
const WHERE: [&str; 4] = [
    "rpc-core/src/wire/**",
    "rpc-core/src/proto/**",
    "rpc-core/src/net/client/**",
    "rpc-core/src/net/server/**",
];
/// Functions that only tests look at: the read-only sums for the simulator, and texts for `{:?}`.
const NOT: [&str; 2] = ["rpc-core/src/proto/**/audit.rs", "rpc-core/src/wire/codec/**"];

/// A proposed fault.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// A name that stays as long as its function's name and its line do: `g-` and eight digits.
    pub name: String,
    /// The function, the change, and the line that it changes.
    pub what: String,
    function: usize,
    body: String,
    in_net: bool,
}

impl Proposal {
    /// The fault as the body of its function.
    pub fn switch(&self, number: u32) -> Switch {
        Switch { number, bodies: vec![(self.function, self.body.clone())], in_net: self.in_net }
    }
}

#[derive(Deserialize)]
struct Mutant {
    file: String,
    name: String,
    genre: String,
    replacement: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Place,
    end: Place,
}

#[derive(Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

/// Returns what cargo-mutants proposes; `None` if it is not installed.
///
/// # Errors
/// It is installed, and fails, or its list cannot be read.
pub fn list(root: &Path, sources: &Sources) -> Result<Option<Vec<Proposal>>, String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["mutants", "--list", "--json", "--package", "rpc-core"]).current_dir(root);
    for path in WHERE {
        command.args(["--file", path]);
    }
    for path in NOT {
        command.args(["--exclude", path]);
    }
    let output = command.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return if said.contains("no such command") {
            Ok(None)
        } else {
            Err(format!("cargo mutants: {said}"))
        };
    }
    let mutants: Vec<Mutant> =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo mutants: {error}"))?;
    Ok(Some(proposals(&mutants, sources)))
}

/// Finds the function of each; what is in none (a constant, a test) is left out, and so is a text for `{:?}`.
fn proposals(mutants: &[Mutant], sources: &Sources) -> Vec<Proposal> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut proposals = Vec::new();
    for mutant in mutants {
        let Some(file) = sources.files.iter().position(|file| file.path == mutant.file) else { continue };
        let text = &sources.files[file].text;
        let (Some(start), Some(end)) = (byte(text, &mutant.span.start), byte(text, &mutant.span.end)) else {
            continue;
        };
        let inside = |body: &std::ops::Range<usize>| body.start <= start && end <= body.end;
        let holds = |(_, function): &(usize, &super::source::Function)| {
            function.file == file && inside(&function.body) && function.fixed.is_none()
        };
        let Some((index, function)) = sources.functions.iter().enumerate().find(holds) else { continue };
        if function.name().ends_with("::fmt") {
            continue;
        }
        let body = &function.body;
        let changed = format!("{}{}{}", &text[body.start..start], mutant.replacement, &text[end..body.end]);
        let what = describe(mutant, &function.name(), text, start);
        let again = seen.entry(what.clone()).and_modify(|count| *count += 1).or_insert(1);
        let what = if *again == 1 { what } else { format!("{what} ({again})") };
        proposals.push(Proposal {
            name: format!("g-{:08x}", hash(&what)),
            what,
            function: index,
            body: changed,
            in_net: sources.is_in_net(index),
        });
    }
    let mut names = BTreeSet::new();
    proposals.retain(|proposal| names.insert(proposal.name.clone())); // two of one name: one in 2^32 pairs
    proposals
}

/// The function, the change without its place, and the line.
fn describe(mutant: &Mutant, function: &str, text: &str, start: usize) -> String {
    let change = mutant.name.splitn(4, ':').nth(3).unwrap_or(&mutant.name).trim();
    let change = change.rsplit_once(" in ").map_or(change, |(change, _)| change);
    if mutant.genre == "FnValue" {
        let value = change.rsplit_once(" with ").map_or("nothing", |(_, value)| value);
        return format!("{function}: the whole body is `{value}`");
    }
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[from..].lines().next().unwrap_or_default().trim();
    format!("{function}: {change} in `{line}`")
}

fn byte(text: &str, place: &Place) -> Option<usize> {
    let line_start = match place.line {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let line = text[line_start..].split('\n').next()?;
    let column =
        line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(place.column.checked_sub(1)?)?;
    Some(line_start + column)
}

/// FNV-1a: names must be the same on every machine and with every version of the compiler.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Reads the table of survivors that were looked at: rows that begin with a name in backquotes, and what was decided.
pub fn looked_at(table: &str) -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells.get(1).and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        if let (Some(name), Some(why)) =
            (name.filter(|name| name.starts_with("g-")), cells.iter().rev().nth(1))
        {
            known.insert(name.to_owned(), (*why).to_owned());
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::{Place, byte, looked_at};

    #[test]
    fn a_place_is_a_line_and_a_column_in_characters() {
        let text = "one\nzwö lf\n";
        let at = |line, column| byte(text, &Place { line, column });
        assert_eq!((at(1, 1), at(2, 1), at(2, 4)), (Some(0), Some(4), Some(8)));
        assert_eq!((at(2, 7), at(9, 1), at(1, 0)), (Some(11), None, None));
    }

    #[test]
    fn a_row_of_the_table_has_a_name_and_a_decision() {
        let table =
            "| name | change | why |\n|---|---|---|\n| `g-00000001` | a \\| b | equal |\ntext `g-00000002`\n";
        let known = looked_at(table);
        assert_eq!(known.get("g-00000001").map(String::as_str), Some("equal"));
        assert_eq!(known.len(), 1);
    }
}
