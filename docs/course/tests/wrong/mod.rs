//! Wrong solutions: each is the solution with one thing changed, and the words that its reader is told.

pub mod first;

/// A wrong solution.
pub struct Wrong {
    /// The mistake, in a few words.
    pub name: &'static str,
    /// The place in the solution, which has it once.
    pub find: &'static str,
    /// The text in its place.
    pub put: &'static str,
    /// A part of the sentence that the reader is told.
    pub told: &'static str,
}

/// Returns the wrong solutions of an exercise.
pub fn of(name: &str) -> &'static [Wrong] {
    let found = first::WRONG.iter().find(|(exercise, _)| *exercise == name);
    found.map_or(&[], |(_, wrong)| wrong)
}
