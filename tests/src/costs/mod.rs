//! The cost of a call that no clock measures: instructions and allocations of the server and of the client, counted by
//! callgrind and compared with what was agreed.
//!
//! Callgrind is called directly, and not through a benchmark harness for it (gungraun): what is counted are two processes
//! that talk over a socket, and such a harness counts a function of its own process. Its output also has the calls of the
//! allocator, so that no counting allocator, which needs `unsafe`, is linked.
//!
//! ```text
//! run: a server and a load, one of them in callgrind, twice with different numbers of calls
//!  '--> callgrind: the counts in its output file --> the difference, for each call --> baseline: costs.toml
//! ```

mod baseline;
mod callgrind;
mod run;

pub use baseline::{Baseline, Judgement, TOLERANCE};
pub use callgrind::Counts;
pub use run::{Case, Cost, Programs, Side};
