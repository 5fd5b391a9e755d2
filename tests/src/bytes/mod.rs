//! The bodies of the fuzz targets: each takes any bytes and panics if a rule is broken.
//!
//! `tests/fuzz` calls them from libFuzzer, `tests/bytes` calls them in every `cargo test`. A body is a pure function of
//! its bytes: no clock, no randomness, no state that outlives a call.

mod client;
mod codec;
mod decoder;
mod input;
mod macro_input;
mod messages;
mod server;
mod services;
mod steps;
mod values;
mod verdicts;

pub use client::client;
pub use codec::codec;
pub use decoder::decoder;
pub use macro_input::macro_input;
pub use messages::messages;
pub use server::server;

/// A fuzz target: its name, its body, and how long an input is worth trying.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the target, of its corpus and of its function.
    pub name: &'static str,
    /// The check that is run on an input.
    pub body: fn(&[u8]),
    /// Longest input that is tried: longer ones cost time and reach no more code.
    pub longest: usize,
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target { name: "decoder", body: decoder, longest: 512 },
    Target { name: "messages", body: messages, longest: 256 },
    Target { name: "codec", body: codec, longest: 512 },
    Target { name: "server", body: server, longest: 256 },
    Target { name: "client", body: client, longest: 256 },
    Target { name: "macro_input", body: macro_input, longest: 192 },
];
