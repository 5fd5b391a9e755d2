//! Exercise 2: a client stub.
//!
//! A program wants to call `append("name", "x")` as if it were a function. The stub makes that possible: it packs the
//! arguments into one tuple, sends the call under the name of its method, and returns the value that comes back. The service:
//!
//! ```text
//! fn get(&self, key: &str) -> Option<String>;          its name is `Kv.get`
//! fn append(&self, key: &str, value: &str) -> u64;     its name is `Kv.append`
//! ```
//!
//! Write the two methods. `self.caller.call::<T, E>(method, &arguments)` sends a call and waits for its reply:
//! * `method("Kv.get")` is the method of that name.
//! * `arguments` is a tuple, also if there is one argument: `(key,)`.
//! * `T` is the type of the value. `E` is the type of the method's own error, and `Never` if it has none.
//!
//! The judge runs the framework's own server behind your stub. `cargo run -p rpc-course -- check 2`

#[allow(unused_imports, reason = "the hole needs it")]
use rpc_core::stub::{CallError, Caller, Never};
use rpc_course::client_stub::Stub;
#[allow(unused_imports, reason = "the hole needs it")]
use rpc_course::kv::method;

/// The stub. The caller carries its calls.
pub struct Mine {
    #[allow(dead_code, reason = "the hole needs it")]
    caller: Caller,
}

impl Stub for Mine {
    fn new(caller: Caller) -> Self {
        Mine { caller }
    }

    // ---- Your part begins here.
    fn get(&self, key: &str) -> Result<Option<String>, CallError> {
        self.caller.call::<Option<String>, Never>(method("Kv.get"), &(key,))
    }

    fn append(&self, key: &str, value: &str) -> Result<u64, CallError> {
        self.caller.call::<u64, Never>(method("Kv.append"), &(key, value))
    }
    // ---- Your part ends here.
}
