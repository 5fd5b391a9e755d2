//! A relay between a client and a server that can drop bytes or cut the connection: a network for tests of the programs.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// The treatment of bytes on their way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It passes them on.
    Pass,
    /// It drops them, and the connection stays.
    Swallow,
    /// It drops them, and cuts the connection.
    Cut,
}

/// Decides by the number of the connection (from 1) and the bytes that it has passed so far.
pub(crate) type Policy = dyn Fn(usize, usize) -> Fate + Send + Sync;

/// Starts a relay to `server`, which runs until the test's process ends.
pub(crate) fn relay(server: &str, policy: Box<Policy>) -> SocketAddr {
    let server = server.to_owned();
    relay_by_connection(Box::new(move |_| server.clone()), policy)
}

/// Starts a relay whose connections, numbered from 1, go to the servers that `server` names.
pub(crate) fn relay_by_connection(
    server: Box<dyn Fn(usize) -> String + Send>,
    policy: Box<Policy>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let policy = Arc::<Policy>::from(policy);
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(server(number + 1))) else { continue };
            let (from_server, to_client) =
                (server.try_clone().expect("a descriptor"), client.try_clone().expect("a descriptor"));
            thread::spawn(move || pass(from_server, to_client, |_| Fate::Pass));
            let policy = Arc::clone(&policy);
            thread::spawn(move || pass(client, server, |passed| policy(number + 1, passed)));
        }
    });
    addr
}

fn pass(mut from: TcpStream, mut to: TcpStream, fate: impl Fn(usize) -> Fate) {
    let mut passed = 0;
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        match fate(passed) {
            Fate::Pass if to.write_all(&bytes[..count]).is_ok() => passed += count,
            Fate::Swallow => {}
            Fate::Pass | Fate::Cut => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both); // the other side may have closed first
    let _ = to.shutdown(Shutdown::Both);
}
