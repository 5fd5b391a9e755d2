//! Layer 3: what a caller uses: handles with options, started calls, races, and errors that tell if a call ran.

mod around;
mod by_name;
mod channel;
mod error;
mod error_text;
mod handle;
mod hooked;
#[doc(hidden)]
// for channels of other packages: the simulator announces services by name as a connection does
pub mod names;
mod pending;
mod race;
mod recovered;
mod reply;
mod service_error;
mod unknown;
mod verdict;
mod waiters;

pub use crate::proto::client::{ClientCounters, Outage};
pub use crate::proto::{Outcome, Request};
pub use around::{ClientHook, OutgoingCall};
pub use by_name::ByName;
pub use channel::{Channel, Ticket};
pub use error::{CallError, CallTarget, GivenUp, Never, NotExecuted, Panicked, ReplyLost};
pub use handle::{Caller, Client, Handle};
pub use pending::Pending;
pub use race::Race;
#[doc(hidden)] // for channels
pub use recovered::Recovered;
pub use recovered::RecoveredCall;
pub use reply::{Blob, MaybeBlob, Received, Returned};
pub use unknown::Unknown;
pub use verdict::Verdict;
#[doc(hidden)] // for channels: this crate's, and those of its tests
pub use waiters::{Waiters, Woken};
