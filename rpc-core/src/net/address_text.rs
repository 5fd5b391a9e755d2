//! Layer 4: a text that is no address, and what to write in its place.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// A port for messages: the one that the documentation uses.
const SHOWN: u16 = 7000;

/// Looks up the addresses of `host:port`.
///
/// # Errors
/// Returns an error that names the text, and says what to write or to check.
pub(super) fn look_up(text: &str) -> io::Result<Vec<SocketAddr>> {
    if let Some(defect) = defect(text) {
        return Err(io::Error::new(ErrorKind::InvalidInput, defect));
    }
    text.to_socket_addrs().map(Iterator::collect).map_err(|error| not_found(text, &error))
}

/// Looks up the addresses of a host and a port.
///
/// # Errors
/// As [`look_up`].
pub(super) fn look_up_pair(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    (host, port).to_socket_addrs().map(Iterator::collect).map_err(|error| not_found(host, &error))
}

fn not_found(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{name}` could not be looked up: {error}; check the host name"))
}

/// Returns what is wrong with a text that cannot be `host:port`, and what to write.
fn defect(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(format!("the address is empty: write `host:port`, as in `127.0.0.1:{SHOWN}`"));
    }
    if text.starts_with('/') {
        return Some(format!("`{text}` is a path: a Unix socket is written `unix:{text}`"));
    }
    if text.contains("://") || text.contains('/') {
        return Some(format!("`{text}` is no address: write `host:port`, as in `127.0.0.1:{SHOWN}`"));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(format!("`{text}` has no port: write `{}`", SocketAddr::new(ip, SHOWN)));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Some(format!("`{text}` has no port: write `{text}:{SHOWN}`"));
    };
    if port.parse::<u16>().is_err() {
        return Some(format!("`{text}`: the port after the colon is a number from 0 to 65535"));
    }
    host.is_empty().then(|| {
        format!(
            "`{text}` has no host: write `127.0.0.1:{port}` for this machine, or `0.0.0.0:{port}` to listen at all of its addresses"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_address_is_told_what_to_write() {
        let cases = [
            ("", "write `host:port`"),
            ("127.0.0.1", "`127.0.0.1` has no port: write `127.0.0.1:7000`"),
            ("::1", "`::1` has no port: write `[::1]:7000`"),
            ("[::1]", "`[::1]` has no port: write `[::1]:7000`"),
            ("localhost", "`localhost` has no port: write `localhost:7000`"),
            ("localhost:", "the port after the colon is a number from 0 to 65535"),
            ("localhost:70000", "`localhost:70000`: the port after the colon"),
            ("localhost:http", "`localhost:http`: the port after the colon"),
            (":7000", "`:7000` has no host: write `127.0.0.1:7000`"),
            ("http://localhost:7000", "`http://localhost:7000` is no address"),
            ("/run/kv.sock", "a Unix socket is written `unix:/run/kv.sock`"),
        ];
        for (text, says) in cases {
            let error = look_up(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_host_with_a_port_is_looked_up() {
        let found = look_up("localhost:7000").expect("every system knows it");
        assert!(
            found.iter().all(|address| address.port() == 7000 && address.ip().is_loopback()),
            "{found:?}"
        );
        let unknown = look_up("no such host:7000").expect_err("a space is in no name").to_string();
        assert!(unknown.starts_with("`no such host:7000` could not be looked up: "), "{unknown}");
    }
}
