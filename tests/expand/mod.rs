//! The expanded files as modules, and a channel to call them through.

#![allow(unused_imports, dead_code, unreachable_pub)] // the imports of a case are not used in its expanded file

pub mod loopback;

#[rustfmt::skip] // these four are as `rpc-expand` prints them
#[path = "bytes.expanded.rs"]
pub mod bytes;
#[rustfmt::skip]
#[path = "kv.expanded.rs"]
pub mod kv;
#[rustfmt::skip]
#[path = "plain.expanded.rs"]
pub mod plain;
#[rustfmt::skip]
#[path = "policies.expanded.rs"]
pub mod policies;
