//! Real server and client processes that are killed and stopped, what they wrote down before, and the judge of it.
//!
//! ```text
//! scene      one seed: a fleet, its deeds, and the judgement of what its processes wrote
//! network    what is between them: a proxy with faults; replay: one that sends connections again
//! fleet      a server and its clients; deeds: a kill, a stop, a new start on the same port
//! child      one process: this program again, in a role
//! journal    files that survive a kill: what ran, what was begun, what callers were told
//! verdict, judge      what a caller was told, against what ran
//! once       the service, with the roles of its server and of its clients
//! stopping   a server that is stopped beside clients that are idle, closed, killed or frozen
//! ```

pub(crate) mod child;
pub(crate) mod fleet;
pub(crate) mod journal;
pub(crate) mod judge;
pub(crate) mod network;
pub(crate) mod once;
mod replay;
pub(crate) mod scene;
pub(crate) mod stopping;
pub(crate) mod verdict;
pub(crate) mod words;

use words::Words;

/// One role: the word after `prove`, and the program of the process.
type Role = (&'static str, fn(&Words) -> Result<(), String>);

/// The roles in which `prove` starts itself again.
const ROLES: [Role; 7] = [
    (once::SERVER, once::serve),
    (once::CLIENT, once::call),
    (crate::histories::SERVER, crate::histories::serve),
    (crate::histories::CLIENT, crate::histories::call),
    (crate::recovery::SERVER, crate::recovery::serve),
    (stopping::SERVER, stopping::serve),
    (stopping::CLIENT, stopping::call),
];

/// Returns true if a process that this program starts for itself has this role.
pub fn is_role(name: &str) -> bool {
    ROLES.iter().any(|(role, _)| *role == name)
}

/// Plays a role until its end.
///
/// # Errors
/// A sentence, if there is no such role, or if it cannot be played.
pub fn play(name: &str, words: impl IntoIterator<Item = String>) -> Result<(), String> {
    let (_, role) = ROLES.iter().find(|(role, _)| *role == name).ok_or("there is no such role")?;
    child::end_with_parent()?;
    role(&Words::new(words))
}
