//! All integration tests in one binary: a list of modules.

mod addresses;
mod around;
mod attack;
mod by_name;
#[cfg(target_os = "linux")]
mod children;
mod client;
mod client_edges;
mod client_hooks;
mod client_hostile;
mod contracts;
mod drain;
mod echo;
mod endings;
mod fail_fast;
mod failing_log;
mod fork;
mod given_up;
mod killed;
mod later;
mod left_behind;
mod lost;
mod metadata;
mod nesting;
mod raw_client;
mod raw_server;
mod reflection;
mod replayed;
mod server;
mod server_hostile;
mod server_life;
mod service_errors;
mod settings;
mod test_service;
mod throughput;
mod types;
#[cfg(unix)]
mod unix_sockets;
mod until;
