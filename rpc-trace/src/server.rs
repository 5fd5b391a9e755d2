//! The hook that gives each call of a service a span, which belongs to the trace of its caller.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rpc_core::panics::contain;
use rpc_core::{CallContext, Refused, ServerHook, Status};
use tracing::{Level, Span, field};

use crate::context::{TRACEPARENT, TraceContext};

/// A span `rpc.server` for each call that reaches a service, from its beginning until its reply: `Around::new(service,
/// ServerSpans::new())`. The handler runs in it, so that spans and events of the handler are below it, and so are the calls that it
/// makes on its thread through a client with [`ClientSpans`](crate::ClientSpans).
///
/// Its parent is the `traceparent` in the metadata of the call. One that is not well formed is ignored: the span begins a trace. A call
/// that is sent again by the network or its client has one span, as it runs once.
///
/// | field | value |
/// |---|---|
/// | `otel.kind`, `otel.name` | `server`, and `Service.method`: names that exporters to OpenTelemetry know |
/// | `call` | the name of the call: session, slot and sequence number |
/// | `trace_id`, `span_id`, `parent_id` | its place in the trace, in hexadecimal |
/// | `status` | the [`Status`] of its reply, when it ends |
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerSpans(());

impl ServerSpans {
    /// Returns the hook.
    pub fn new() -> Self {
        ServerSpans(())
    }
}

/// The span of a call that has begun, and its place in the trace.
#[derive(Debug)]
pub struct OpenSpan {
    /// The span; `None` if no subscriber wants it.
    span: Option<Span>,
    /// The context of the handler: that of the span, or without one that of the caller.
    context: Option<TraceContext>,
    /// The context that the caller has sent.
    received: Option<TraceContext>,
}

impl ServerHook for ServerSpans {
    type State = OpenSpan;

    fn before(&self, cx: &CallContext) -> Result<OpenSpan, Refused> {
        let parent = cx.metadata().get(TRACEPARENT).and_then(TraceContext::parse);
        // A subscriber that panics costs the span, and not the call.
        Ok(match contain(|| open(cx, parent)).flatten() {
            Some((span, context)) => OpenSpan { span: Some(span), context: Some(context), received: parent },
            None => OpenSpan { span: None, context: parent, received: parent },
        })
    }

    fn run<R>(&self, state: &OpenSpan, handler: impl FnOnce() -> R) -> R {
        let handler = || match &state.span {
            Some(span) => run_in(span, handler),
            None => handler(),
        };
        match state.context {
            Some(context) => context.in_handler(state.received, handler),
            None => handler(),
        }
    }

    fn after(&self, _: &CallContext, state: OpenSpan, status: Status) {
        if let Some(span) = state.span {
            crate::end(span, "status", status);
        }
    }
}

/// Runs code in a span. A subscriber that panics costs neither the code nor its result.
fn run_in<R>(span: &Span, code: impl FnOnce() -> R) -> R {
    let entered = contain(|| span.enter());
    let ended = catch_unwind(AssertUnwindSafe(code)); // the span is left first: a second panic while unwinding ends the process
    contain(|| drop(entered));
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Opens the span of a call, if a subscriber wants it.
fn open(cx: &CallContext, parent: Option<TraceContext>) -> Option<(Span, TraceContext)> {
    if !tracing::span_enabled!(target: crate::TARGET, Level::INFO) {
        return None;
    }
    let context = parent.map_or_else(TraceContext::root, |parent| parent.child());
    let span = tracing::info_span!(
        target: crate::TARGET,
        parent: None, // what the loop's thread does otherwise has nothing to do with the call
        "rpc.server",
        otel.kind = "server",
        otel.name = cx.method().name,
        call = %cx.call(),
        trace_id = %format_args!("{:032x}", context.trace_id()),
        span_id = %format_args!("{:016x}", context.span_id()),
        parent_id = parent.map(|parent| field::display(format!("{:016x}", parent.span_id()))),
        status = field::Empty,
    );
    (!span.is_disabled()).then_some((span, context))
}
