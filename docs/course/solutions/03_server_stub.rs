//! Exercise 3: a server stub.
//!
//! A request has arrived: the number of a method, and bytes. The server stub makes a call of it. It reads the arguments from
//! the bytes, calls the implementation, and writes what it returns into the reply.
//!
//! ```text
//! method 0    fn get(&self, key: &str) -> Option<String>;
//! method 1    fn append(&self, key: &str, value: &str) -> u64;
//! ```
//!
//! Write `dispatch`:
//! * `call.method()` is the number of the method.
//! * `let (key,): (&str,) = call.arguments()?;` reads the arguments, in the order in which the trait has them. If they cannot
//!   be read, the `?` refuses the call. So read them before you call the implementation.
//! * `call.reply::<T>(value)` writes the reply, a `T`, and is what `dispatch` returns.
//! * `call.no_such_method()` refuses a method that the service does not have.
//!
//! The judge calls your stub with the framework's own client. `cargo run -p rpc-course -- check 3`

use std::sync::Arc;

use rpc_core::stub::{Dispatch, Dispatched, Refused};
#[allow(unused_imports, reason = "the hole needs it")]
use rpc_course::kv::{Kv, Store};
use rpc_course::server_stub::Stub;

/// The stub, and the implementation that it calls.
pub struct Mine {
    #[allow(dead_code, reason = "the hole needs it")]
    service: Arc<Store>,
}

impl Stub for Mine {
    fn new(service: Arc<Store>) -> Self {
        Mine { service }
    }

    // ---- Your part begins here.
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        match call.method() {
            0 => {
                let (key,): (&str,) = call.arguments()?;
                call.reply::<Option<String>>(self.service.get(key))
            }
            1 => {
                let (key, value): (&str, &str) = call.arguments()?;
                call.reply::<u64>(self.service.append(key, value))
            }
            _ => call.no_such_method(),
        }
    }
    // ---- Your part ends here.
}
