//! Carries the bytes of a connection in both directions, and shows each frame before it goes on.

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rpc_frames::{Dialogue, Way};

use super::socket::Socket;
use super::{Proxy, STACK};

/// Bytes that are read at once. What was read and not yet written is all that the proxy holds back.
const CHUNK: usize = 16 << 10;

/// Carries a connection until both directions have ended.
pub(super) fn both_ways(proxy: &Arc<Proxy>, number: u32, client: Socket, server: Socket) -> io::Result<()> {
    let dialogue = Arc::new(Mutex::new(Dialogue::new(proxy.methods.clone(), proxy.keep)));
    let (from_server, to_client) = (server.second()?, client.second()?);
    let back = (Arc::clone(proxy), Arc::clone(&dialogue));
    let other = thread::Builder::new().stack_size(STACK).spawn(move || {
        let (proxy, dialogue) = back;
        one_way(&proxy, &dialogue, number, Way::ToClient, from_server, to_client);
    })?;
    one_way(proxy, &dialogue, number, Way::ToServer, client, server);
    let _ = other.join(); // a panic was told on standard error
    Ok(())
}

fn one_way(
    proxy: &Proxy,
    dialogue: &Mutex<Dialogue>,
    number: u32,
    way: Way,
    mut from: Socket,
    mut to: Socket,
) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk).unwrap_or(0); // a reset ends the direction as well
        let bytes = chunk.get(..count).unwrap_or_default();
        // The frames of a connection are shown in an order that is possible: a reply is not read before its call has gone on.
        let mut dialogue = dialogue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut output = proxy.output();
        let mut show = |frame| output.frame(number, way, &frame);
        if count == 0 {
            dialogue.end(way, &mut show);
        } else {
            dialogue.push(way, bytes, &mut show);
        }
        drop((output, dialogue));
        if count == 0 {
            return to.shutdown(Shutdown::Write);
        }
        if to.write_all(bytes).is_err() {
            return from.shutdown(Shutdown::Both); // so that its sender learns it
        }
    }
}
