//! Exercise 11: a generic stub, which is given the name of its method.
//!
//! Go's `client.Call("KV.Get", &args, &reply)` needs no stub of its own for each method: the name is a text, and one function serves all
//! methods. On the wire a method is a number. The server has a table of its names and numbers, which differ from server to server.
//!
//! Write `call`:
//! * `self.wire.table()` is the server's table: pairs of a name and a number.
//! * If the table does not have the name, return `Failure::NoSuchMethod` with the names that it has, and send nothing.
//! * `encode(arguments)` makes bytes of the arguments. `self.wire.send(number, &bytes)` sends the request and returns the bytes of the
//!   reply, or `None` if the server could not read the arguments: that is `Failure::Refused`.
//! * `decode::<T>(&bytes)` makes a value of the reply, or `None` if the reply has another type: that is `Failure::WrongType`.
//!
//! `cargo run -p rpc-course -- check 11`

#[allow(unused_imports, reason = "the hole needs them")]
use rpc_course::generic_stub::{Failure, Stub, Wire, decode, encode};
use rpc_course::serde::Serialize;
use rpc_course::serde::de::DeserializeOwned;

/// The stub.
pub struct Mine {
    #[allow(dead_code, reason = "the hole needs it")]
    wire: Wire,
}

impl Stub for Mine {
    fn new(wire: Wire) -> Self {
        Mine { wire }
    }

    // ---- Your part begins here.
    fn call<T: DeserializeOwned>(&self, _name: &str, arguments: &impl Serialize) -> Result<T, Failure> {
        let reply = self.wire.send(0, &encode(arguments)).ok_or(Failure::Refused)?;
        decode(&reply).ok_or(Failure::WrongType)
    }
    // ---- Your part ends here.
}
