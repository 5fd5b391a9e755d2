//! A small HTTP server on this machine for a directory of pages, so that files are crawled like any site.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use tiny_http::{Header, Request, Response, Server};
use url::Url;

use crate::failure::Failure;

/// What a file's name may not contain as it stands in a link.
const IN_LINK: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'&').add(b'%').add(b'?').add(b'#').add(b'/');

/// Serves a directory until it is dropped.
pub struct LocalServer {
    server: Arc<Server>,
    threads: Vec<JoinHandle<()>>,
    url: Url,
}

impl LocalServer {
    /// Serves `directory` at a free port of 127.0.0.1, at most `at_once` pages at a time, each `latency` late: what
    /// the other side of the world is like, without its unsteadiness.
    ///
    /// # Errors
    /// When the directory cannot be read, or there is no port.
    pub fn start(directory: &Path, at_once: usize, latency: Duration) -> Result<Self, Failure> {
        let root = fs::canonicalize(directory)
            .map_err(|error| Failure::Unreachable(format!("cannot read {}: {error}", directory.display())))?;
        if !root.is_dir() {
            return Err(Failure::Usage(format!("{} is not a directory", directory.display())));
        }
        let server = Server::http("127.0.0.1:0").map_err(Failure::own("serve the directory"))?;
        let address = server.server_addr().to_ip().map(|address| format!("http://{address}/"));
        let url = address.and_then(|address| address.parse().ok());
        let url = url.ok_or_else(|| Failure::Own("the local server has no address".to_owned()))?;
        let (server, root) = (Arc::new(server), Arc::new(root));
        let threads = (0..at_once.max(1))
            .map(|_| {
                let (server, root) = (Arc::clone(&server), Arc::clone(&root));
                thread::spawn(move || serve(&server, &root, latency))
            })
            .collect();
        Ok(LocalServer { server, threads, url })
    }

    /// Where it is: ends in `/`.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        for _ in &self.threads {
            self.server.unblock(); // one thread each
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // one that panicked has ended too
        }
    }
}

impl std::fmt::Debug for LocalServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalServer({})", self.url)
    }
}

fn serve(server: &Server, root: &Path, latency: Duration) {
    while let Ok(request) = server.recv() {
        thread::sleep(latency);
        let _ = answer(request, root); // a client that has gone away is its own affair
    }
}

fn answer(request: Request, root: &Path) -> std::io::Result<()> {
    let path = request.url().split(['?', '#']).next().unwrap_or_default().to_owned();
    let Some(file) = file_of(root, &path) else {
        return request.respond(Response::from_string("no such page\n").with_status_code(404));
    };
    if !file.is_dir() {
        let content_type = mime_guess::from_path(&file).first_or_octet_stream();
        let response = Response::from_file(File::open(&file)?);
        return request.respond(response.with_header(header("Content-Type", content_type.as_ref())));
    }
    if !path.ends_with('/') {
        let moved = header("Location", &format!("{path}/"));
        return request.respond(Response::empty(301).with_header(moved));
    }
    let html = header("Content-Type", "text/html; charset=utf-8");
    match File::open(file.join("index.html")) {
        Ok(index) => request.respond(Response::from_file(index).with_header(html)),
        Err(_) => request.respond(Response::from_string(listing(&file)?).with_header(html)),
    }
}

/// The file that `path` names, if it is there and inside `root`: `..` and links that lead out of it name nothing.
fn file_of(root: &Path, path: &str) -> Option<PathBuf> {
    let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?;
    let plain = Path::new(path.as_ref()).components().all(|part| matches!(part, Component::Normal(_)));
    let file = fs::canonicalize(root.join(plain.then_some(path.as_ref())?)).ok()?;
    file.starts_with(root).then_some(file)
}

/// A page of links to what a directory without an index holds, as most web servers make it.
fn listing(directory: &Path) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let slash = if entry.path().is_dir() { "/" } else { "" };
        let name = utf8_percent_encode(&entry.file_name().to_string_lossy(), IN_LINK).to_string();
        names.push(format!("<li><a href=\"./{name}{slash}\">{name}{slash}</a>\n"));
    }
    names.sort_unstable();
    Ok(format!("<!DOCTYPE html><title>Directory</title>\n<ul>\n{}</ul>\n", names.concat()))
}

fn header(name: &str, value: &str) -> Header {
    // Both come from us, but a file's type or path is data: what is no header becomes an empty one.
    Header::from_bytes(name, value).unwrap_or_else(|()| Header {
        field: tiny_http::HeaderField::from_bytes("X-Bad").expect("a constant"),
        value: Default::default(),
    })
}
