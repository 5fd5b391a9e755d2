//! Planted faults, as a list of texts to be replaced in the sources: `tests/mutants/mutants.txt`.

/// One planted fault.
#[derive(Debug)]
pub struct Mutant {
    /// What it does wrong.
    pub name: String,
    /// File, old text, new text.
    pub patches: Vec<(String, String, String)>,
}

/// Reads the list.
pub fn parse(list: &str) -> Vec<Mutant> {
    let mut mutants: Vec<Mutant> = Vec::new();
    let (mut file, mut old, mut new, mut part) = (String::new(), String::new(), String::new(), 0);
    for line in list.lines() {
        match line {
            "<<<<" => {
                old.clear();
                new.clear();
                part = 1;
            }
            "====" => part = 2,
            ">>>>" => {
                part = 0;
                if let Some(mutant) = mutants.last_mut() {
                    mutant.patches.push((file.clone(), old.clone(), new.clone()));
                }
            }
            _ if part == 1 => old.extend([line, "\n"]),
            _ if part == 2 => new.extend([line, "\n"]),
            _ => {
                if let Some(name) = line.strip_prefix("#### ") {
                    mutants.push(Mutant { name: name.to_owned(), patches: Vec::new() });
                } else if let Some(path) = line.strip_prefix("@@@@ ") {
                    path.clone_into(&mut file);
                }
            }
        }
    }
    // A text within a line is given without its end.
    for patch in mutants.iter_mut().flat_map(|mutant| &mut mutant.patches) {
        patch.1.truncate(patch.1.trim_end_matches('\n').len());
        patch.2.truncate(patch.2.trim_end_matches('\n').len());
    }
    mutants
}
