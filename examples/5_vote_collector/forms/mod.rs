//! The lecture's ways to collect votes, one file each.

mod channel;
mod condvar;
pub(crate) mod leak;
mod pending;
pub(crate) mod racy;
mod sleep;
mod spin;

use crate::arguments::Form;
use crate::poll::{Poll, Tally};

/// The forms whose outcome depends on the seed alone.
pub(crate) const SOUND: [(Form, &str); 5] = [
    (Form::Spin, "spin"),
    (Form::Sleep, "sleep"),
    (Form::Condvar, "condvar"),
    (Form::Channel, "channel"),
    (Form::Pending, "pending"),
];

/// Collects the votes in this form, and leaves no thread behind.
pub(crate) fn collect(form: Form, poll: &Poll) -> Tally {
    match form {
        Form::Spin => spin::collect(poll),
        Form::Sleep => sleep::collect(poll),
        Form::Condvar => condvar::collect(poll),
        Form::Channel => channel::collect(poll),
        Form::Pending => pending::collect(poll),
        Form::Racy => racy::collect(poll),
        Form::Leak => channel::collect(poll),
    }
}
