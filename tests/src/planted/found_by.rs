//! The test that found each hand-made fault in an earlier run: it is asked before all others.
//!
//! Most faults are found by one test of milliseconds, and the stage that it stands in takes seconds. The table is no proof: a fault
//! that its test does not find any more, and one without a row, are judged by all stages. `BLESS=1` with `prove mutants` writes it
//! anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The file, from the root of the workspace: a fault, a stage and a test on each line.
pub const FILE: &str = "tests/mutants/found_by.txt";

/// A test, and the stage that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finder {
    /// The name of the stage.
    pub stage: String,
    /// The name of the test, as its program says it.
    pub test: String,
}

/// The table, by the names of the faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundBy(BTreeMap<String, Finder>);

impl FoundBy {
    /// Reads the table of a workspace. It is empty if there is no file.
    ///
    /// # Errors
    /// A line that is no row.
    pub fn read(root: &Path) -> Result<Self, String> {
        Self::parse(&std::fs::read_to_string(root.join(FILE)).unwrap_or_default())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut rows = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, stage, test] = words[..] else {
                return Err(format!("{FILE}: {line:?} is no fault with its stage and its test"));
            };
            let finder = Finder { stage: stage.to_owned(), test: test.to_owned() };
            if rows.insert(name.to_owned(), finder).is_some() {
                return Err(format!("{FILE}: {name} occurs twice"));
            }
        }
        Ok(FoundBy(rows))
    }

    /// Returns the test that found a fault.
    pub fn get(&self, name: &str) -> Option<&Finder> {
        self.0.get(name)
    }

    /// Notes the test that found a fault.
    pub fn note(&mut self, name: &str, stage: &str, test: &str) {
        self.0.insert(name.to_owned(), Finder { stage: stage.to_owned(), test: test.to_owned() });
    }

    /// Removes the rows of all faults but these.
    pub fn retain(&mut self, names: &BTreeSet<&str>) {
        self.0.retain(|name, _| names.contains(name.as_str()));
    }

    /// Returns the names of the faults.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Writes the table.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), String> {
        std::fs::write(root.join(FILE), self.text()).map_err(|error| format!("{FILE}: {error}"))
    }

    fn text(&self) -> String {
        let head = "# The test that found each planted fault, asked first. Written by `BLESS=1` with `prove mutants`.\n";
        let rows = self.0.iter().map(|(name, finder)| format!("{name} {} {}\n", finder.stage, finder.test));
        head.to_owned() + &rows.collect::<String>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::FoundBy;
    use crate::planted::list;
    use crate::planted::stage::STAGES;

    #[test]
    fn a_table_that_was_written_reads_as_it_was() {
        let mut table = FoundBy::default();
        table.note("b-fault", "unit", "a::b");
        table.note("a-fault", "wire", "c");
        table.note("b-fault", "few", "d");
        assert_eq!(FoundBy::parse(&table.text()).as_ref(), Ok(&table));
        assert_eq!(table.get("b-fault").map(|finder| finder.test.as_str()), Some("d"));
        table.retain(&BTreeSet::from(["a-fault"]));
        assert_eq!(table.names().collect::<Vec<_>>(), ["a-fault"]);
        assert!(FoundBy::parse("a b").is_err() && FoundBy::parse("a b c\na b d").is_err());
    }

    #[test]
    fn each_row_names_a_fault_and_a_stage_that_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let faults = list::read(&root.join("tests/mutants")).expect("the list");
        let table = FoundBy::read(root).expect("the table");
        for name in table.names() {
            assert!(faults.iter().any(|fault| fault.name == name), "{name} is no fault: take out its row");
            let stage = &table.get(name).expect("a row").stage;
            assert!(STAGES.iter().any(|known| known.name == stage), "{name}: {stage} is no stage");
        }
    }
}
