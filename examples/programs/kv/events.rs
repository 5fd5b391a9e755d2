//! Writes the framework's events for operators to standard error, one line each.

use rpc_examples::messages::{Lines, say};
use tracing::level_filters::LevelFilter;

/// The environment variable for the level: error, warn, info, debug, trace or off.
const WISH: &str = "RUST_LOG";

/// Shows events of this level and above, unless the environment variable has another level.
pub(crate) fn show(level: LevelFilter) {
    let level = match std::env::var(WISH).as_deref() {
        Err(_) | Ok("") => level,
        Ok(wish) => wish.parse().unwrap_or_else(|_| {
            say(format_args!(
                "kv: {WISH}={wish} is not a level (error, warn, info, debug, trace or off); it is ignored"
            ));
            level
        }),
    };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Lines) // no thread of the server waits for a reader
        .log_internal_errors(false)
        .with_ansi(false);
    let _ = lines.try_init(); // fails if there is a subscriber already; that one is used then
}
