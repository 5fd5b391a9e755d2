//! The errors of a store that cannot be opened, read or written.

use std::path::PathBuf;

use thiserror::Error;

use crate::backend::BackendError;

/// The error of a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the store open, or another server of this one uses it.
    #[error("the store {0} is in use by another server")]
    InUse(PathBuf),
    /// A server of this process uses the store, by this or another clone of it.
    #[error("the store is in use by a server of this process")]
    Served,
    /// Another process has the journal open.
    #[error("the journal {0} is in use by another process")]
    JournalInUse(PathBuf),
    /// A client of this process uses the journal, by this or another clone of it.
    #[error("the journal is in use by a client of this process")]
    JournalServed,
    /// The file is of the first kind, and one of the second was asked for.
    #[error("this is the file of a {0}, and not of a {1}")]
    Kind(&'static str, &'static str),
    /// The journal keeps as many answers as it may: the application never says that it is done with them.
    #[error("the journal keeps {0} answers, which is the limit: call `done` with their keys")]
    Full(usize),
    /// The folder or the file cannot be opened, or is not a store.
    #[error("cannot open the store {path}: {source}")]
    Open {
        /// The folder or the file.
        path: PathBuf,
        /// The reason.
        source: BackendError,
    },
    /// The store was written by another version of this crate.
    #[error("the store has format {0}; this program reads format {known}", known = crate::rows::FORMAT)]
    Format(u32),
    /// Something in it cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(BackendError),
    /// It could not be written. What is durable is not known, so it is not used again: end the process, and look at the disk.
    #[error("the store cannot be written: {0}")]
    Write(BackendError),
    /// An earlier read or commit has failed, with this text.
    #[error("the store has failed and is not used again: {0}")]
    Failed(String),
}
