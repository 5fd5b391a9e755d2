//! Exercise 12: a rule of a macro that writes a client stub.
//!
//! The two methods of exercise 2 look alike: only the name, the arguments and the type of the value differ. So a macro can write them.
//! This one is used as follows, and has to write the two methods of exercise 2, for any list of methods:
//!
//! ```text
//! methods! { Kv self:
//!     fn get(key: &str) -> Option<String>;
//!     fn append(key: &str, value: &str) -> u64;
//! }
//! ```
//!
//! The pattern of the rule is there. It gives you `$service` (`Kv`), and for each method `$name`, its arguments `$argument: $type`, and
//! the type of its value `$value`. Write what the rule writes, between the braces:
//! * `$( .. )*` repeats what is in it: the outer one for each method, the inner one for each argument. `$( .., )*` puts a comma
//!   behind each, which a tuple needs if it has one part.
//! * `concat!(stringify!($service), ".", stringify!($name))` is the name of the method: `Kv.get`.
//! * A macro cannot use `self` unless it is given it: the method's body says `$this`, which is `self`.
//!
//! `cargo run -p rpc-course -- check 12`

use rpc_core::stub::{CallError, Caller, Never};
use rpc_course::kv::method;
use rpc_course::macro_rule::Stub;

#[allow(unused_macros, reason = "the hole needs it")]
macro_rules! methods {
    ($service:ident $this:ident: $(fn $name:ident($($argument:ident: $type:ty),*) -> $value:ty;)*) => {
        // ---- Your part begins here.
        $(fn $name(&$this, $($argument: $type),*) -> Result<$value, CallError> {
            let _ = ($($argument,)*);
            $this.caller.call::<$value, Never>(method("Kv.get"), &())
        })*
        // ---- Your part ends here.
    };
}

/// The stub.
pub struct Mine {
    caller: Caller,
}

impl Stub for Mine {
    fn new(caller: Caller) -> Self {
        Mine { caller }
    }

    methods! { Kv self:
        fn get(key: &str) -> Option<String>;
        fn append(key: &str, value: &str) -> u64;
    }
}
