//! Layer 2: the client's side of the protocol: one session, its calls, and the verdict on each.
//!
//! ```text
//! start --> waiting --> slots --poll_transmit--> bytes out
//!                         |  <--handle_input---- bytes in
//! poll_event <-- verdict -'      handle_timeout: deadlines, retransmissions, cancels, acknowledgements, PINGs
//! ```
//! [`ClientCore`] (`core`, and `frames` for what arrives) owns the parts, and each part owns its state: `connection` (its life,
//! failures, signs of life), `session` (the terms of WELCOME) with `nonce`, and `calls` with `slots` (calls in flight and
//! orphaned ones, each in one `slot`), `waiting` (calls without a slot), `retry` (the budget for further attempts) and
//! `outgoing` (frames to be sent). `conditions` lends the connection and the session to `calls`, to read.
//! `outage` is the lack of a connection, and ends the calls that do not wait for one. `recording` writes the
//! `journal`, which outlives the process.

#[cfg(feature = "__inspection")]
mod audit;
mod call;
mod calls;
#[cfg(feature = "__inspection")]
mod canonical;
mod conditions;
mod config;
mod connection;
mod core;
mod frames;
mod journal;
mod nonce;
mod outage;
mod outgoing;
mod recording;
mod replies;
mod retransmission;
mod retry;
mod session;
mod slot;
mod slots;
mod snapshot;
#[cfg(test)]
mod tests;
mod types;
mod waiting;

pub use config::{ClientConfig, ClientCounters, Event, TAKES_NO_CLIENT};
pub use core::ClientCore;
pub use journal::{
    ClientJournal, JournalEntry, JournalError, Recorded, RecordedCall, RecordedSession, RecordedUse,
    RestoredUse,
};
pub use nonce::{DrawNonce, seeded_nonce};
pub use outage::{HAS_ENDED, Outage};
pub use snapshot::{ClientSnapshot, SlotSnapshot, SlotUse};

/// Names a call for the thread that started it.
pub type Tag = u64;
