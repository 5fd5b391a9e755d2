//! Lesson 1, the lecture's `fn(x, y)` that returns x + y: the trait, the server and the client in one file.

mod bytes;

use std::error::Error;
use std::process::ExitCode;

use rpc_core::{Server, rpc};

/// The methods of the server. `#[rpc]` writes `AdderClient` and `AdderServer` from this trait.
#[rpc]
trait Adder {
    /// The sum of two numbers.
    fn add(&self, x: i64, y: i64) -> i64;
}

/// The server's side: a plain implementation of the trait, which knows nothing of networks.
struct Sum;

impl Adder for Sum {
    fn add(&self, x: i64, y: i64) -> i64 {
        println!("server: add({x}, {y})");
        x + y
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(status) = bytes::asked() {
        return Ok(status); // `hello --bytes` has shown the frames of this call
    }
    // Port 0: the system picks one that is free.
    let server = Server::builder().service(AdderServer::new(Sum)).bind("127.0.0.1:0")?;
    // A server that is a program of its own says `rpc_core::serve(addr, AdderServer::new(Sum))` and needs no thread.
    let server = server.spawn()?;
    ask(server.local_addr())?;
    server.stop()?;
    Ok(ExitCode::SUCCESS)
}

/// The client's side: the same trait, called over TCP. Each call is one request, and one reply or one error.
fn ask(addr: std::net::SocketAddr) -> Result<(), Box<dyn Error>> {
    let adder = AdderClient::connect(addr)?;
    let sum = adder.add(2, 3)?;
    println!("client: 2 + 3 = {sum}");
    Ok(())
}
