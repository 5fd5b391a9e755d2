//! `rpc list`: the services of a server and their methods.

use std::error::Error;
use std::io::Write;

use rpc_core::reflection::ReflectionClient;
use rpc_core::{Connector, Escaped};

/// Writes the services and their methods, a line for each.
pub(crate) fn list(server: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let asks: ReflectionClient = Connector::new().connect(server)?;
    for service in asks.server()?.services {
        writeln!(out, "{}", Escaped(&service.name))?;
        for method in asks.whole_service(&service.name)?.into_iter().flat_map(|service| service.methods) {
            writeln!(out, "  {}", Escaped(&method.signature))?;
        }
    }
    Ok(())
}
