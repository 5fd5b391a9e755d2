//! `kv serve`: serves the store until a signal ends it.

use std::sync::Arc;

use listenfd::ListenFd;
use rpc_core::{Health, HealthState, Listener, ServeError, Server, ServerBuilder, Service};
use rpc_examples::children::end_with_parent;
use rpc_examples::messages::say;
use rpc_examples::signals::drain_on_signal;
use rpc_examples::status::{Failure, Status};
use rpc_metrics::{Metrics, MetricsPort};
use tracing::level_filters::LevelFilter;

use crate::api::KvServer;
use crate::arguments::{ClientOptions, ServeOptions};
use crate::durable::{self, DurableStore};
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
    let health = Health::new();
    let metrics = options.metrics.as_ref().map(|_| Metrics::new());
    let (server, figures) = with_pairs(options, metrics.as_ref())?;
    let server = server
        .service(KvStatsServer::shared(Arc::clone(&figures)))
        .service(health.clone())
        .loops(options.loops)
        .limits(options.limits.0.clone())
        .at_most_once(!options.no_filter);
    let server = match options.inherited {
        true => server.listen_on(inherited()?),
        false => server.bind(client.addr.as_str()),
    };
    let server = server.map_err(|error| cannot_serve(&error))?;
    let handle = server.handle();
    figures.set_server(handle.clone());
    let port = metrics.zip(options.metrics.as_deref()).map(|(metrics, address)| {
        metrics.add_server(handle.clone());
        show(&metrics, address)
    });
    let _port = port.transpose()?; // open until the server has ended
    drain_on_signal(handle.clone(), health.clone(), options.notice)?;
    if options.end_with_parent {
        end_with_parent()?;
    }
    health.set(HealthState::Serving);
    for address in server.addresses() {
        let _ = listening(client.format, address); // a reader that has closed the pipe must not end the server
    }
    server.run()?; // a loop that fails ends the program with its error
    let seen = handle.counters();
    let (calls, runs, duplicates) = (seen.calls, seen.executions, seen.duplicates());
    say(format_args!(
        "drained: {calls} calls arrived, {runs} ran, {duplicates} duplicates did not run again"
    ));
    Ok(())
}

/// Returns a server of the pairs, in memory or in a folder, and its figures.
fn with_pairs(
    options: &ServeOptions,
    metrics: Option<&Metrics>,
) -> Result<(ServerBuilder, Arc<Figures>), Failure> {
    let Some(folder) = &options.data else {
        let store = Arc::new(Store::default());
        let server = with_service(KvServer::shared(Arc::clone(&store)), metrics);
        return Ok((server, Arc::new(Figures::of(move || store.lock().len() as u64))));
    };
    let store = durable::open(folder)?;
    if options.set_back {
        store.forget_sessions().map_err(|error| Failure::new(Status::Usage, error))?;
    }
    let server = with_service(KvServer::new(DurableStore::new(store.clone())), metrics);
    let server = server.durable(store.clone());
    Ok((server, Arc::new(Figures::of(move || durable::pairs(&store)))))
}

/// Returns a server with this service, whose calls are counted if there are metrics.
fn with_service(service: impl Service, metrics: Option<&Metrics>) -> ServerBuilder {
    match metrics {
        Some(metrics) => Server::builder().service(metrics.around(service)),
        None => Server::builder().service(service),
    }
}

/// Shows the metrics at an address.
fn show(metrics: &Metrics, address: &str) -> Result<MetricsPort, Failure> {
    let wrong = |error| Failure::new(Status::Usage, format!("--metrics {address}: {error}"));
    let port = metrics.serve(address).map_err(wrong)?;
    say(format_args!("metrics at http://{}/metrics", port.local_addr()));
    Ok(port)
}

/// Returns the sockets that systemd, or another parent, has handed over: TCP or Unix.
fn inherited() -> Result<Vec<Listener>, Failure> {
    let mut handed_over = ListenFd::from_env();
    let mut listeners = Vec::new();
    for at in 0..handed_over.len() {
        // Which of the two it is shows only the attempt, which leaves a socket of another kind at its place.
        let tcp = handed_over.take_tcp_listener(at).map(|found| found.map(Listener::from));
        let found =
            tcp.or_else(|_| handed_over.take_unix_listener(at).map(|found| found.map(Listener::from)));
        listeners.extend(found.map_err(|error| {
            Failure::new(Status::Usage, format!("the socket {at} of LISTEN_FDS cannot be used: {error}"))
        })?);
    }
    if listeners.is_empty() {
        let why = "--inherited, but no socket was handed over: LISTEN_FDS and LISTEN_PID name none";
        return Err(Failure::new(Status::Usage, why));
    }
    Ok(listeners)
}

fn cannot_serve(error: &ServeError) -> Failure {
    Failure::new(Status::Usage, error)
}
