//! The output of the pages: standard output, or a file that keeps its content until there is something to write.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, LineWriter, Write};
use std::path::Path;

use crate::failure::Failure;
use crate::progress::Lines;

/// Opens the file, or standard output if no file is named.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn open(path: Option<&Path>) -> Result<Lines, Failure> {
    let Some(path) = path else { return Ok(Box::new(LineWriter::new(io::stdout()))) };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(Failure::own(format_args!("write {}", path.display())))?;
    Ok(Box::new(BufWriter::new(Replaced { file, has_begun: false })))
}

/// A file that is emptied at the first write. A crawl that never begins (a wrong or unreachable start) does not change it.
struct Replaced {
    file: File,
    has_begun: bool,
}

impl Write for Replaced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.has_begun {
            if self.file.metadata()?.is_file() {
                self.file.set_len(0)?; // a pipe or a device has no length
            }
            self.has_begun = true;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
