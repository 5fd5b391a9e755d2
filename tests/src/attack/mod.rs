//! Attacks on real processes and sockets: a table of named cases, and the programs that carry them out.
//!
//! ```text
//! case        the table's row; a trial with its checks; a scene: a server process, a healthy client, figures
//! memory arguments fairness time sessions threads decoding frames logs      cases against a server
//! client                                                           cases against the real client
//! service, process     the server under attack        attacker, flood, healthy      those that connect to it
//! hostile_server, client_scripts     the servers that attack a client
//! siege                everything at once
//! ```

mod arguments;
mod attacker;
pub(crate) mod case;
mod client;
mod client_scripts;
mod decoding;
mod fairness;
mod flood;
mod frames;
mod healthy;
mod hostile_server;
mod logs;
mod memory;
mod process;
pub(crate) mod service;
mod sessions;
pub(crate) mod siege;
mod threads;
mod time;

pub use service::{SERVE, serve};

use case::Case;

/// All cases, in the order of their families.
pub(crate) fn cases() -> Vec<&'static Case> {
    let families: [&'static [Case]; 11] = [
        memory::CASES,
        arguments::CASES,
        fairness::CASES,
        time::CASES,
        sessions::CASES,
        threads::CASES,
        decoding::CASES,
        frames::CASES,
        logs::CASES,
        client::CASES,
        client::MORE,
    ];
    families.into_iter().flatten().collect()
}
