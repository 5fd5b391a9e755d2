//! What the example programs share: exit statuses, names of choices, child processes that end with their parent, and an
//! orderly end on a signal.

pub mod children;
pub mod choices;
pub mod signals;
pub mod status;
