//! The proof: thousands of seeded runs of the production protocol code, each with every invariant looked at after every step.

mod bench;
mod client_table;
mod greeting;
mod handles;
mod hooks;
mod hostile_server;
mod random_runs;
mod repeats;
mod table;
mod users;
