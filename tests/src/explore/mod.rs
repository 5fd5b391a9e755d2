//! Exhaustive search: the production `ClientCore` and `ServerCore` in every order of events, up to a bound.
//!
//! ```text
//! scenarios --> system: machines (client, server), frames, steps, rules --> search, breadth first
//!                                                          |-- calm: what must become of a state on a whole network
//!                                                          '-- trace --> diagram as text, svg
//! ```

pub mod bounds;
mod calm;
pub mod client;
pub mod diagram;
pub mod figures;
pub mod frames;
pub mod log;
pub mod machine;
mod quiet;
pub mod rules;
pub mod scenarios;
pub mod search;
pub mod server;
pub mod state;
pub mod steps;
pub mod svg;
pub mod system;
pub mod trace;
