//! Floor 3: what a caller holds: handles with options, started calls, races, and verdicts as types.

mod by_name;
mod channel;
mod error;
mod handle;
pub(crate) mod names;
mod pending;
mod race;
mod reply;
mod waiters;

pub use crate::proto::{Outcome, Request};
pub use by_name::{ByName, Read};
pub use channel::{Channel, ChannelStats, Ticket};
pub use error::{CallError, Never, NotExecuted, Panicked, Place, ReplyLost, Resolution, Unknown};
pub use handle::{Caller, Client, Handle};
pub use pending::Pending;
pub use race::Race;
pub use reply::{Blob, Fallible, MaybeBlob, Plain, Reply, Returned};
#[doc(hidden)] // for channels: this crate's, and its tests'
pub use waiters::{Waiters, Woken};
