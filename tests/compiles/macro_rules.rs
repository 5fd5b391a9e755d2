//! Options whose values come from a `macro_rules!`, and so in invisible parentheses.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::must_use_candidate)]

use std::time::Duration;

use rpc_core::Client;

/// A crate that has the runtime in a module of its own.
pub mod reexport {
    pub use rpc_core as runtime;
}

macro_rules! service {
    ($runtime:path, $deadline:literal, $kept:literal, $version:expr) => {
        /// Its options are those of the macro's caller.
        #[rpc_core::rpc(crate = $runtime)]
        pub trait Jobs {
            /// All values as they were given.
            #[rpc(deadline = $deadline, max_cached_reply = $kept, version = $version)]
            fn run(&self, job: u64) -> u64;
        }
    };
}

service!(crate::reexport::runtime, "2s", 512, 3);

macro_rules! in_this_crate {
    () => {
        /// Names the runtime by the crate of the macro.
        #[rpc_core::rpc(crate = $crate::reexport::runtime)]
        pub trait Plain {
            /// A method.
            fn run(&self);
        }
    };
}

in_this_crate!();

fn main() {
    let [run] = JobsClient::CONTRACT.methods else { panic!("one method") };
    assert_eq!(run.deadline, Some(Duration::from_secs(2)));
    assert_eq!(run.max_cached_reply, Some(512));
    assert_eq!(run.signature, "fn run(job: u64) -> u64; version 3");
    assert_eq!(PlainClient::CONTRACT.methods.len(), 1);
}
