//! The side port: a thread that serves the page of metrics to one connection after the other.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rpc_core::log;
use rpc_core::panics::contain;

use crate::Metrics;
use crate::http::{self, Asked};
use crate::limits::{ACCEPT_PAUSE, PortLimits, WAKE_TIME};

/// A side port that shows metrics: see [`Metrics::serve`]. It is closed when this is dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use rpc_metrics::{Metrics, MetricsPort};
///
/// # fn main() -> std::io::Result<()> {
/// let port: MetricsPort = Metrics::new().serve("127.0.0.1:0")?;
/// let mut asks = TcpStream::connect(port.local_addr())?; // as Prometheus does
/// asks.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
/// let mut page = String::new();
/// asks.read_to_string(&mut page)?;
/// assert!(page.starts_with("HTTP/1.1 200"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the port is closed when it is dropped"]
pub struct MetricsPort {
    /// The address at which it listens.
    address: SocketAddr,
    /// True when the thread must end.
    ends: Arc<AtomicBool>,
}

impl MetricsPort {
    /// Begins to listen, and starts the thread.
    pub(crate) fn start(listener: TcpListener, metrics: Metrics, limits: PortLimits) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let run = move || {
            while !seen.load(Ordering::Acquire) {
                accept(&listener, &metrics, &limits, &seen);
            }
        };
        thread::Builder::new().name("rpc-metrics".to_owned()).spawn(run)?;
        Ok(MetricsPort { address, ends })
    }

    /// Returns the address at which it listens, with the port that the operating system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsPort {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        // It ends the wait for a connection. If it fails, the next connection does so: the thread is in no other's way.
        let _ = TcpStream::connect_timeout(&SocketAddr::new(host, self.address.port()), WAKE_TIME);
    }
}

/// Accepts a connection and serves it. An error ends the connection, and is told in the log.
fn accept(listener: &TcpListener, metrics: &Metrics, limits: &PortLimits, ends: &AtomicBool) {
    match listener.accept() {
        Ok(_) if ends.load(Ordering::Acquire) => {}
        Ok((mut stream, peer)) => match contain(|| serve(&mut stream, metrics, limits)) {
            Some(Ok(())) => {}
            Some(Err(error)) => log::debug!(%peer, %error, "a client of the metrics port was not served"),
            None => log::error!(%peer, "the code of the metrics port panicked"),
        },
        Err(error) => {
            log::warn!(%error, "the metrics port cannot accept a connection");
            thread::sleep(ACCEPT_PAUSE);
        }
    }
}

/// Serves one connection.
fn serve(stream: &mut TcpStream, metrics: &Metrics, limits: &PortLimits) -> io::Result<()> {
    match http::read(stream, limits)? {
        Asked::Refused(status) => http::refuse(stream, status, limits),
        Asked::Root => http::send_root(stream, limits),
        Asked::Page => match contain(|| metrics.page()) {
            Some(Ok(page)) => http::send_page(stream, &page, limits),
            failed => {
                let panicked = failed.is_none();
                log::error!(panicked, "the page of metrics could not be written");
                http::refuse(stream, "500 Internal Server Error", limits)
            }
        },
    }
}
