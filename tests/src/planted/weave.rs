//! Writes all faults into one copy of the sources: each is a branch of its function, chosen at run time by a number.

use std::collections::BTreeMap;
use std::ops::Range;

use super::list::Fault;
use super::source::Sources;
use super::tokens;

/// The environment variable that switches a fault on.
pub const VARIABLE: &str = "RPC_PLANTED";

/// The module that the copy has and the sources have not: which fault is switched on.
const SWITCH: (&str, &str) = (
    "rpc-core/src/planted.rs",
    "//! Which planted fault is switched on; 0 is none. This file is in a copy of the sources only.\n\
     static NUMBER: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {\n\
     \x20   std::env::var(\"RPC_PLANTED\").ok().and_then(|text| text.parse().ok()).unwrap_or(0)\n\
     });\n\
     pub fn number() -> u32 {\n    *NUMBER\n}\n",
);

/// The end of the copy's `lib.rs`. The path `::rpc_core::planted` is then the same in `rpc-core` and in a crate that
/// compiles files of `rpc-core` anew.
const DECLARED: &str = "\nextern crate self as rpc_core;\npub mod planted;\n";

/// A fault as bodies of functions.
#[derive(Debug)]
pub struct Switch {
    /// Switches it on; from 1.
    pub number: u32,
    /// The index of each function, and its body with the fault.
    pub bodies: Vec<(usize, String)>,
    /// Every function of it is in the layer of threads and sockets, which the simulation does not run.
    pub in_net: bool,
}

/// The place of a branch in the text that was written.
#[derive(Debug)]
struct Branch {
    file: String,
    at: Range<usize>,
    number: u32,
}

/// The files that differ from the sources.
#[derive(Debug)]
pub struct Woven {
    /// Texts by path from the root of the workspace.
    pub files: BTreeMap<String, String>,
    branches: Vec<Branch>,
}

impl Woven {
    /// The fault at a place of a file, if there is one.
    pub fn fault_at(&self, file: &str, byte: usize) -> Option<u32> {
        let branch = self.branches.iter().find(|branch| branch.file == file && branch.at.contains(&byte));
        branch.map(|branch| branch.number)
    }
}

/// Finds the places of a fault's edits, and makes the changed bodies.
///
/// # Errors
/// An edit whose function or whose old tokens are not there once: which, and what is nearest.
pub fn plant(fault: &Fault, number: u32, sources: &Sources) -> Result<Switch, String> {
    let mut changes: BTreeMap<usize, Vec<(Range<usize>, &str)>> = BTreeMap::new();
    for edit in &fault.edits {
        let function = sources.find(&edit.function)?;
        let found = &sources.functions[function];
        let told = |why: String| format!("in `{}`: {why}", edit.function);
        if let Some(why) = found.fixed {
            return Err(told(why.to_owned()));
        }
        tokens::check(&edit.new).map_err(told)?;
        let body = &sources.files[found.file].text[found.body.clone()];
        let place = match &edit.old {
            Some(old) => tokens::place(body, old).map_err(told)?,
            None => 1..body.len() - 1, // between its braces
        };
        changes.entry(function).or_default().push((place, &edit.new));
    }
    let mut bodies = Vec::new();
    for (index, edits) in changes {
        let function = &sources.functions[index];
        let body = &sources.files[function.file].text[function.body.clone()];
        bodies.push((
            index,
            rewrite(body, edits).ok_or_else(|| format!("two edits of `{}` overlap", function.name()))?,
        ));
    }
    let in_net = bodies.iter().all(|(function, _)| sources.is_in_net(*function));
    Ok(Switch { number, bodies, in_net })
}

/// Replaces pieces of a text; `None` if they overlap.
fn rewrite(text: &str, mut edits: Vec<(Range<usize>, &str)>) -> Option<String> {
    edits.sort_by_key(|(place, _)| place.start);
    let (mut new, mut from) = (String::new(), 0);
    for (place, with) in edits {
        new += text.get(from..place.start)?;
        new += with;
        from = place.end;
    }
    Some(new + &text[from..])
}

