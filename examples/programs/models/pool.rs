//! Model 3, a fixed pool: one thread waits for all sockets, and hands each call to one of a fixed number of workers.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rpc_core::proto::server::ReadyCall;

use crate::api::Store;
use crate::protocol::Protocol;
use crate::readiness;

/// Number of workers: a few for each core, so that some may wait.
pub(crate) const WORKERS: usize = 16;

pub(crate) fn serve(listener: TcpListener, store: &Arc<Store>) -> io::Result<()> {
    let protocol = Protocol::start(store)?;
    let (hand_out, calls) = mpsc::channel::<ReadyCall>(); // the protocol bounds it: slots, and its own queue
    let calls = Arc::new(Mutex::new(calls));
    for _ in 0..WORKERS {
        let (protocol, calls) = (Arc::clone(&protocol), Arc::clone(&calls));
        thread::Builder::new().spawn(move || {
            loop {
                // The lock is held while one worker waits for the next call; the others wait for the lock.
                let next = calls.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(call) = next else { return };
                protocol.run(&call);
            }
        })?;
    }
    readiness::serve(&protocol, listener, |call| {
        let _ = hand_out.send(call); // the workers run as long as the process
    })
}
