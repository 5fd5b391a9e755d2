//! A small HTTP server on 127.0.0.1: a thread per connection, which is enough for one crawler.

mod connection;
mod directory;

use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use url::Url;

use crate::failure::Failure;
use crate::task::lock;

/// Returns the answer for the path (with its query) of one request. Called on many threads at once.
pub type Handler = Box<dyn Fn(&str) -> io::Result<Answer> + Send + Sync>;

/// The answer to a request.
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Box<dyn Read + Send>,
    length: Option<u64>,
}

impl Answer {
    /// Returns a page.
    pub fn page(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len() as u64;
        Answer::stream(content_type, Cursor::new(body), Some(length))
    }

    /// Returns a body that is read while it is sent. Without a length it ends when the connection does.
    pub fn stream(content_type: &str, body: impl Read + Send + 'static, length: Option<u64>) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Answer { status: 200, headers, body: Box::new(body), length }
    }

    /// Returns the same answer with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Returns a redirect.
    pub fn moved(status: u16, to: &str) -> Self {
        let mut answer = Answer::page("text/plain", "moved\n").with_status(status);
        answer.headers.push(("Location", to.to_owned()));
        answer
    }

    /// Returns the same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Returns the same answer without the header of this name.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    /// Returns the answer for a page that does not exist.
    pub fn missing() -> Self {
        Answer::page("text/plain", "no such page\n").with_status(404)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({})", self.status)
    }
}

/// Serves until it is dropped.
pub struct LocalServer {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    url: Url,
}

/// The state that the threads of a server share.
struct Shared {
    handler: Handler,
    stopping: AtomicBool,
    open: Mutex<HashMap<u64, (TcpStream, JoinHandle<()>)>>,
}

impl LocalServer {
    /// Serves the answers of `handler` at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Returns an error if there is no port or no thread.
    pub fn start(handler: Handler) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::own("serve pages"))?;
        let address = listener.local_addr().map_err(Failure::own("serve pages"))?;
        let url = format!("http://{address}/").parse().map_err(Failure::own("serve pages"))?;
        let shared = Arc::new(Shared { handler, stopping: AtomicBool::new(false), open: Mutex::default() });
        let accepted = Arc::clone(&shared);
        let accepting = Builder::new()
            .name("accept".to_owned())
            .spawn(move || accepted.accept(&listener))
            .map_err(Failure::own("start a thread"))?;
        Ok(LocalServer { shared, accepting: Some(accepting), url })
    }

    /// Serves the files of a directory, each `latency` late, as a distant server would.
    ///
    /// # Errors
    /// Returns an error if it cannot be read, is no directory, or cannot be served.
    pub fn of_directory(directory: &Path, latency: Duration) -> Result<Self, Failure> {
        let root = directory
            .canonicalize()
            .map_err(|error| Failure::Unreachable(format!("cannot read {}: {error}", directory.display())))?;
        if !root.is_dir() {
            return Err(Failure::Usage(format!("{} is not a directory", directory.display())));
        }
        LocalServer::start(Box::new(move |path| {
            thread::sleep(latency);
            directory::answer(&root, path)
        }))
    }

    /// Returns its address, which ends in `/`.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (number, stream) in (0..).zip(listener.incoming()) {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let Ok(end) = stream.try_clone() else { continue };
            let shared = Arc::clone(self);
            let serve = move || {
                connection::serve(&stream, &shared.handler);
                let _ = stream.shutdown(Shutdown::Both); // `end` is still open, and the client waits for the end
                lock(&shared.open).remove(&number);
            };
            let mut open = lock(&self.open); // held until the thread is in the list, so that it cannot be removed before
            if let Ok(thread) = Builder::new().name("connection".to_owned()).spawn(serve) {
                open.insert(number, (end, thread));
            } // no thread: the connection closes, and the client sees that
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let host_and_port = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let _ = TcpStream::connect(host_and_port); // wakes the thread that accepts, which then ends
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join(); // a thread that panicked has ended too
        }
        let open = std::mem::take(&mut *lock(&self.shared.open));
        for (stream, thread) in open.into_values() {
            let _ = stream.shutdown(Shutdown::Both); // its thread's read ends
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for LocalServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalServer({})", self.url)
    }
}
