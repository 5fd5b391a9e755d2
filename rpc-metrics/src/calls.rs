//! The hook that counts the calls of a service, or of its clients, by method, and the families of metrics that it counts in.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rpc_core::ids::MethodId;
use rpc_core::{
    CallContext, ClientHook, Contract, Method, OutgoingCall, Reason, Refused, ServerHook, Status, Verdict,
};

use crate::limits::BUCKETS;

/// The label of a method: its name in the contract, never a text of a client.
type OfMethod = [(&'static str, &'static str); 1];

/// The labels of an end: the method and a word of [`Side::ends`].
type OfEnd = [(&'static str, &'static str); 2];

/// The names of the metrics of one side.
#[derive(Debug)]
pub(crate) struct Side {
    /// The name and the help of each family: begun, ended, running, duration.
    families: [(&'static str, &'static str); 4],
    /// The label of an end.
    end: &'static str,
    /// Its values.
    ends: &'static [&'static str],
}

/// The metrics of services. [`place`] is the order of their ends.
pub(crate) static SERVER: Side = Side {
    families: [
        ("rpc_calls_begun", "Calls that have begun"),
        ("rpc_calls_ended", "Calls that have ended, by status"),
        ("rpc_calls_running", "Calls that run now"),
        ("rpc_call_duration_seconds", "Time of a call from its beginning to its end, without the network"),
    ],
    end: "status",
    ends: &[
        "done",
        "failed",
        "panicked",
        "given_up",
        "reply_lost",
        "denied",
        "busy",
        "bad_arguments",
        "refused",
    ],
};

/// The metrics of clients. [`place_of_verdict`] is the order of their ends.
pub(crate) static CLIENT: Side = Side {
    families: [
        ("rpc_client_calls_begun", "Calls of clients that have begun"),
        ("rpc_client_calls_ended", "Calls of clients that have ended, by verdict"),
        ("rpc_client_calls_running", "Calls of clients that have begun and have no verdict yet"),
        (
            "rpc_client_call_duration_seconds",
            "Time of a call from its beginning until its caller takes the verdict, with the network and all attempts",
        ),
    ],
    end: "verdict",
    ends: &[
        "done",
        "failed",
        "panicked",
        "given_up",
        "reply_lost",
        "unknown",
        "cancelled",
        "denied",
        "busy",
        "unreachable",
        "deadline",
        "not_executed",
    ],
};

/// Returns the place of a status in the ends of [`SERVER`].
fn place(status: Status) -> usize {
    match status {
        Status::Done => 0,
        Status::Failed => 1,
        Status::Panicked => 2,
        Status::GivenUp => 3,
        Status::ReplyLost => 4,
        Status::Refused(Reason::Denied) => 5,
        Status::Refused(Reason::Busy) => 6,
        Status::Refused(Reason::BadArguments) => 7,
        Status::Refused(_) => 8,
    }
}

/// Returns the place of a verdict in the ends of [`CLIENT`].
fn place_of_verdict(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Done => 0,
        Verdict::Failed => 1,
        Verdict::Panicked => 2,
        Verdict::GivenUp => 3,
        Verdict::ReplyLost => 4,
        Verdict::Unknown(_) => 5,
        Verdict::Cancelled => 6,
        Verdict::NotExecuted(Reason::Denied) => 7,
        Verdict::NotExecuted(Reason::Busy) => 8,
        Verdict::NotExecuted(Reason::Unreachable) => 9,
        Verdict::NotExecuted(Reason::Deadline) => 10,
        _ => 11, // the other reasons, and verdicts of later versions
    }
}

/// The metrics of all methods on one side. Clones are the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Families {
    /// The names of the ends.
    side: &'static Side,
    /// Calls that have begun.
    begun: Family<OfMethod, Counter>,
    /// Calls that have ended, by status or verdict.
    ended: Family<OfEnd, Counter>,
    /// Calls that run now.
    running: Family<OfMethod, Gauge>,
    /// The time from the beginning of a call to its end.
    duration: Family<OfMethod, Histogram, fn() -> Histogram>,
}

impl Families {
    /// Returns families that a registry shows.
    pub(crate) fn in_registry(registry: &mut Registry, side: &'static Side) -> Self {
        let families = Families {
            side,
            begun: Family::default(),
            ended: Family::default(),
            running: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        };
        let [begun, ended, running, duration] = side.families;
        registry.register(begun.0, begun.1, families.begun.clone());
        registry.register(ended.0, ended.1, families.ended.clone());
        registry.register(running.0, running.1, families.running.clone());
        registry.register(duration.0, duration.1, families.duration.clone());
        families
    }

