//! Lesson 4, the server of the pair: `cargo run --bin kv_server` in one terminal, `kv_client` in another.

mod api;
mod store;

use std::error::Error;

use api::KvServer;
use rpc_core::Server;
use rpc_examples::signals::wait_for_signal;
use store::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let server = Server::builder().service(KvServer::new(Store::default())).bind(addr)?;
    println!("listening on {}", server.local_addr()); // with port 0 the operating system chooses a free port
    server.run_until(|| drop(wait_for_signal()))?; // until ^C or SIGTERM; then it finishes the calls under way
    Ok(())
}
