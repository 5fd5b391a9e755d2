//! What `#[rpc]` does.
