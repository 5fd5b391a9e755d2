//! Policies of methods, and the context that an implementation may ask for.

use rpc_core::{CallContext, rpc};

/// Jobs that run long.
#[rpc]
pub(crate) trait Jobs {
    /// Runs a job, and stops if its caller no longer waits.
    #[rpc(slow, deadline = "2m")]
    fn run(&self, cx: &CallContext, job: u64) -> Result<u32, String>;

    /// A page of the log.
    #[rpc(deadline = "250ms", max_cached_reply = 65536)]
    fn log(&self, from: u64) -> Vec<String>;

    /// The address of the caller.
    #[rpc(idempotent)]
    fn caller(&self, #[rpc(context)] cx: &CallContext) -> Option<String>;
}
