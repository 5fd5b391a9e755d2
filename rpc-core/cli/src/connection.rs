//! Connects to the server of the command line.

use rpc_core::{ClientLimits, Connector};
use rpc_json::JsonClient;

use crate::arguments::Server;
use crate::status::Failure;

/// The service that describes a server.
const REFLECTION: &str = "ServerReflection";

/// Returns a client for the methods of these services, with so many calls in flight.
pub(crate) fn connect(server: &Server, services: &[&str], slots: u16) -> Result<JsonClient, Failure> {
    let limits = ClientLimits::default();
    // The time for a connection is no longer than that for a call.
    let connect = server.deadline.map_or(limits.connect, |deadline| deadline.min(limits.connect));
    let connector = Connector::new().limits(ClientLimits { connect, slots, ..limits });
    let client = JsonClient::connect(connector, server.addr.as_str(), services)?;
    Ok(match server.deadline {
        Some(deadline) => client.with_deadline(deadline),
        None => client,
    })
}

/// Returns a client that asks only for descriptions.
pub(crate) fn asking(server: &Server) -> Result<JsonClient, Failure> {
    connect(server, &[REFLECTION], 1)
}

/// Returns the service of a method.
pub(crate) fn service_of(method: &str) -> Result<&str, Failure> {
    match method.split_once('.') {
        Some((service, name)) if !service.is_empty() && !name.is_empty() => Ok(service),
        _ => Err(Failure::usage(format_args!(
            "`{method}` names no method: write it as Service.method, as `rpc list` does"
        ))),
    }
}
