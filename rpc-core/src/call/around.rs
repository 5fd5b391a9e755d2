//! Layer 3: code of the user around each call of a client: it may refuse a call before it is sent, and it learns the verdict.
//!
//! ```text
//!  a call that waits:  before --> encode, send, receive, decode --> after --> the caller has its verdict
//!                         |
//!                         '-- Refused: nothing is sent
//!  a started call:     before --> encode, send --> .. Pending::wait: receive, decode --> after --> the caller has it
//! ```
//! Each such call has a channel of its own around that of the client, in [`hooked`](super::hooked). So a client without a hook has
//! one comparison in its place, and there is no table of calls that a forked child could find locked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::channel::Channel;
use super::hooked::HookedChannel;
use super::verdict::Verdict;
use crate::contract::Method;
use crate::ids::Time;
use crate::log;
use crate::panics::contain;
use crate::proto::Outcome;
use crate::service::Refused;
use crate::wire::metadata::{Metadata, MetadataError};

/// Code that runs around each call of a client, for [`Handle::around`](super::Handle::around): the form of a
/// [`ServerHook`](crate::ServerHook) on the other side. A closure `Fn(&mut OutgoingCall) -> Result<(), Refused>` is one that only
/// looks at a call before it is sent.
///
/// A call runs its hook once, however often the network or the client sends it again. `before` runs on the thread that makes or
/// starts the call, and `after` on the thread that takes its verdict.
///
/// ```
/// use rpc_core::{ClientHook, OutgoingCall, Refused, Verdict, rpc};
///
/// #[rpc]
/// pub trait Kv {
///     fn get(&self, key: &str) -> Option<String>;
/// }
///
/// /// Writes a line for each call.
/// struct Log;
///
/// impl ClientHook for Log {
///     type State = ();
///
///     fn before(&self, _: &mut OutgoingCall) -> Result<(), Refused> {
///         Ok(())
///     }
///
///     fn after(&self, call: &OutgoingCall, _: (), verdict: Verdict) {
///         eprintln!("{} at {}: {verdict:?} after {:?}", call.method().name, call.peer(), call.elapsed());
///     }
/// }
///
/// /// Returns the client with a line for each of its calls, started ones included.
/// fn logged(kv: &KvClient) -> KvClient {
///     kv.call.around(Log)
/// }
/// ```
pub trait ClientHook: Send + Sync + 'static {
    /// The state of one call, from `before` to `after`: a place that is taken, a span. It is dropped when the call has ended, also
    /// if `after` panics.
    type State: Send + 'static;

    /// Looks at a call that is about to be sent. Its arguments are not encoded yet, and its metadata may be changed.
    ///
    /// # Errors
    /// Returns an error to refuse the call: nothing is sent, and the caller is told `NotExecuted` with this reason. The client does
    /// not try such a call again, whatever the reason is. A hook that panics denies the call.
    fn before(&self, call: &mut OutgoingCall) -> Result<Self::State, Refused>;

    /// Learns the verdict of a call that `before` has let through, before its caller has it. A panic of it is logged, and changes
    /// nothing for the caller.
    fn after(&self, _call: &OutgoingCall, _state: Self::State, _verdict: Verdict) {}
}

impl<F: Fn(&mut OutgoingCall) -> Result<(), Refused> + Send + Sync + 'static> ClientHook for F {
    type State = ();

    fn before(&self, call: &mut OutgoingCall) -> Result<(), Refused> {
        self(call)
    }
}

impl<H: ClientHook> ClientHook for Arc<H> {
    type State = H::State;

    fn before(&self, call: &mut OutgoingCall) -> Result<H::State, Refused> {
        (**self).before(call)
    }

    fn after(&self, call: &OutgoingCall, state: H::State, verdict: Verdict) {
        (**self).after(call, state, verdict);
    }
}

/// A call as a [`ClientHook`] sees it.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use rpc_core::{Client, Handle, OutgoingCall, Refused};
///
/// static NEXT: AtomicU64 = AtomicU64::new(1);
///
/// /// Returns a client that sends a number with each call, for the logs of both sides.
/// fn numbered<C: Client>(call: &Handle<C>) -> C {
///     call.around(|call: &mut OutgoingCall| {
///         let number = NEXT.fetch_add(1, Relaxed).to_string();
///         eprintln!("{number}: {} at {}", call.method().name, call.peer());
///         call.set_metadata("number", &number).map_err(|error| Refused::denied(error.to_string()))
///     })
/// }
/// ```
#[derive(Clone)]
pub struct OutgoingCall {
    /// The method.
    method: &'static Method,
    /// The time that the caller waits at most, from the beginning of the call.
    deadline: Duration,
    /// The metadata that is sent with it. It is copied when a hook changes it.
    metadata: Arc<Metadata>,
    /// The channel that carries it.
    channel: Arc<dyn Channel>,
    /// Its beginning, by the clock of the channel.
    began: Time,
}

