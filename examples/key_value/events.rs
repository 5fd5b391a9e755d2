//! What the framework tells operators, on standard error, a line each. A whole subscriber crate would do more, for four
//! seconds of every first build.

use std::fmt::{Debug, Write as _};
use std::io::{self, Write as _};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The environment's wish for more or less: error, warn, info, debug, trace or off.
const WISH: &str = "RUST_LOG";

/// Shows events of this level and above, unless the environment wishes for another one.
pub(crate) fn show(level: LevelFilter) {
    let level = match std::env::var(WISH).as_deref() {
        Err(_) | Ok("") => level,
        Ok(wish) => wish.parse().unwrap_or_else(|_| {
            eprintln!(
                "kv: {WISH}={wish} is no level: error, warn, info, debug, trace or off; it is left aside"
            );
            level
        }),
    };
    let _ = tracing::subscriber::set_global_default(Events { level }); // fails if there is one, and then that one shows
}

struct Events {
    level: LevelFilter,
}

impl Subscriber for Events {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        about.is_event() && *about.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let about = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let line =
            format!("{now} {:>5} {}: {}{}\n", about.level(), about.target(), text.message, text.fields);
        let _ = io::stderr().write_all(line.as_bytes()); // in one piece; nobody who reads it is no reason to fail
    }

    // The framework has no spans; those of others are not shown.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message of an event, and its fields as ` name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
