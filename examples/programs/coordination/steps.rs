//! The steps of a program while it runs. The last step of each thread shows where it is stuck.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The steps so far. Clones share them. Its lock is never the checker's: recording a step is not a step itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    list: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Steps {
    /// Returns an empty list.
    pub(crate) fn new() -> Self {
        Steps::default()
    }

    /// Records that the thread `name` does `what`.
    pub(crate) fn say(&self, name: &'static str, what: impl Into<String>) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push((name, what.into()));
    }

    /// Returns all steps in order, numbered.
    pub(crate) fn as_text(&self) -> String {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().zip(1..).fold(String::new(), |mut text, ((name, what), number)| {
            let _ = writeln!(text, "  {number:>2}. {name:<8} {what}"); // writing to a String does not fail
            text
        })
    }

    /// Returns the threads that have not ended, each with its last step.
    pub(crate) fn stuck(&self) -> Vec<(&'static str, String)> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last: Vec<(&'static str, String)> = Vec::new();
        for (name, what) in list.iter() {
            last.retain(|(other, _)| other != name);
            last.push((name, what.clone()));
        }
        last.retain(|(_, what)| what != ENDS);
        last
    }
}

/// The last step of a thread that ends as it should.
pub(crate) const ENDS: &str = "ends";
