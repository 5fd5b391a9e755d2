//! Exercise 4: a client that sends again, and tells its caller the truth.
//!
//! A request may be lost, and so may its reply. The client cannot tell the two apart: nothing comes. So it sends the request
//! again until the reply arrives or its caller no longer waits. The server has a duplicate filter: of all requests with the same
//! number it runs one, and it answers the others with the same reply. A number that is lower than the last one is ignored.
//!
//! Write `call`:
//! * Each call takes a new number, one more than the last: 1, 2, 3 .. All requests of one call have the same number.
//! * `wire.send(seq, body)` sends a request. It returns false if there is no connection: then no byte has left the client.
//! * `wire.receive(wait)` waits at most `wait` milliseconds for a reply. It may be the reply of an earlier call.
//! * If no reply has come for 100 ms, send again. At the time `until` the caller no longer waits: `call` returns then, at the
//!   latest. `wire.now()` is the time.
//! * Without a reply the caller gets `Failure::Unknown` if a request may have reached the server, and `Failure::NotExecuted` if
//!   none can have.
//!
//! The judge loses, doubles and delays frames. `cargo run -p rpc-course -- check 4`

#[allow(unused_imports, reason = "the hole needs it")]
use rpc_course::retry::{Client, Failure, RESEND, Wire};

/// The client.
#[derive(Default)]
pub struct Mine {
    /// The number of the last call.
    last: u64,
}

impl Client for Mine {
    // ---- Your part begins here.
    fn call(&mut self, wire: &mut Wire, body: &str, until: u64) -> Result<String, Failure> {
        self.last += 1;
        wire.send(self.last, body);
        match wire.receive(until - wire.now()) {
            Some(reply) => Ok(reply.body),
            None => Err(Failure::NotExecuted),
        }
    }
    // ---- Your part ends here.
}
