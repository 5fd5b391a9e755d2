//! What a program says of itself while it runs: who did what. The last step of each thread tells where it is stuck.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The steps so far. Copies share them. Its lock is never the checker's: writing a step down is no step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    list: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Steps {
    /// Nothing has happened.
    pub(crate) fn new() -> Self {
        Steps::default()
    }

    /// `who` does `what`.
    pub(crate) fn say(&self, who: &'static str, what: impl Into<String>) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push((who, what.into()));
    }

    /// All steps in their order, numbered.
    pub(crate) fn as_text(&self) -> String {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().zip(1..).fold(String::new(), |mut text, ((who, what), number)| {
            let _ = writeln!(text, "  {number:>2}. {who:<8} {what}"); // a String takes everything
            text
        })
    }

    /// Threads whose last step is not that they have ended, and that step.
    pub(crate) fn stuck(&self) -> Vec<(&'static str, String)> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last: Vec<(&'static str, String)> = Vec::new();
        for (who, what) in list.iter() {
            last.retain(|(other, _)| other != who);
            last.push((who, what.clone()));
        }
        last.retain(|(_, what)| what != ENDS);
        last
    }
}

/// The last step of a thread that is well.
pub(crate) const ENDS: &str = "ends";
