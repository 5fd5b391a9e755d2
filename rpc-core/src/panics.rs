//! Layer 0: panics of code that is not this library's: they are contained where nothing may unwind, and read as a text.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code that may panic: a subscriber of events, a waker, the destructor of a user's value. Returns `None` if it panicked.
///
/// The panic hook has reported the panic by then. State that `code` left half changed is its own.
pub fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).map_err(discard).ok()
}

/// Returns the text of a panic.
pub fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a panic whose payload is no text".to_owned(),
    };
    discard(panic);
    text
}

/// The payload with which a handler gives its call up: it unwinds as a panic does, and no panic hook reports it.
struct GivingUp(String);

/// Unwinds to the code that runs the handler, which ends the call with this text.
pub fn give_up(text: String) -> ! {
    std::panic::resume_unwind(Box::new(GivingUp(text))) // and not `panic_any`: nothing is wrong, so nothing is printed
}

/// Returns true if this is the payload of a handler that gave its call up.
pub fn is_giving_up(panic: &(dyn Any + Send)) -> bool {
    panic.is::<GivingUp>()
}

/// Returns the text of a handler that gave its call up.
///
/// # Errors
/// Returns the payload of a handler that panicked.
pub fn given_up(panic: Box<dyn Any + Send>) -> Result<String, Box<dyn Any + Send>> {
    panic.downcast().map(|giving_up: Box<GivingUp>| giving_up.0)
}

/// Drops the payload of a panic, which may itself panic when it is dropped.
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again); // dropping it could panic again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Explosive;

    impl Drop for Explosive {
        fn drop(&mut self) {
            std::panic::panic_any(Explosive);
        }
    }

    #[test]
    fn giving_up_unwinds_without_a_word_and_is_told_from_a_panic() {
        thread_local!(static REPORTED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
        let reported = || REPORTED.try_with(std::cell::Cell::get).ok().unwrap_or(u32::MAX);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let _ = REPORTED.try_with(|count| count.set(count.get() + 1)); // of this thread alone: other tests panic beside it
            before(info);
        }));
        let gave_up = catch_unwind(|| give_up("enough".to_owned())).expect_err("it unwinds");
        assert_eq!(reported(), 0, "no hook has seen it");
        assert_eq!(given_up(gave_up).ok().as_deref(), Some("enough"));
        let panic = catch_unwind(|| panic!("as planned")).expect_err("it panics");
        assert_eq!(reported(), 1);
        assert_eq!(given_up(panic).map_err(panic_text), Err("as planned".to_owned()));
    }

    #[test]
    fn a_panic_is_contained_even_if_its_payload_panics_when_it_is_dropped() {
        assert_eq!(contain(|| 7), Some(7));
        assert_eq!(contain(|| panic!("as planned")), None::<()>);
        assert_eq!(contain(|| std::panic::panic_any(Explosive)), None::<()>);
        let panic = catch_unwind(|| std::panic::panic_any(Explosive)).expect_err("it panics");
        assert_eq!(panic_text(panic), "a panic whose payload is no text");
    }
}
