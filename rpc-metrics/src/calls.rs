//! The hook that counts the calls of a service by method, and the families of metrics that it counts in.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rpc_core::ids::MethodId;
use rpc_core::{CallContext, Contract, Method, Reason, Refused, ServerHook, Status};

use crate::limits::BUCKETS;

/// The label of a method: its name in the contract, never a text of a client.
type OfMethod = [(&'static str, &'static str); 1];

/// The labels of an end: the method and a word of [`ENDS`].
type OfEnd = [(&'static str, &'static str); 2];

/// The ends of a call, as the label `status` names them. [`place`] is their order.
const ENDS: [&str; 9] =
    ["done", "failed", "panicked", "given_up", "reply_lost", "denied", "busy", "bad_arguments", "refused"];

/// Returns the place of a status in [`ENDS`].
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

/// The metrics of all methods. Clones are the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Families {
    /// Calls that have begun.
    begun: Family<OfMethod, Counter>,
    /// Calls that have ended, by status.
    ended: Family<OfEnd, Counter>,
    /// Calls that run now.
    running: Family<OfMethod, Gauge>,
    /// The time from the beginning of a call to its end.
    duration: Family<OfMethod, Histogram, fn() -> Histogram>,
}

impl Families {
    /// Returns families that a registry shows.
    pub(crate) fn in_registry(registry: &mut Registry) -> Self {
        let families = Families {
            begun: Family::default(),
            ended: Family::default(),
            running: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        };
        registry.register("rpc_calls_begun", "Calls that have begun", families.begun.clone());
        registry.register("rpc_calls_ended", "Calls that have ended, by status", families.ended.clone());
        registry.register("rpc_calls_running", "Calls that run now", families.running.clone());
        let help = "Time of a call from its beginning to its end, without the network";
        registry.register("rpc_call_duration_seconds", help, families.duration.clone());
        families
    }

    /// Returns the metrics of a method, which begin at zero.
    fn of(&self, method: &Method) -> MethodMetrics {
        let name = ("method", method.name);
        MethodMetrics {
            begun: self.begun.get_or_create_owned(&[name]),
            ended: ENDS.map(|end| self.ended.get_or_create_owned(&[name, ("status", end)])),
            running: self.running.get_or_create_owned(&[name]),
            duration: self.duration.get_or_create_owned(&[name]),
        }
    }
}

/// The metrics of one method.
struct MethodMetrics {
    /// Calls that have begun.
    begun: Counter,
    /// Calls that have ended, in the order of [`ENDS`].
    ended: [Counter; ENDS.len()],
    /// Calls that run now.
    running: Gauge,
    /// Their times.
    duration: Histogram,
}

/// The hook that counts the calls of one service: see [`Metrics::around`](crate::Metrics::around).
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
}

/// A call that has begun. It counts as running until it is dropped.
pub struct BegunCall {
    /// The metrics of its method.
    metrics: Arc<MethodMetrics>,
    /// Its beginning.
    at: Instant,
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
        let Ok(place) = self.methods.binary_search_by_key(&cx.method().id.0, |(id, _)| id.0) else {
            return Ok(None);
        };
        let metrics = Arc::clone(&self.methods[place].1);
        metrics.begun.inc();
        metrics.running.inc();
        Ok(Some(BegunCall { metrics, at: Instant::now() }))
    }

    fn after(&self, _: &CallContext, call: Self::State, status: Status) {
        let Some(call) = call else { return };
        call.metrics.duration.observe(call.at.elapsed().as_secs_f64());
        call.metrics.ended[place(status)].inc();
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
