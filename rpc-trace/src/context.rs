//! The place of a span in its trace, as W3C Trace Context, level 1, writes it: <https://www.w3.org/TR/trace-context-1/>.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::num::{NonZeroU64, NonZeroU128};

/// The key of the metadata that has a trace context: the name of the header of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// Bytes of a `traceparent` of version 00: two digits, 32, 16, two, and a dash between each.
const LENGTH: usize = 55;

/// The bit of the flags that says that the span is recorded. Level 1 defines no other.
const SAMPLED: u8 = 1;

/// The identity of a span, and of the trace that it belongs to.
///
/// ```
/// use rpc_trace::TraceContext;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context = TraceContext::parse(text).expect("it is well formed");
/// assert_eq!(context.to_string(), text);
/// assert_eq!(context.child().trace_id(), context.trace_id());
/// assert_eq!(TraceContext::parse("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"), None); // no capitals
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace, for all of its spans alike.
    trace: NonZeroU128,
    /// The span.
    span: NonZeroU64,
    /// True if a caller before has recorded the trace.
    sampled: bool,
}

thread_local! {
    /// The scope of the code that this thread runs.
    static CURRENT: Cell<Option<Scope>> = const { Cell::new(None) };
}

/// The context of some code, and that of the call for which it runs.
#[derive(Clone, Copy)]
struct Scope {
    context: TraceContext,
    /// The context that the caller has sent; `None` outside of a handler, and if it has sent none.
    received: Option<TraceContext>,
}

impl TraceContext {
    /// Returns the first span of a new trace, with random identities.
    pub fn root() -> Self {
        let trace = loop {
            let number = u128::from(random()) << 64 | u128::from(random());
            if let Some(number) = NonZeroU128::new(number) {
                break number;
            }
        };
        TraceContext { trace, span: random_span(), sampled: true }
    }

    /// Returns a new span of the same trace.
    pub fn child(&self) -> Self {
        TraceContext { span: random_span(), ..*self }
    }

    /// Reads a `traceparent`. Returns `None` if it is not of the form that W3C Trace Context gives it, to the byte: then a trace
    /// begins anew.
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.as_bytes().split_at_checked(LENGTH)?;
        let [v0, v1, b'-', fields @ ..] = known else { return None };
        let version = hex(&[*v0, *v1])?;
        // A later version may have more fields behind those of version 00, after a dash. 255 is no version.
        let is_known = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        let (trace, fields) = fields.split_at_checked(32)?;
        let [b'-', fields @ ..] = fields else { return None };
        let (span, fields) = fields.split_at_checked(16)?;
        let [b'-', flags @ ..] = fields else { return None };
        let (trace, span, flags) = (hex(trace)?, hex(span)?, hex(flags)?);
        let span = NonZeroU64::new(u64::try_from(span).ok()?)?;
        let sampled = flags & u128::from(SAMPLED) != 0;
        is_known.then_some(TraceContext { trace: NonZeroU128::new(trace)?, span, sampled })
    }

    /// Returns the identity of the trace.
    pub fn trace_id(&self) -> u128 {
        self.trace.get()
    }

    /// Returns the identity of the span.
    pub fn span_id(&self) -> u64 {
        self.span.get()
    }

    /// Returns true if the trace is recorded, as far as its caller knows. It is passed on, and decides nothing here.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Returns the context of the code that this thread runs: that of the handler's span, or of [`TraceContext::in_scope`].
    pub fn current() -> Option<Self> {
        scope().map(|scope| scope.context)
    }

    /// Runs code with this context: calls that it makes on this thread belong to the trace, and their parent is this span.
    pub fn in_scope<R>(self, code: impl FnOnce() -> R) -> R {
        self.in_handler(None, code)
    }

    /// Runs the code of a handler whose caller has sent this context.
    pub(crate) fn in_handler<R>(self, received: Option<TraceContext>, code: impl FnOnce() -> R) -> R {
        let scope = Scope { context: self, received };
        let _restored = Restored(CURRENT.try_with(|current| current.replace(Some(scope))).ok().flatten());
        code()
    }

    /// Returns true if this is the context that came with the call for which this thread runs. A handler that passes all metadata on
    /// sends it, and means that its calls belong to its own span.
    pub(crate) fn is_passed_on(&self) -> bool {
        scope().is_some_and(|scope| scope.received == Some(*self))
    }
}

fn scope() -> Option<Scope> {
    CURRENT.try_with(Cell::get).ok().flatten()
}

/// Sets the context of the thread back when it is dropped, also while the thread unwinds.
struct Restored(Option<Scope>);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0)); // a thread that ends has none
    }
}

/// Writes the `traceparent` of the span, of version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.sampled { SAMPLED } else { 0 };
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

/// Returns the value of digits, all of them lower case.
fn hex(digits: &[u8]) -> Option<u128> {
    let value = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    digits.iter().try_fold(0, |sum: u128, digit| Some(sum << 4 | u128::from(value(digit)?)))
}

/// Returns a random number. The keys of a `RandomState` come from the operating system once for each thread; a forked child has a
/// copy of them, and another process id.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

fn random_span() -> NonZeroU64 {
    loop {
        if let Some(number) = NonZeroU64::new(random()) {
            return number;
        }
    }
}
