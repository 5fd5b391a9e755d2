//! Files that survive a kill: each record is one write at the end of a file, which the kernel has once the call returns.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The exit status of a process that cannot write down what it does: its scene is not judged.
const CANNOT_WRITE: i32 = 3;

/// A file that records are appended to. Its threads may share it.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens a file at its end, or makes it.
    pub(crate) fn open(path: impl Into<PathBuf>) -> Result<Self, String> {
        let path = path.into();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Journal { file, path })
    }

    /// Appends a record. The process ends if it cannot, since what it does then would not be known.
    pub(crate) fn append(&self, record: &[u8]) {
        // A short write is an error here: the rest would be another record's neighbour.
        if !(&self.file).write(record).is_ok_and(|written| written == record.len()) {
            eprintln!("{} cannot be written", self.path.display());
            std::process::exit(CANNOT_WRITE);
        }
    }

    /// Appends an id: the record of a run.
    pub(crate) fn append_id(&self, id: u64) {
        self.append(&id.to_le_bytes());
    }
}

/// Returns the ids of a file of runs; none if no process has made it.
pub(crate) fn ids(path: &Path) -> Result<Vec<u64>, String> {
    let bytes = contents(path)?;
    let chunks = bytes.chunks(size_of::<u64>()).map(|id| id.try_into().map(u64::from_le_bytes));
    chunks.collect::<Result<_, _>>().map_err(|_| format!("{} ends within an id", path.display()))
}

/// Returns the whole lines of a journal; none if no process has made it. A line that a kill has cut was never written.
pub(crate) fn lines(path: &Path) -> Result<Vec<String>, String> {
    let text = String::from_utf8(contents(path)?).map_err(|_| format!("{} is no text", path.display()))?;
    Ok(text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect())
}

fn contents(path: &Path) -> Result<Vec<u8>, String> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| format!("{}: {error}", path.display())),
    }
}

/// A directory for the files of one scene. It is removed when dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a directory of this name among the files for a while.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("prove-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }

    /// Returns the path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // in the directory for temporary files, which is emptied anyway
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, Journal, ids, lines};

    #[test]
    fn what_was_appended_by_two_owners_is_read_and_a_cut_line_is_not() {
        let folder = Folder::new("journal").expect("a directory");
        let path = folder.file("lines");
        let (one, two) = (Journal::open(&path).expect("made"), Journal::open(&path).expect("opened"));
        one.append(b"b 1\n");
        two.append(b"e 1 v\n");
        one.append(b"b 2");
        assert_eq!(lines(&path), Ok(vec!["b 1".to_owned(), "e 1 v".to_owned()]));
        assert_eq!(lines(&folder.file("none")), Ok(Vec::new()));
    }

    #[test]
    fn a_file_of_runs_is_ids_and_nothing_else() {
        let folder = Folder::new("runs").expect("a directory");
        let path = folder.file("runs");
        let runs = Journal::open(&path).expect("made");
        runs.append_id(7);
        runs.append_id(u64::MAX);
        assert_eq!(ids(&path), Ok(vec![7, u64::MAX]));
        runs.append(b"x");
        assert!(ids(&path).is_err());
    }
}
