//! What a user of the framework writes first: a trait, an implementation, a server, a client.

use rpc_core::{Server, rpc};

/// Greets.
#[rpc]
pub trait Greeter {
    /// A greeting for `name`.
    fn greet(&self, name: &str) -> String;
}

struct Polite;

impl Greeter for Polite {
    fn greet(&self, name: &str) -> String {
        format!("hello, {name}")
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(GreeterServer::new(Polite)).bind("127.0.0.1:0")?;
    let (address, handle) = (server.local_addr(), server.handle());
    let running = std::thread::spawn(move || server.run());
    let greeter = GreeterClient::connect(address)?;
    assert_eq!(greeter.greet("world")?, "hello, world");
    println!("{}", greeter.greet("world")?);
    drop(greeter);
    handle.drain();
    running.join().map_err(|_| "the server panicked")??;
    Ok(())
}
