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
    let server = Server::builder().service(GreeterServer::new(Polite)).bind("127.0.0.1:0")?.spawn()?;
    let greeter = GreeterClient::connect(server.local_addr())?;
    assert_eq!(greeter.greet("world")?, "hello, world");
    println!("{}", greeter.greet("world")?);
    drop(greeter);
    server.stop()?;
    Ok(())
}
