//! The hook that gives each call of a client a span, and its identity to the server.

use rpc_core::panics::contain;
use rpc_core::{ClientHook, OutgoingCall, Refused, Verdict};
use tracing::{Level, Span, field};

use crate::context::{TRACEPARENT, TraceContext};

/// A span `rpc.client` for each call of a client, from its beginning until its verdict is taken: `kv.call.around(ClientSpans::new())`.
///
/// Its parent is the `traceparent` in the metadata of the client if the program has set one, else the [`TraceContext::current`] of
/// the thread; without either it begins a trace. The server gets its identity as `traceparent`. A call whose metadata has no room for
/// that is sent without, and the server's span begins a trace.
///
/// | field | value |
/// |---|---|
/// | `otel.kind`, `otel.name` | `client`, and `Service.method`: names that exporters to OpenTelemetry know |
/// | `server.address` | the server's address as the call began |
/// | `trace_id`, `span_id`, `parent_id` | its place in the trace, in hexadecimal |
/// | `verdict` | the [`Verdict`], when it ends |
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientSpans(());

impl ClientSpans {
    /// Returns the hook.
    pub fn new() -> Self {
        ClientSpans(())
    }
}

impl ClientHook for ClientSpans {
    /// `None` if no subscriber wants the span.
    type State = Option<Span>;

    fn before(&self, call: &mut OutgoingCall) -> Result<Option<Span>, Refused> {
        let own = call.metadata().get(TRACEPARENT).and_then(TraceContext::parse);
        let parent = own.filter(|own| !own.is_passed_on()).or_else(TraceContext::current);
        // A subscriber that panics costs the span, and not the call.
        let opened = contain(|| open(call, parent)).flatten();
        let context = opened.as_ref().map(|(_, context)| *context);
        // Without a span the trace goes on all the same: the server's span is then a child of the parent.
        if let Some(context) = context.or(parent) {
            let _ = call.set_metadata(TRACEPARENT, &context.to_string()); // or there is no room for it
        }
        Ok(opened.map(|(span, _)| span))
    }

    fn after(&self, _: &OutgoingCall, span: Option<Span>, verdict: Verdict) {
        if let Some(span) = span {
            crate::end(span, "verdict", verdict);
        }
    }
}

/// Opens the span of a call, if a subscriber wants it.
fn open(call: &OutgoingCall, parent: Option<TraceContext>) -> Option<(Span, TraceContext)> {
    if !tracing::span_enabled!(target: crate::TARGET, Level::INFO) {
        return None;
    }
    let context = parent.map_or_else(TraceContext::root, |parent| parent.child());
    let span = tracing::info_span!(
        target: crate::TARGET,
        "rpc.client",
        otel.kind = "client",
        otel.name = call.method().name,
        server.address = %call.peer(),
        trace_id = %format_args!("{:032x}", context.trace_id()),
        span_id = %format_args!("{:016x}", context.span_id()),
        parent_id = parent.map(|parent| field::display(format!("{:016x}", parent.span_id()))),
        verdict = field::Empty,
    );
    (!span.is_disabled()).then_some((span, context))
}
