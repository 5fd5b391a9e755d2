//! The trait that collector and voters share, and a trait of the same name with another signature.

use rpc_core::{CallContext, rpc};
use serde::{Deserialize, Serialize};

/// A voter.
#[rpc]
pub(crate) trait Voter {
    /// Returns yes or no after the time that this voter thinks, or nothing if the collector has cancelled or does not
    /// wait any longer. Slow: the voter thinks for a while, so its calls run on a separate thread.
    #[rpc(slow)]
    fn vote(&self, cx: &CallContext, question: &str) -> Option<bool>;

    /// Returns the counts of this voter, once no call of `vote` runs any more.
    #[rpc(slow)]
    fn seen(&self) -> Seen;
}

/// The counts of a voter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Questions that arrived.
    pub(crate) asked: u32,
    /// Questions that it answered with a vote.
    pub(crate) voted: u32,
    /// Questions that were cancelled while it thought.
    pub(crate) cancelled: u32,
}

/// The trait of another election: the same names, another signature. A call with our stub is refused.
pub(crate) mod elsewhere {
    use rpc_core::rpc;

    use super::Seen;

    /// A voter that also wants the number of the round.
    #[rpc]
    pub(crate) trait Voter {
        /// Yes or no.
        fn vote(&self, question: &str, round: u32) -> bool;

        /// Returns the counts of this voter.
        fn seen(&self) -> Seen;
    }
}
