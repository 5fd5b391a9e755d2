//! The harness: a workload over the bare state machines, a ledger of what really ran, and what must hold in every run.
//!
//! ```text
//! profile (what goes wrong) --> plan (who does what when) --> run (a world, step by step) --> tally (what was hit)
//!                                                              |-- ledger: what really ran
//!                                                              '-- auditor: how records moved
//! ```

pub mod auditor;
pub mod bytes;
pub mod hostile;
pub mod ledger;
pub mod mutants;
pub mod plan;
pub mod profile;
pub mod prove;
pub mod run;
pub mod tally;
