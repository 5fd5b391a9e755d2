//! A service that returns what it gets, by the macro: for tests in which the call itself does not matter.

use rpc_core::rpc;

#[rpc]
pub(crate) trait Echo {
    fn echo(&self, text: &str) -> String;
}

/// Returns each text.
pub(crate) struct Wall;

impl Echo for Wall {
    fn echo(&self, text: &str) -> String {
        text.to_owned()
    }
}
