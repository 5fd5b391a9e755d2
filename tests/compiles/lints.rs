//! Lints that a trait or a method allows or expects: its stubs are allowed the same.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::must_use_candidate)]

use rpc_core::rpc;

/// Allowed on the trait: for its name, and for all of its methods.
#[rpc]
#[allow(non_camel_case_types, non_snake_case)]
pub trait key_value {
    /// Not in snake case.
    fn getAll(&self) -> u8;
}

/// Expected, each with a reason.
#[expect(non_camel_case_types, reason = "named by another system")]
#[rpc]
pub trait log_store {
    /// Not in snake case.
    #[expect(non_snake_case, reason = "named by another system")]
    fn readAll(&self, fromLine: u64) -> u64;
    /// With a lint that fires on the trait only.
    #[expect(clippy::wrong_self_convention, reason = "named by another system")]
    fn into_line(&self) -> u64;
}

/// Stricter on the trait than its stubs must be.
#[rpc]
#[deny(non_snake_case)]
pub trait Strict {
    /// A method.
    fn read(&self) -> u64;
}

fn main() {
    let _ = key_valueClient::getAll;
    let _ = log_storeClient::readAll;
    let _ = log_storeStart::into_line;
    let _ = StrictClient::read;
}