    /// Returns the metrics of a method, which begin at zero.
    fn of(&self, method: &Method) -> MethodMetrics {
        let name = ("method", method.name);
        let ended =
            self.side.ends.iter().map(|end| self.ended.get_or_create_owned(&[name, (self.side.end, end)]));
        MethodMetrics {
            begun: self.begun.get_or_create_owned(&[name]),
            ended: ended.collect(),
            running: self.running.get_or_create_owned(&[name]),
            duration: self.duration.get_or_create_owned(&[name]),
        }
    }
}

/// The metrics of one method.
struct MethodMetrics {
    /// Calls that have begun.
    begun: Counter,
    /// Calls that have ended, in the order of [`Side::ends`].
    ended: Vec<Counter>,
    /// Calls that run now.
    running: Gauge,
    /// Their times.
    duration: Histogram,
}

/// The hook that counts the calls of one service, or of the clients of one: see [`Metrics::around`](crate::Metrics::around) and
/// [`Metrics::around_client`](crate::Metrics::around_client).
///
/// ```
/// use rpc_core::{Around, CallLimit, Health};
/// use rpc_metrics::{CallCounters, Metrics};
///
/// let health = Health::new();
/// let limit = CallLimit::of(&health, 100);
/// // Outside of the limit, so that the calls that it refuses are counted too.
/// let counted: Around<_, CallCounters> = Metrics::new().around(Around::new(health, limit));
/// ```
pub struct CallCounters {
    /// The metrics of each method of the contract. There is no other label, so a client cannot make one.
    methods: Vec<(MethodId, Arc<MethodMetrics>)>,
}

impl CallCounters {
    /// Returns the counters of a service, each method's at zero or where another service of the same contract has them.
    pub(crate) fn of(contract: &Contract, families: &Families) -> Self {
        let mut methods: Vec<_> =
            contract.methods.iter().map(|method| (method.id, Arc::new(families.of(method)))).collect();
        methods.sort_by_key(|(id, _)| id.0);
        CallCounters { methods }
    }

    /// Counts a call that begins. Returns `None` for a method that the contract does not have.
    fn begin(&self, method: &Method) -> Option<BegunCall> {
        let place = self.methods.binary_search_by_key(&method.id.0, |(id, _)| id.0).ok()?;
        let metrics = Arc::clone(&self.methods[place].1);
        metrics.begun.inc();
        metrics.running.inc();
        Some(BegunCall { metrics, at: Instant::now() })
    }
}

/// A call that has begun. It counts as running until it is dropped.
pub struct BegunCall {
    /// The metrics of its method.
    metrics: Arc<MethodMetrics>,
    /// Its beginning.
    at: Instant,
}

impl BegunCall {
    /// Counts the end of the call, which took so long.
    fn end(self, place: usize, took: Duration) {
        self.metrics.duration.observe(took.as_secs_f64());
        self.metrics.ended[place].inc();
    }
}

impl Drop for BegunCall {
    fn drop(&mut self) {
        self.metrics.running.dec();
    }
}

impl ServerHook for CallCounters {
    /// `None` for a method that the contract does not have, which no service passes on.
    type State = Option<BegunCall>;

    fn before(&self, cx: &CallContext) -> Result<Self::State, Refused> {
        Ok(self.begin(cx.method()))
    }

    fn after(&self, _: &CallContext, call: Self::State, status: Status) {
        let Some(call) = call else { return };
        let took = call.at.elapsed();
        call.end(place(status), took);
    }
}

impl ClientHook for CallCounters {
    /// `None` for a method that the contract does not have: that of a client for another service.
    type State = Option<BegunCall>;

    fn before(&self, call: &mut OutgoingCall) -> Result<Self::State, Refused> {
        Ok(self.begin(call.method()))
    }

    fn after(&self, call: &OutgoingCall, begun: Self::State, verdict: Verdict) {
        if let Some(begun) = begun {
            begun.end(place_of_verdict(verdict), call.elapsed());
        }
    }
}

impl fmt::Debug for CallCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallCounters").field("methods", &self.methods.len()).finish()
    }
}

impl fmt::Debug for BegunCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BegunCall").field("at", &self.at).finish()
    }
}
