//! Asks the server for its methods and their types, so that arguments can be shown by name and value.

use std::io::{self, Write};
use std::time::Duration;

use rpc_core::ids::MethodId;
use rpc_core::reflection::ReflectionClient;
use rpc_core::{CallError, Client, ConnectError, Connector, Escaped};
use rpc_frames::Methods;

use crate::status::{Failure, Status};

use super::socket::Server;

/// The time for a connection: a server that runs answers in a millisecond, and one that is starting has a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the methods of the service that describes servers: they are known without a server.
pub(super) fn of_reflection() -> Methods {
    Methods::of(&[ReflectionClient::CONTRACT])
}

/// Asks the server at this address. One that does not describe itself is no failure: then bytes are shown as bytes.
pub(super) fn ask(server: &Server, address: &str) -> Result<Methods, Failure> {
    let connector = Connector::new().connect_timeout(PATIENCE).fail_fast(true);
    match connector.connect::<ReflectionClient>(address) {
        Ok(asks) => {
            let found = methods(&asks);
            asks.call.close();
            found.or_else(|error| {
                without(&format!("the server did not describe itself: {error}"));
                Ok(of_reflection())
            })
        }
        Err(error @ ConnectError::NoSuchService { .. }) => {
            without(&error.to_string());
            Ok(of_reflection())
        }
        Err(error @ ConnectError::Rejected { .. }) => Err(Failure::new(Status::Mismatch, error.to_string())),
        Err(error) if server.connect().is_ok() => {
            let text =
                format!("{} accepts connections and does not speak this protocol: {error}", Escaped(address));
            Err(Failure::new(Status::Mismatch, text))
        }
        Err(error) => Err(Failure::new(
            Status::Unreachable,
            format!("{error} (--without-types starts before the server does)"),
        )),
    }
}

/// Says on standard error that types are not known.
fn without(why: &str) {
    let _ = writeln!(io::stderr(), "rpc: {why}; arguments are shown as bytes"); // nothing can be done about standard error
}

fn methods(asks: &ReflectionClient) -> Result<Methods, CallError> {
    let mut methods = of_reflection();
    for service in asks.server()?.services {
        let whole = asks.whole_service(&service.name)?;
        for method in whole.into_iter().flat_map(|service| service.methods) {
            methods.add(MethodId(method.id), &method.name, &method.signature, method.formats().ok());
        }
    }
    Ok(methods)
}
