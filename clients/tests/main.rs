//! Clients in other languages, generated and run against the real server: their values, their verdicts, and the bad network.

mod contracts;
mod folder;
mod network;
mod random;
mod services;
mod values;
mod verdicts;
