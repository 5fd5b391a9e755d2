//! A text that grows by lines.

use std::fmt::Write;

/// A text that grows by lines.
#[derive(Debug, Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// Appends a line at this depth of indentation, of four spaces each.
    pub(crate) fn put(&mut self, depth: usize, line: impl std::fmt::Display) {
        // A `String` takes all.
        let _ = writeln!(self.0, "{:width$}{line}", "", width = 4 * depth);
    }

    /// Appends so many empty lines.
    pub(crate) fn gap(&mut self, lines: usize) {
        self.0.extend(std::iter::repeat_n('\n', lines));
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}
