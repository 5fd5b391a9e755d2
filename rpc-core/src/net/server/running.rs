//! Floor 4: a server on a thread of its own, which ends it when the value that stands for it goes.

use std::ops::Deref;

use super::Server;
use super::error::ServeError;
use super::handle::ServerHandle;
use crate::net::sync::thread::{self, JoinHandle};
use crate::service::panic_text;

/// A server that serves on threads of its own: what [`Server::spawn`] gives. It has all that [`ServerHandle`] has.
///
/// When it is dropped it drains, and waits for that: for as long as calls run and clients have unfetched answers, up to
/// the grace time of the server's limits.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct RunningServer {
    handle: ServerHandle,
    thread: Option<JoinHandle<Result<(), ServeError>>>, // gone once it was waited for
}

impl Server {
    /// [`Server::run`] on another thread: returns at once, for programs that do more than serve, and for tests.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn spawn(self) -> Result<RunningServer, ServeError> {
        let handle = self.handle();
        let thread = thread::Builder::new().name("rpc-server".to_owned()).spawn(move || self.run());
        let thread = thread.map_err(ServeError::system("start the threads of the server"))?;
        Ok(RunningServer { handle, thread: Some(thread) })
    }
}

impl RunningServer {
    /// A handle that others can have.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Drains, and waits until that has ended: see [`ServerHandle::drain`].
    ///
    /// # Errors
    /// As [`Server::run`].
    pub fn stop(self) -> Result<(), ServeError> {
        self.handle.drain();
        self.wait()
    }

    /// Waits until somebody has drained it.
    ///
    /// # Errors
    /// As [`Server::run`].
    pub fn wait(mut self) -> Result<(), ServeError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), ServeError> {
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => Err(ServeError::Failed(panic_text(panic))),
        }
    }
}

impl Deref for RunningServer {
    type Target = ServerHandle;

    fn deref(&self) -> &ServerHandle {
        &self.handle
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return; // it was waited for, and has ended
        }
        self.handle.drain();
        if let Err(error) = self.join() {
            tracing::error!(%error, "a server ended with an error that nobody asked for");
        }
    }
}
