//! Shared parts of the example programs: exit statuses, names of choices, child processes that end with their parent,
//! messages that no program waits for, and a clean end on a signal.

pub mod children;
pub mod choices;
pub mod messages;
pub mod signals;
pub mod status;
