//! What collector and voters agree on, and what a stranger takes for the same.

use rpc_core::{CallContext, rpc};
use serde::{Deserialize, Serialize};

/// A voter.
#[rpc]
pub(crate) trait Voter {
    /// Yes or no, after as long as this voter thinks about it; nothing when the collector has cancelled or does not
    /// wait any longer. Slow: it thinks, so it has a thread of its own.
    #[rpc(slow)]
    fn vote(&self, cx: &CallContext, question: &str) -> Option<bool>;

    /// What this voter has seen, once it is not voting any more.
    #[rpc(slow)]
    fn seen(&self) -> Seen;
}

/// What a voter has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Questions that came.
    pub(crate) asked: u32,
    /// Questions that it answered with a vote.
    pub(crate) voted: u32,
    /// Questions that were cancelled while it thought.
    pub(crate) cancelled: u32,
}

/// The ballot of another election: the same names, another signature. Who calls it with our stub is refused.
pub(crate) mod elsewhere {
    use rpc_core::rpc;

    use super::Seen;

    /// A voter who wants to be told the round as well.
    #[rpc]
    pub(crate) trait Voter {
        /// Yes or no.
        fn vote(&self, question: &str, round: u32) -> bool;

        /// What this voter has seen.
        fn seen(&self) -> Seen;
    }
}
