//! A macro that would write methods.

use rpc_core::rpc;

macro_rules! methods {
    () => {
        fn get(&self, key: &str) -> String;
    };
}

#[rpc]
pub trait Kv {
    methods!();
}

fn main() {}
