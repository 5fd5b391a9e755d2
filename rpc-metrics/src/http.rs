//! One HTTP request and its reply: `GET /metrics`, and `GET /`, which names it; within bounds of length and time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

use crate::limits::{DROPPED_BYTES, DROPPED_TIME, HEADERS, PortLimits};

/// The end of a request, as its reply says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// `GET /metrics`.
    Page,
    /// `GET /`: what is there.
    Root,
    /// The status of a refusal, with its text.
    Refused(&'static str),
}

/// The refusal of a request that ends too early or cannot be read.
const BAD: Asked = Asked::Refused("400 Bad Request");

/// The type of a text that is no page of metrics.
const PLAIN: &str = "text/plain; charset=utf-8";

/// Reads a request.
///
/// # Errors
/// Returns an error if the connection fails.
pub(crate) fn read(stream: &mut TcpStream, limits: &PortLimits) -> std::io::Result<Asked> {
    let deadline = Instant::now() + limits.request_time;
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    loop {
        let Some(left) = left(deadline) else { return Ok(Asked::Refused("408 Request Timeout")) };
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return Ok(BAD),
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if is_late(error.kind()) => continue,
            Err(error) => return Err(error),
        }
        if let Some(asked) = parse(&bytes) {
            return Ok(asked);
        }
        if bytes.len() > limits.request_bytes {
            return Ok(Asked::Refused("431 Request Header Fields Too Large"));
        }
    }
}

/// Returns the meaning of a request; `None` if its headers have not ended.
fn parse(bytes: &[u8]) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => None,
        Err(_) => Some(BAD),
        Ok(httparse::Status::Complete(_)) => {
            let path = request.path.unwrap_or_default();
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            Some(match (path, request.method) {
                ("/metrics", Some("GET")) => Asked::Page,
                ("/", Some("GET")) => Asked::Root,
                ("/metrics" | "/", _) => Asked::Refused("405 Method Not Allowed"),
                _ => Asked::Refused("404 Not Found"),
            })
        }
    }
}

/// Sends a page.
///
/// # Errors
/// Returns an error if the client does not read it in time.
pub(crate) fn send_page(stream: &mut TcpStream, page: &str, limits: &PortLimits) -> std::io::Result<()> {
    send(stream, "200 OK", CONTENT_TYPE, page, limits)
}

/// Says what is there.
///
/// # Errors
/// Returns an error if the client does not read it in time.
pub(crate) fn send_root(stream: &mut TcpStream, limits: &PortLimits) -> std::io::Result<()> {
    let text = "The metrics of an rpc-core program, in the text format of Prometheus, are at /metrics\n";
    send(stream, "200 OK", PLAIN, text, limits)
}

/// Sends a refusal, and drops what the client still sends, up to a bound: else the reset could overtake the reply.
///
/// # Errors
/// Returns an error if the client does not read it in time.
pub(crate) fn refuse(
    stream: &mut TcpStream,
    status: &'static str,
    limits: &PortLimits,
) -> std::io::Result<()> {
    let whither = if status.starts_with("404") { "the metrics are at /metrics\n" } else { "" };
    send(stream, status, PLAIN, &format!("{status}\n{whither}"), limits)?;
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + DROPPED_TIME;
    let (mut dropped, mut part) = (0, [0; 1024]);
    while let Some(left) = left(deadline).filter(|_| dropped < DROPPED_BYTES) {
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(count) => dropped += count,
        }
    }
    Ok(())
}

/// Sends a reply.
fn send(
    stream: &mut TcpStream,
    status: &str,
    form: &str,
    body: &str,
    limits: &PortLimits,
) -> std::io::Result<()> {
    let allow = if status.starts_with("405") { "Allow: GET\r\n" } else { "" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {form}\r\nContent-Length: {length}\r\n{allow}Connection: close\r\n\r\n"
    );
    let reply = head + body;
    let (mut rest, deadline) = (reply.as_bytes(), Instant::now() + limits.reply_time);
    while !rest.is_empty() {
        let left = left(deadline).ok_or(ErrorKind::TimedOut)?;
        stream.set_write_timeout(Some(left))?;
        match stream.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if is_late(error.kind()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns the time until a deadline; `None` if it has passed.
fn left(deadline: Instant) -> Option<Duration> {
    Some(deadline.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}

/// Returns true if an operation may be tried again while time is left.
fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::{Asked, BAD, parse};

    #[test]
    fn only_a_get_of_the_page_is_one() {
        let asked = |first: &str| parse(format!("{first} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(asked("GET /metrics"), Some(Asked::Page));
        assert_eq!(asked("GET /metrics?a=b"), Some(Asked::Page));
        assert_eq!(asked("POST /metrics"), Some(Asked::Refused("405 Method Not Allowed")));
        assert_eq!(asked("GET /metrics/a"), Some(Asked::Refused("404 Not Found")));
        assert_eq!(asked("GET /"), Some(Asked::Root));
        assert_eq!(asked("POST /"), Some(Asked::Refused("405 Method Not Allowed")));
        assert_eq!(parse(b"GET /metrics HTTP/1.1\r\nHost"), None);
        assert_eq!(parse(b"\x00\x01\r\n\r\n"), Some(BAD));
    }
}
