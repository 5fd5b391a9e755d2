//! `kv serve`: serves the store until a signal ends it.

use std::sync::Arc;

use rpc_core::{Health, HealthState, ServeError, Server};
use rpc_examples::children::end_with_parent;
use rpc_examples::messages::say;
use rpc_examples::signals::drain_on_signal;
use rpc_examples::status::{Failure, Status};
use tracing::level_filters::LevelFilter;

use crate::api::KvServer;
use crate::arguments::{ClientOptions, ServeOptions};
use crate::events;
use crate::output::listening;
use crate::stats::{Figures, KvStatsServer};
use crate::store::Store;

/// Serves until drained.
pub(crate) fn serve(client: &ClientOptions, options: &ServeOptions) -> Result<(), Failure> {
    events::show(match (options.verbose, options.quiet) {
        (true, _) => LevelFilter::INFO,
        (_, true) => LevelFilter::ERROR,
        _ => LevelFilter::WARN,
    });
    let store = Arc::new(Store::default());
    let figures = Arc::new(Figures::of(Arc::clone(&store)));
    let health = Health::new();
    let server = Server::builder()
        .service(KvServer::shared(store))
        .service(KvStatsServer::shared(Arc::clone(&figures)))
        .service(health.clone())
        .loops(options.loops)
        .limits(options.limits.0.clone())
        .at_most_once(!options.no_filter)
        .bind(client.addr.as_str())
        .map_err(|error| cannot_serve(&error))?;
    let handle = server.handle();
    figures.set_server(handle.clone());
    drain_on_signal(handle.clone(), health.clone(), options.notice)?;
    if options.end_with_parent {
        end_with_parent()?;
    }
    health.set(HealthState::Serving);
    let _ = listening(client.format, server.local_addr()); // a reader that has closed the pipe must not end the server
    server.run()?; // a loop that fails ends the program with its error
    let seen = handle.counters();
    let (calls, runs, duplicates) = (seen.calls, seen.executions, seen.duplicates());
    say(format_args!(
        "drained: {calls} calls arrived, {runs} ran, {duplicates} duplicates did not run again"
    ));
    Ok(())
}

fn cannot_serve(error: &ServeError) -> Failure {
    Failure::new(Status::Usage, error)
}
