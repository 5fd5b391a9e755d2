//! The hand-made list of planted faults, as it stands in `tests/mutants/*.toml`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

/// One planted fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name: one word with hyphens, the same for ever.
    pub name: String,
    /// The part of the protocol, or of the threads, that it is in.
    pub kind: String,
    /// A sentence that says what is wrong while it is switched on.
    pub what: String,
    /// The reason for which it may survive every test; none for a fault that must be found.
    pub survives: Option<String>,
    /// It changes nothing, and must survive every test: it shows that the gate can say so.
    #[serde(default)]
    pub harmless: bool,
    /// A test that never ends counts as having found it.
    #[serde(default)]
    pub hangs: bool,
    /// The changes that make it, all of them at once.
    #[serde(rename = "edit")]
    pub edits: Vec<Edit>,
}

/// A change of the body of one function.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The function: `Type::name`, `<Type as Trait>::name`, or `name`, after as many modules as it needs to be found once.
    #[serde(rename = "in")]
    pub function: String,
    /// The tokens that are replaced; they occur once. None: the whole body is replaced.
    pub old: Option<String>,
    /// The tokens that stand there instead; none if they are only taken out.
    #[serde(default)]
    pub new: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fault: Vec<Fault>,
}

/// Reads every file of the list in a folder, in the order of the file names.
///
/// # Errors
/// A file that cannot be read, a name that occurs twice or is no word with hyphens, and contradicting marks.
pub fn read(folder: &Path) -> Result<Vec<Fault>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let mut faults = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        faults.extend(parse(&text).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let mut names = BTreeSet::new();
    for fault in &faults {
        if !names.insert(fault.name.as_str()) {
            return Err(format!("two planted faults are called {}", fault.name));
        }
    }
    Ok(faults)
}

/// Reads the text of one file.
fn parse(text: &str) -> Result<Vec<Fault>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    for fault in &file.fault {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if fault.name.is_empty() || !fault.name.chars().all(word) {
            return Err(format!("{:?} is no name: use lower case, digits and hyphens", fault.name));
        }
        if fault.harmless && (fault.survives.is_some() || fault.hangs) {
            return Err(format!(
                "{}: what is harmless has no reason to survive, and does not hang",
                fault.name
            ));
        }
        if fault.survives.as_ref().is_some_and(|why| why.trim().len() < 20) {
            return Err(format!("{}: say in a sentence why it may survive", fault.name));
        }
    }
    Ok(file.fault)
}

#[cfg(test)]
mod tests {
    use super::parse;

    const ONE: &str =
        "[[fault]]\nname = \"a-b\"\nkind = \"k\"\nwhat = \"w\"\n[[fault.edit]]\nin = \"f\"\nold = \"x\"\n";

    #[test]
    fn a_fault_has_a_name_a_kind_and_edits() {
        let faults = parse(ONE).expect("well formed");
        assert_eq!((faults[0].name.as_str(), faults[0].edits[0].new.as_str()), ("a-b", ""));
    }

    #[test]
    fn a_misspelt_mark_and_a_bad_name_and_an_idle_reason_are_refused() {
        assert!(parse(&ONE.replace("kind", "knid")).is_err());
        assert!(parse(&ONE.replace("a-b", "a b")).is_err());
        assert!(parse(&ONE.replace("what", "survives = \"so\"\nwhat")).is_err());
        assert!(parse(&ONE.replace("what", "harmless = true\nhangs = true\nwhat")).is_err());
    }
}
