//! Wrong solutions: each is the solution with one thing changed, and the words that its reader is told.

pub(crate) mod first;
pub(crate) mod second;

/// A wrong solution.
pub(crate) struct Wrong {
    /// The mistake, in a few words.
    pub(crate) name: &'static str,
    /// The place in the solution, which has it once.
    pub(crate) find: &'static str,
    /// The text in its place.
    pub(crate) put: &'static str,
    /// A part of the sentence that the reader is told.
    pub(crate) told: &'static str,
}

/// Returns the wrong solutions of an exercise.
pub(crate) fn of(name: &str) -> &'static [Wrong] {
    let found = first::WRONG.iter().chain(&second::WRONG).find(|(exercise, _)| *exercise == name);
    found.map_or(&[], |(_, wrong)| wrong)
}
