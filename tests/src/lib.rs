//! The harness: a workload over the bare state machines, a ledger of what really ran, and what must hold in every run.
//!
//! ```text
//! seed --> profile --> setup (faults, limits, clients) --> plan (what happens when) --> run (a world, step by step)
//!                                                                                         |-- ledger: what really ran
//!                                                                                         |-- truth: verdicts against it
//!                                                                                         |-- auditor, pace: the rules
//!                                                                                         |-- finale: what is left
//!                                                                                         '-- tally: what was hit
//! ```

pub mod attack;
pub mod auditor;
pub mod bytes;
pub mod campaign;
pub mod explore;
mod finale;
mod histories;
pub mod hostile;
pub mod ledger;
pub mod pace;
pub mod plan;
pub mod planted;
pub mod processes;
pub mod profile;
pub mod prove;
mod recovery;
pub mod run;
pub mod setup;
mod swarm;
pub mod tally;
pub mod truth;
