//! Files that a measurement writes at its end: they are checked before it begins.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crate::status::{Failure, Status};

/// Checks that a file can be written. Its content stays until there is something to write.
///
/// # Errors
/// The file cannot be opened; the error names it.
pub fn can_be_written(file: &Path) -> Result<(), Failure> {
    let opened = OpenOptions::new().append(true).create(true).open(file);
    opened.map(|_| ()).map_err(|error| cannot_write(file, &error))
}

/// Replaces the content of a file, if there is one.
///
/// # Errors
/// The file cannot be written; the error names it.
pub fn write(file: Option<&Path>, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    fs::write(file, text()).map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &io::Error) -> Failure {
    Failure::new(Status::Usage, error).during(format!("cannot write {}", file.display()))
}
