//! Keeps what the reader has solved, and the hints it was given, beside the exercises.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalogue::Exercise;

/// The state of an exercise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was not solved yet.
    Open,
    /// It was solved, and its file is the same since.
    Solved,
    /// It was solved, and its file has changed since.
    Changed,
}

/// The progress of a reader, in the folder `.solved` of its exercises: a copy of each file as it passed, and the counts of hints.
#[derive(Debug)]
pub struct Progress {
    exercises: PathBuf,
    solved: PathBuf,
}

impl Progress {
    /// Returns the progress with the exercises in this folder.
    pub fn of(exercises: &Path) -> Self {
        Progress { exercises: exercises.to_owned(), solved: exercises.join(".solved") }
    }

    /// Returns the reader's file of an exercise.
    pub fn file(&self, exercise: &Exercise) -> PathBuf {
        self.exercises.join(exercise.file())
    }

    /// Returns the state of an exercise.
    pub fn state(&self, exercise: &Exercise) -> State {
        match (fs::read(self.solved.join(exercise.file())), fs::read(self.file(exercise))) {
            (Ok(passed), Ok(now)) if passed == now => State::Solved,
            (Ok(_), _) => State::Changed,
            (Err(_), _) => State::Open,
        }
    }

    /// Notes that the file of an exercise passed as it is.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn passed(&self, exercise: &Exercise) -> io::Result<()> {
        fs::create_dir_all(&self.solved)?;
        fs::copy(self.file(exercise), self.solved.join(exercise.file()))?;
        Ok(())
    }

    /// Returns the number of hints that are to be shown now: one more than last time, if there is one.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn next_hint(&self, exercise: &Exercise) -> io::Result<usize> {
        let file = self.solved.join(format!("{}.hints", exercise.name));
        let before =
            fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0_usize);
        let now = before.saturating_add(1).min(exercise.hints.len());
        fs::create_dir_all(&self.solved)?;
        fs::write(file, now.to_string())?;
        Ok(now)
    }
}
