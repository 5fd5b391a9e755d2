//! Layer 4: a server on a thread of its own, which ends the server when its value is dropped.

use std::ops::Deref;

use super::super::Server;
use super::super::error::ServeError;
use super::handle::ServerHandle;
use crate::log;
use crate::net::sync::thread::{self, JoinHandle};
use crate::panics::{contain, panic_text};

/// A server that runs on threads of its own, returned by [`Server::spawn`]. It has all methods of [`ServerHandle`].
///
/// Dropping it drains the server and waits for the end of the drain: while calls run and replies were not fetched, for the
/// grace time of the server's limits at most. A handler of this server that drops it begins the drain and does not wait, since
/// the drain waits for the handler.
///
/// ```
/// use rpc_core::{Health, RunningServer, Server};
///
/// let server: RunningServer = Server::builder().service(Health::new()).bind("127.0.0.1:0")?.spawn()?;
/// println!("serving at {}", server.local_addr());
/// server.stop()?; // calls that run are finished first
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
#[derive(Debug)]
#[must_use = "the server ends when this value is dropped"]
pub struct RunningServer {
    /// A handle to the server.
    handle: ServerHandle,
    /// The thread that runs [`Server::run`]; `None` once it was joined.
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    /// Starts [`Server::run`] on another thread and returns at once, for programs that do more than serve, and for tests.
    ///
    /// # Errors
    /// Returns an error if the thread cannot be started.
    pub fn spawn(self) -> Result<RunningServer, ServeError> {
        let handle = self.handle();
        let thread = thread::Builder::new().name("rpc-server".to_owned()).spawn(move || self.run());
        let thread = thread.map_err(ServeError::system("start the threads of the server"))?;
        Ok(RunningServer { handle, thread: Some(thread) })
    }
}

impl RunningServer {
    /// Returns a handle that other threads can use.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Drains the server, and waits until the drain has ended: see [`ServerHandle::drain`]. A handler that ends its own server
    /// calls [`ServerHandle::drain`] instead.
    ///
    /// # Errors
    /// See [`Server::run`]. In a handler of this server [`ServeError::OwnHandler`], at once; the drain has begun.
    pub fn stop(self) -> Result<(), ServeError> {
        self.handle.drain();
        self.wait()
    }

    /// Waits until another thread has drained the server.
    ///
    /// # Errors
    /// See [`Server::run`]. In a handler of this server [`ServeError::OwnHandler`], at once; the drain has begun.
    pub fn wait(mut self) -> Result<(), ServeError> {
        self.join()
    }

    /// Joins the thread, once.
    fn join(&mut self) -> Result<(), ServeError> {
        if self.handle.is_own_thread() {
            return Err(ServeError::OwnHandler);
        }
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
            return; // joined: the server has ended
        }
        // Contained, since a destructor that panics may abort the process.
        let ended = contain(|| {
            self.handle.drain();
            self.join()
        });
        match ended {
            Some(Err(ServeError::OwnHandler) | Ok(())) | None => {}
            Some(Err(error)) => log::error!(%error, "server stopped with an error while being dropped"),
        }
    }
}
