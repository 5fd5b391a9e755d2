//! All integration tests in one binary: a list of modules.

mod addresses;
mod attack;
mod by_name;
#[cfg(target_os = "linux")]
mod children;
mod client;
mod client_edges;
mod client_hostile;
mod contracts;
mod endings;
mod failing_log;
mod fork;
mod given_up;
#[path = "../../docs/guide/programs/replies_later.rs"]
mod guide_replies_later;
mod killed;
mod later;
mod lost;
mod raw_client;
mod raw_server;
mod replayed;
mod server;
mod server_hostile;
mod server_life;
mod settings;
mod test_service;
mod throughput;
