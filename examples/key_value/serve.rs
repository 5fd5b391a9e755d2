//! `kv serve`: the store behind a server, until a signal ends it.

use std::sync::Arc;

use rpc_core::{ServeError, Server};
use rpc_examples::children::end_with_parent;
use rpc_examples::signals::drain_on_signal;
use rpc_examples::status::{Failure, Status};
use tracing::level_filters::LevelFilter;

use crate::api::KvServer;
use crate::arguments::{ClientOptions, ServeOptions};
use crate::events;
use crate::output::listening;
use crate::store::Store;

/// Serves until drained.
pub(crate) fn serve(client: &ClientOptions, options: &ServeOptions) -> Result<(), Failure> {
    events::show(match (options.verbose, options.quiet) {
        (true, _) => LevelFilter::INFO,
        (_, true) => LevelFilter::ERROR,
        _ => LevelFilter::WARN,
    });
    let store = Arc::new(Store::default());
    let server = Server::builder()
        .service(KvServer::shared(Arc::clone(&store)))
        .loops(options.loops)
        .at_most_once(!options.no_filter)
        .bind(client.addr.as_str())
        .map_err(|error| cannot_serve(&error))?;
    let handle = server.handle();
    store.is_served_by(handle.clone());
    drain_on_signal(handle.clone())?;
    if options.end_with_parent {
        end_with_parent()?;
    }
    let _ = listening(client.format, server.local_addr()); // whoever does not read it must not end the server
    server.run().map_err(|error| cannot_serve(&error))?;
    let seen = handle.counters();
    let (calls, runs, duplicates) = (seen.calls, seen.executions, seen.duplicates());
    eprintln!(
        "drained: {calls} calls came, {runs} ran, {duplicates} duplicates were kept from running again"
    );
    Ok(())
}

fn cannot_serve(error: &ServeError) -> Failure {
    Failure::new(Status::Usage, error)
}
