//! Prints what `#[rpc]` writes.
fn main() {}
