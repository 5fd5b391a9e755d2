//! Prints what `#[rpc]` writes for the traits of a file.
fn main() {}
