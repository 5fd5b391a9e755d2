//! `rpc call`: one call, or one for each line of input.

use std::time::Duration;

use rpc_json::{Decoded, Encoded, JsonError, JsonPending};

use crate::arguments::CallOptions;
use crate::connection::{connect, service_of};
use crate::status::{Failure, Status};
use crate::{lines, output, words};

/// Makes the calls of the command line, and writes their values.
pub(crate) fn call(options: &CallOptions) -> Result<(), Failure> {
    let service = service_of(&options.method)?;
    let slots = if options.lines { options.in_flight } else { 1 };
    let client = connect(&options.server, &[service], slots)?;
    let method = client.method(&options.method)?;
    if options.lines {
        return lines::call_each(&client, &method, options);
    }
    let arguments = Encoded(words::arguments(&method, &options.words)?);
    let value = end(client.start_encoded(method, &arguments), options.resolve);
    match value {
        Ok(value) => output::json(&value)?,
        Err(JsonError::Service(error)) => {
            return Err(Failure::new(Status::Negative, error).during(&options.method));
        }
        Err(error) => return Err(error.into()),
    }
    client.close();
    Ok(())
}

/// Waits for a call; and, if it is unknown whether it ran, for what became of it.
pub(crate) fn end(pending: JsonPending, resolve: Option<Duration>) -> Result<Decoded, JsonError> {
    match (pending.wait(), resolve) {
        (Err(JsonError::Call(failed)), Some(limit)) => failed.resolve(limit),
        (ended, _) => ended,
    }
}
