//! A server of the journal, in a process of its own, so that it can be killed: `journal_server ADDRESS FILE`.

#[path = "services.rs"]
#[allow(dead_code)]
mod services;

use rpc_core::Server;
use services::{JournalServer, Lines};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file] = &arguments[..] else { return Err("journal_server ADDRESS FILE".into()) };
    let journal = JournalServer::new(Lines::in_file(file)?);
    let server = Server::builder().service(journal).bind(address.as_str())?.spawn()?;
    println!("listening on {}", server.local_addr());
    // It ends with the test that has started it.
    std::io::read_to_string(std::io::stdin())?;
    Ok(())
}