/// Writes the switches into the functions that they change.
pub fn weave(sources: &Sources, switches: &[Switch]) -> Woven {
    let mut of_function: BTreeMap<usize, Vec<(u32, &str)>> = BTreeMap::new();
    for switch in switches {
        for (function, body) in &switch.bodies {
            of_function.entry(*function).or_default().push((switch.number, body));
        }
    }
    let mut woven = Woven { files: BTreeMap::new(), branches: Vec::new() };
    for (index, file) in sources.files.iter().enumerate() {
        let functions = sources.functions.iter().enumerate().filter(|(_, function)| function.file == index);
        let mut changed: Vec<_> =
            functions.filter_map(|(key, function)| Some((function, of_function.get(&key)?))).collect();
        changed.sort_by_key(|(function, _)| function.body.start);
        let (mut text, mut from) = (String::new(), 0);
        for (function, bodies) in changed {
            text += &file.text[from..function.body.start];
            text += "{ match ::rpc_core::planted::number() {";
            for (number, body) in bodies {
                text += &format!("\n{number} => ");
                let start = text.len();
                text += body;
                woven.branches.push(Branch {
                    file: file.path.clone(),
                    at: start..text.len(),
                    number: *number,
                });
            }
            text += "\n_ => ";
            text += &file.text[function.body.clone()];
            text += "\n} }";
            from = function.body.end;
        }
        if from > 0 {
            woven.files.insert(file.path.clone(), text + &file.text[from..]);
        }
    }
    let library = "rpc-core/src/lib.rs".to_owned();
    let plain = sources.files.iter().find(|file| file.path == library).map_or("", |file| file.text.as_str());
    woven.files.entry(library).or_insert_with(|| plain.to_owned()).push_str(DECLARED);
    woven.files.insert(SWITCH.0.to_owned(), SWITCH.1.to_owned());
    woven
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::list;
    use super::{Sources, plant, rewrite, weave};

    #[test]
    fn pieces_are_replaced_from_left_to_right_and_may_not_overlap() {
        assert_eq!(rewrite("{ a; b; }", vec![(5..7, "c;"), (2..4, "")]).as_deref(), Some("{  c; }"));
        assert_eq!(rewrite("{ a; b; }", vec![(2..5, ""), (4..6, "")]), None);
    }

    /// The list fits the sources: what cannot be planted proves nothing. This test is not among those that must find a
    /// planted fault, since it would "find" each by its text.
    #[test]
    fn every_planted_fault_finds_its_place_in_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let sources = Sources::read(root).expect("the sources are Rust");
        let faults = list::read(&root.join("tests/mutants")).expect("the list is well formed");
        assert!(faults.len() >= 100, "{} planted faults", faults.len());
        assert_eq!(faults.iter().filter(|fault| fault.harmless).count(), 1);
        let planted = |fault| plant(fault, 1, &sources).map_err(|why| format!("{}: {why}", fault.name));
        let lost: Vec<String> = faults.iter().filter_map(|fault| planted(fault).err()).collect();
        assert!(lost.is_empty(), "correct tests/mutants:\n{}", lost.join("\n"));
    }

    #[test]
    fn a_woven_function_chooses_its_body_and_the_place_of_each_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let sources = Sources::read(root).expect("the sources are Rust");
        let faults = list::read(&root.join("tests/mutants")).expect("the list is well formed");
        // Any fault with a place will do: those that have none are for the test above to name.
        let placed = faults.iter().find_map(|fault| plant(fault, 7, &sources).ok());
        let switch = placed.expect("a fault has a place");
        let woven = weave(&sources, &[switch]);
        let (path, text) = woven.files.iter().find(|(_, text)| text.contains("\n7 => {")).expect("a branch");
        let inside = text.find("\n7 => {").expect("seen above") + 8;
        assert_eq!(woven.fault_at(path, inside), Some(7));
        assert_eq!(woven.fault_at(path, 0), None);
        syn::parse_file(text).expect("still Rust");
    }
}
