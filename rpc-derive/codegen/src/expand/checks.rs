//! Stage 4: chooses by its name how a type is checked, so that rustc's message fits what the user most likely wrote.

use syn::Type;

use crate::shape::{last_segment, plain, type_arguments};

/// Types of the standard library whose values have a meaning only in their own process.
const OF_A_PROCESS: [&str; 14] = [
    "Instant",
    "File",
    "Sender",
    "SyncSender",
    "Receiver",
    "JoinHandle",
    "Thread",
    "Child",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "MutexGuard",
    "Waker",
];

/// Returns the function of `rpc_core::stub` that checks a type of an argument or a reply: `role`, or one with a better text.
pub(super) fn function(ty: &Type, role: &'static str) -> &'static str {
    if matches!(plain(ty), Type::Array(_)) {
        return "array";
    }
    let name = last_segment(ty).map(|last| last.ident.to_string()).unwrap_or_default();
    match name.as_str() {
        "Rc" | "Arc" => "shared",
        "Path" | "OsStr" | "CStr" => "owned",
        name if name.ends_with("Error") => "failure",
        name if OF_A_PROCESS.contains(&name) => "portable",
        _ => role,
    }
}

/// A kind of collection whose keys need more than serde's traits.
#[derive(Clone, Copy)]
pub(super) enum Keyed {
    /// `HashMap`, `HashSet`.
    Hash,
    /// `BTreeMap`, `BTreeSet`.
    Tree,
}

/// Returns the key of a collection: `K` of `HashMap<K, V>`.
pub(super) fn key(ty: &Type) -> Option<(Keyed, &Type)> {
    let last = last_segment(ty)?;
    let keyed = match last.ident.to_string().as_str() {
        "HashMap" | "HashSet" => Keyed::Hash,
        "BTreeMap" | "BTreeSet" => Keyed::Tree,
        _ => return None,
    };
    type_arguments(last).next().map(|key| (keyed, key))
}
