//! All integration tests in one binary: a list of modules.

mod client;
mod contracts;
mod killed;
mod raw_client;
mod server;
mod server_hostile;
mod server_life;
mod test_service;
mod throughput;
