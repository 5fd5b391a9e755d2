//! Shared parts of the example programs: exit statuses, names of choices, child processes that end with their parent,
//! messages that no program waits for, a clean end on a signal, and the rounds of a measurement with their chart and files.

pub mod chart;
pub mod children;
pub mod choices;
pub mod messages;
pub mod output;
pub mod signals;
pub mod spread;
pub mod status;
