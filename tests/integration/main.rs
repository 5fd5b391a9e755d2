//! All integration tests in one binary: a list of modules.

mod attack;
mod by_name;
mod client;
mod client_edges;
mod client_hostile;
mod contracts;
mod drain;
mod killed;
mod lost;
mod raw_client;
mod raw_server;
mod server;
mod server_hostile;
mod server_life;
mod test_service;
mod throughput;
