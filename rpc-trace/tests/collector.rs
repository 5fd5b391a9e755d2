//! A subscriber that keeps each span of the thread that has ended.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span that has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) name: &'static str,
    fields: BTreeMap<&'static str, String>,
    /// The number of times that it was entered.
    pub(crate) entered: u32,
}

impl Ended {
    /// Returns a field, or an empty text.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Visit for Ended {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// Collects the spans of this crate's target but those of a name.
#[derive(Clone, Default)]
struct Collector {
    ended: Arc<Mutex<Vec<Ended>>>,
    without: Option<&'static str>,
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == rpc_trace::TARGET && self.without != Some(metadata.name())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it was just made");
        let mut ended = Ended { name: span.name(), ..Ended::default() };
        attributes.record(&mut ended);
        span.extensions_mut().insert(ended);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        if let Some(ended) = span.extensions_mut().get_mut::<Ended>() {
            values.record(ended);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        if let Some(ended) = span.extensions_mut().get_mut::<Ended>() {
            ended.entered += 1;
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is about to end");
        let ended = span.extensions_mut().remove::<Ended>();
        self.ended.lock().expect("no panic").extend(ended);
    }
}

/// Runs code, and returns the spans that ended on its thread meanwhile.
pub(crate) fn spans_of(code: impl FnOnce()) -> Vec<Ended> {
    spans_without(None, code)
}

/// Does so with a subscriber that wants no spans of this name.
pub(crate) fn spans_without(without: Option<&'static str>, code: impl FnOnce()) -> Vec<Ended> {
    let collector = Collector { without, ..Collector::default() };
    let ended = Arc::clone(&collector.ended);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(collector), code);
    std::mem::take(&mut *ended.lock().expect("no panic"))
}
