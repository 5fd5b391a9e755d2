//! One connection: reads requests and writes answers until the client closes it.

use std::io::{self, BufWriter, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Answer, Handler};

/// The longest head of a request.
const LONGEST_HEAD: usize = 16 << 10;
/// A client that sends nothing for this long counts as lost.
const IDLE: Duration = Duration::from_secs(60);

/// The parts of a request that are used.
struct Request {
    path: String,
    wants_body: bool,
    keeps_open: bool,
    length: usize,
}

pub(super) fn serve(mut stream: &TcpStream, handler: &Handler) {
    // An answer leaves in one piece and at once: with Nagle's algorithm a short last segment waits 40 ms for the
    // client's delayed acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(IDLE));
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match head(&received) {
            Ok(Some(request)) => {
                received.drain(..request.length);
                if !matches!(reply(stream, &request, handler), Ok(true)) {
                    return;
                }
            }
            Ok(None) if received.len() < LONGEST_HEAD => match stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {} // this process was stopped and continued
                Ok(0) | Err(_) => return,
                Ok(count) => received.extend_from_slice(&chunk[..count]),
            },
            _ => return,
        }
    }
}

/// Returns the first request in `bytes`, once its head is complete.
fn head(bytes: &[u8]) -> Result<Option<Request>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else { return Ok(None) };
    let says_close = |header: &httparse::Header<'_>| {
        header.name.eq_ignore_ascii_case("connection") && header.value.eq_ignore_ascii_case(b"close")
    };
    let keeps_open = parsed.version == Some(1) && !parsed.headers.iter().any(says_close);
    let (path, method) = (parsed.path.unwrap_or("/").to_owned(), parsed.method.unwrap_or_default());
    // A crawler sends no requests with a body: any method is answered as a GET, and the connection closes after the head.
    let wants_body = method != "HEAD";
    Ok(Some(Request { path, wants_body, keeps_open: keeps_open && matches!(method, "GET" | "HEAD"), length }))
}

/// Returns true if the connection stays open.
fn reply(stream: &TcpStream, request: &Request, handler: &Handler) -> io::Result<bool> {
    let unreadable = |error: io::Error| Answer::page("text/plain", format!("{error}\n")).with_status(500);
    let mut answer = handler(&request.path).unwrap_or_else(unreadable);
    let keeps_open = request.keeps_open && answer.length.is_some();
    let mut out = BufWriter::with_capacity(64 << 10, stream);
    write!(out, "HTTP/1.1 {} .\r\n", answer.status)?;
    for (name, value) in &answer.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    if let Some(length) = answer.length {
        write!(out, "Content-Length: {length}\r\n")?;
    }
    write!(out, "Connection: {}\r\n\r\n", if keeps_open { "keep-alive" } else { "close" })?;
    if request.wants_body {
        match answer.length {
            Some(length) => {
                let sent = io::copy(&mut answer.body.take(length), &mut out)?;
                if sent < length {
                    return Ok(false); // the file has shrunk meanwhile: the client must not wait for the rest
                }
            }
            None => drip(&mut *answer.body, &mut out)?,
        }
    }
    out.flush()?;
    Ok(keeps_open)
}

/// Sends each part as soon as it is read: a body without a length may never end.
fn drip(body: &mut dyn Read, out: &mut impl Write) -> io::Result<()> {
    let mut chunk = [0; 4096];
    loop {
        match body.read(&mut chunk)? {
            0 => return Ok(()),
            count => out.write_all(&chunk[..count])?,
        }
        out.flush()?;
    }
}
