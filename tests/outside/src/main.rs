//! The first program of a user: a trait, an implementation, a server, a client; and private traits of which
//! a program uses one side, or neither; and tests of the service in the simulator. None of it may cause a warning.
#![deny(warnings)]

use rpc_core::{Server, rpc};

/// Greets.
#[rpc]
pub trait Greeter {
    /// A greeting for `name`.
    fn greet(&self, name: &str) -> String;
}

/// Only its server is used.
#[rpc]
trait ServedHere {
    fn served(&self, name: &str) -> Result<String, u8>;
    fn served_and_never_named(&self);
}

/// Only its client is used, and of that one method, which waits.
#[rpc]
trait ServedElsewhere {
    fn used(&self);
    fn not_used(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8;
}

/// Neither side is used.
#[rpc]
trait NotUsed {
    fn not_used(&self) -> Vec<u8>;
}

struct Polite;

impl ServedHere for Polite {
    fn served(&self, name: &str) -> Result<String, u8> {
        Ok(name.to_owned())
    }
    fn served_and_never_named(&self) {}
}

impl Greeter for Polite {
    fn greet(&self, name: &str) -> String {
        format!("hello, {name}")
    }
}

fn use_one_method(client: &ServedElsewhereClient) -> Result<(), rpc_core::CallError> {
    client.used()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder()
        .service(GreeterServer::new(Polite))
        .service(ServedHereServer::new(Polite))
        .bind("127.0.0.1:0")?
        .spawn()?;
    let greeter = GreeterClient::connect(server.local_addr())?;
    assert_eq!(greeter.greet("world")?, "hello, world");
    println!("{}", greeter.greet("world")?);
    let elsewhere = ServedElsewhereClient::connect(server.local_addr()).map(|client| use_one_method(&client));
    assert!(elsewhere.is_err(), "nothing here serves it, and connecting says so");
    drop(greeter);
    server.stop()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rpc_sim::{Faults, Network, in_process};

    use super::{GreeterClient, GreeterServer, Polite};

    #[test]
    fn the_service_answers_in_process() {
        let greeter: GreeterClient = in_process(GreeterServer::new(Polite));
        assert_eq!(greeter.greet("test").expect("no faults"), "hello, test");
    }

    #[test]
    fn the_service_answers_over_a_network_that_loses_frames() {
        let network = Network::new(1, Faults::none().drop(0.1).duplicate(0.3));
        network.serve(GreeterServer::new(Polite));
        let greeter: GreeterClient = network.client();
        network.partition(Duration::from_secs(1));
        for _ in 0..20 {
            assert_eq!(greeter.greet("test").expect("the deadline is longer"), "hello, test");
        }
        assert!(network.faults_seen().dropped > 0, "{network:?}");
    }
}
