//! All integration tests in one binary: a list of modules.

mod client;
mod killed;
mod lost;
mod raw_client;
mod server;
mod server_hostile;
mod server_life;
mod test_service;
mod throughput;
