//! Panics of a machine under search are findings: their text goes into the report and not to the terminal.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Ends the quiet also when a panic passes.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        QUIET.set(false);
    }
}

/// Runs `work`; a panic in it prints nothing. Other threads print as before.
pub(super) fn while_quiet<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let _guard = Guard;
    work()
}
