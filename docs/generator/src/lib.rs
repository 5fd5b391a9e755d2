//! A generator of stubs in seven steps. Each step is one file of at most 100 lines, and uses the steps before it.
//!
//! The README leads through them. The last step writes what `#[rpc]` writes.

pub mod step1;
pub mod step2;
pub mod step3;
pub mod step4;
pub mod step5;
pub mod step6;
pub mod step7;
