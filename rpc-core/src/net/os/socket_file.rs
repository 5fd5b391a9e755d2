//! Layer 4: the file of a Unix socket: made by binding, replaced if its server has died, and removed when the server ends.
//!
//! ```text
//!  free ---------------------------- bind ------------------> ours ---- end: still our file? removed
//!  a socket, connecting is refused --- removed, then bind ---> ours
//!  a socket at which a server listens, or another file ------> an error
//! ```
//! All of it is done under a lock of the folder: between binding and listening a socket also refuses connections, and another
//! server would take it for the socket of a dead one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use super::process_id;
use crate::limits::{BACKLOG, FOLDER_LOCK_PAUSE, FOLDER_LOCK_TRIES};
use crate::log;
use crate::net::sync::thread;

/// The file of a socket that this process has bound. Dropped: it is removed, unless another server has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// The path.
    path: PathBuf,
    /// The device and the number of the file, which tell it from a later one at the same path.
    identity: (u64, u64),
    /// The process that has bound it. A forked child must not remove it.
    process: u32,
}

impl SocketFile {
    /// Listens at a path.
    ///
    /// # Errors
    /// Returns an error if a server listens there, if the path is that of another file, or if the folder cannot be used.
    pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
        let _lock = lock_folder(path)?;
        let listener = match listen(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                make_room(path)?;
                listen(path)?
            }
            other => other?,
        };
        let identity = identity(path)?;
        Ok((listener, SocketFile { path: path.to_owned(), identity, process: process_id() }))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if process_id() != self.process {
            return;
        }
        let removed = lock_folder(&self.path).and_then(|_lock| match identity(&self.path) {
            Ok(found) if found == self.identity => fs::remove_file(&self.path),
            _ => Ok(()), // it has gone, or another server has replaced it
        });
        if let Err(error) = removed {
            log::debug!(%error, "cannot remove the file of a socket; the next server replaces it");
        }
    }
}

/// Binds a socket to a path, and listens.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            let why = "this user may not make a file in the folder of the socket";
            io::Error::new(error.kind(), why)
        }
        _ => error,
    })?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Returns the device and the number of a file.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Removes the socket that a dead server has left. The folder is locked.
fn make_room(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        let why = "another file is there, which is no socket; it is not replaced";
        return Err(io::Error::new(ErrorKind::AlreadyExists, why));
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?; // or it would wait for a server that is slow to accept
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            log::info!(path = %path.display(), "the socket of a dead server is replaced");
            fs::remove_file(path)
        }
        Err(error) if error.kind() != ErrorKind::WouldBlock => {
            let why = format!("a socket is there, and it cannot be told if a server listens at it: {error}");
            Err(io::Error::new(error.kind(), why))
        }
        Ok(()) | Err(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another server listens there")),
    }
}

/// Locks the folder of a socket, which costs no file that would stay behind.
fn lock_folder(path: &Path) -> io::Result<File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = File::open(parent.unwrap_or(Path::new("."))).map_err(|error| {
        io::Error::new(error.kind(), format!("the folder of the socket cannot be opened: {error}"))
    })?;
    for _ in 0..FOLDER_LOCK_TRIES {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(folder),
            Err(Errno::WOULDBLOCK) => thread::sleep(FOLDER_LOCK_PAUSE),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "another process keeps a lock on the folder of the socket"))
}
