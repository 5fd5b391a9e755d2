//! The file beside a store that tells an older copy of it: how far the store has been, and which file it was.
//!
//! ```text
//! commit: the store is durable --> the count of its commits goes into the mark
//! open:   the mark is there, is of this store and of this file, and counts no more commits than it: the same store
//!         else: a copy was put in its place, perhaps an older one: another incarnation, and no sessions
//! ```
//! The mark is not synced, so after a loss of power it may be behind its store, and never ahead of it. A copy of the whole folder
//! is told by the number of its file. What no file can tell is that the whole file system was set back: `Store::forget_sessions`
//! is for that.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The length of a mark: three numbers of 16, 8 and 8 bytes.
const LENGTH: usize = 32;

/// The mark of an open store.
#[derive(Debug)]
pub(crate) struct Mark {
    /// The file.
    file: File,
    /// The name of the store.
    id: u128,
    /// The number of the store's file.
    inode: u64,
}

/// The contents of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The name of the store.
    pub(crate) id: u128,
    /// The number of commits that it had at the least.
    pub(crate) commits: u64,
    /// The number of its file.
    pub(crate) inode: u64,
}

impl Seen {
    /// Returns true if a store with this name, in the file with this number, is the one that was seen, and not an older copy.
    pub(crate) fn is_of(&self, id: u128, commits: u64, inode: u64) -> bool {
        self.id == id && self.inode == inode && self.commits <= commits
    }
}

/// Returns the number of a file; 0 where the system has none.
pub(crate) fn inode(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    {
        let _ = metadata;
        0
    }
}

/// Reads a mark; `None` if there is none, or it is torn.
pub(crate) fn read(path: &Path) -> io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Ok(bytes) = <[u8; LENGTH]>::try_from(bytes) else { return Ok(None) };
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
    let id = u128::from_le_bytes(std::array::from_fn(|i| bytes[i]));
    Ok(Some(Seen { id, commits: number(16), inode: number(24) }))
}

impl Mark {
    /// Writes the mark of a store that was opened, and syncs it: it must not be lost with the power, which would take the
    /// sessions along.
    pub(crate) fn make(path: &Path, id: u128, commits: u64, inode: u64) -> io::Result<Mark> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let mut mark = Mark { file, id, inode };
        mark.note(commits)?;
        mark.file.set_len(LENGTH as u64)?;
        mark.file.sync_all()?;
        if let Some(folder) = path.parent().filter(|_| cfg!(unix)) {
            File::open(folder)?.sync_all()?;
        }
        Ok(mark)
    }

    /// Notes the number of commits of the store, once the last one is durable.
    pub(crate) fn note(&mut self, commits: u64) -> io::Result<()> {
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..24].copy_from_slice(&commits.to_le_bytes());
        bytes[24..].copy_from_slice(&self.inode.to_le_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&bytes)
    }
}
