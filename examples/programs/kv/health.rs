//! `kv health`: asks a server if it wants calls, and answers with an exit status, for load balancers and supervisors.

use rpc_core::{HealthClient, HealthState};
use rpc_examples::status::{Failure, Status};
use serde_json::json;

use crate::arguments::ClientOptions;
use crate::commands::connector;
use crate::output::answer;

/// Prints the state of the server. Every state but `serving` is a negative answer.
pub(crate) fn health(options: &ClientOptions) -> Result<(), Failure> {
    let asks: HealthClient = connector(options, 1).connect(options.addr.as_str())?;
    let state = asks.check()?;
    asks.call.close();
    answer(options.format, Some(&state.to_string()), &json!({"state": state.to_string()}))?;
    if state == HealthState::Serving { Ok(()) } else { Err(Failure::new(Status::Negative, "")) }
}