impl OutgoingCall {
    pub(super) fn new(
        method: &'static Method,
        deadline: Duration,
        metadata: Option<&Arc<Metadata>>,
        channel: &Arc<dyn Channel>,
    ) -> Self {
        let (metadata, channel) = (metadata.cloned().unwrap_or_default(), Arc::clone(channel));
        OutgoingCall { method, deadline, metadata, began: channel.now(), channel }
    }

    /// Returns the method: its name is `Service.method`.
    pub fn method(&self) -> &'static Method {
        self.method
    }

    /// Returns the time that the caller waits at most, from the beginning of the call. [`Duration::MAX`] is no deadline.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns the time since the call began: in `after`, the time until its verdict was taken. A started call that is not waited
    /// for goes on until it is. In the simulator it is virtual time.
    pub fn elapsed(&self) -> Duration {
        self.channel.now().since(self.began)
    }

    pub(super) fn channel(&self) -> &Arc<dyn Channel> {
        &self.channel
    }

    /// Returns the metadata as a caller has it: `None` if there is none.
    pub(super) fn own_metadata(&self) -> Option<Arc<Metadata>> {
        (!self.metadata.is_empty()).then(|| Arc::clone(&self.metadata))
    }

    /// Returns the address of the server, which may change while the call is under way.
    pub fn peer(&self) -> Arc<str> {
        self.channel.peer()
    }

    /// Returns the texts that are sent beside the arguments: those of [`Handle::with_metadata`](super::Handle::with_metadata), and
    /// what hooks have set.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Sets a text that is sent beside the arguments of this call.
    ///
    /// # Errors
    /// As [`Metadata::set`]; nothing is changed then.
    pub fn set_metadata(&mut self, key: &str, value: &str) -> Result<(), MetadataError> {
        Arc::make_mut(&mut self.metadata).set(key, value)
    }
}

impl fmt::Debug for OutgoingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutgoingCall({} within {:?})", self.method.name, self.deadline)
    }
}

/// A hook whose type is not named.
trait AnyHook: Send + Sync {
    fn before(self: Arc<Self>, call: &mut OutgoingCall) -> Result<Box<dyn AnyBegun>, Refused>;
}

/// A call that a hook has let through, until the hook is told its verdict.
pub(super) trait AnyBegun: Send {
    fn after(self: Box<Self>, call: &OutgoingCall, verdict: Verdict);
}

struct Begun<H: ClientHook> {
    hook: Arc<H>,
    state: H::State,
}

impl<H: ClientHook> AnyHook for H {
    fn before(self: Arc<Self>, call: &mut OutgoingCall) -> Result<Box<dyn AnyBegun>, Refused> {
        let state = ClientHook::before(&*self, call)?;
        Ok(Box::new(Begun { hook: self, state }))
    }
}

impl<H: ClientHook> AnyBegun for Begun<H> {
    fn after(self: Box<Self>, call: &OutgoingCall, verdict: Verdict) {
        self.hook.after(call, self.state, verdict);
    }
}

/// The hooks of a client, the outermost first.
#[derive(Clone)]
pub(super) struct Hooks(Vec<Arc<dyn AnyHook>>);

impl Hooks {
    /// Returns hooks with one more around those that are there.
    pub(super) fn with(hook: impl ClientHook, inner: Option<&Arc<Hooks>>) -> Arc<Hooks> {
        let mut all: Vec<Arc<dyn AnyHook>> = vec![Arc::new(hook)];
        all.extend(inner.iter().flat_map(|inner| inner.0.iter().cloned()));
        Arc::new(Hooks(all))
    }

    /// Asks the hooks for a call, one after the other, until one refuses it.
    pub(super) fn begin(&self, mut call: OutgoingCall) -> HookedChannel {
        let (mut begun, mut refused) = (Vec::with_capacity(self.0.len()), None);
        for hook in &self.0 {
            let answer = contain(|| Arc::clone(hook).before(&mut call)).unwrap_or_else(|| {
                log::error!(
                    method = call.method.name,
                    "the code before a call panicked, so the call was not sent"
                );
                Err(Refused::denied("the code before the call panicked"))
            });
            match answer {
                Ok(state) => begun.push(state),
                Err(Refused { reason, detail }) => {
                    refused = Some(Outcome::NotExecuted(reason, detail));
                    break;
                }
            }
        }
        HookedChannel::new(call, begun, refused)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.0.len())
    }
}
