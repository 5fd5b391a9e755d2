//! Layer 0: the bounds of each setting, checked where a server is bound and where a client connects.

mod named;

use std::fmt;
use std::time::Duration;

pub use named::LimitValue;

use thiserror::Error;

use super::{ClientLimits, HEADER, MAX_DETAIL, MAX_SLOTS, MOST_NESTING, ServerLimits};

/// The error of a setting that is outside its bounds, or that contradicts another one.
///
/// ```
/// use rpc_core::{ServerLimits, SettingError};
///
/// let limits = ServerLimits { slots: 0, ..ServerLimits::default() };
/// let error: SettingError = limits.check().expect_err("a session needs a slot");
/// assert_eq!(error.setting, "ServerLimits::slots");
/// ```
#[derive(Clone, PartialEq, Eq, Error)]
#[error("{setting} is {value}, but must be {allowed}: {advice}")]
#[non_exhaustive]
pub struct SettingError {
    /// The setting, as `ServerLimits::slots`.
    pub setting: &'static str,
    /// Its value.
    pub value: String,
    /// The values that it may have.
    pub allowed: String,
    /// The meaning of the setting, and what to do.
    pub advice: &'static str,
}

impl fmt::Debug for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The shortest time that is not zero: frames carry milliseconds.
const TICK: Duration = Duration::from_millis(1);
/// The longest time for which a thread looks for events before it sleeps.
const SPIN: Duration = Duration::from_millis(10);
/// The longest time that a frame can carry, 49 days.
const LONGEST: Duration = Duration::from_millis(u32::MAX as u64);
/// The largest number of things that are counted: sessions, connections, calls. More than fit into any memory.
const COUNT: usize = u32::MAX as usize >> 1;
/// The largest number of bytes that can be allocated.
const BYTES: usize = isize::MAX as usize;
/// The longest frame body: a length has 32 bits, and a frame is one piece of memory.
const FRAME: usize = 1 << 30;
/// Most threads: more than any system starts.
const THREADS: usize = 1 << 20;
/// Most PINGs without an answer, and most retries in each second: beyond it nothing is bounded.
const MANY: u32 = 1 << 16;

/// Declares the bounds of each field of a type, the smallest and the largest value. A field without a row does not compile.
macro_rules! bounds {
    ($limits:ident { $($field:ident: $least:expr, $most:expr, $advice:literal;)+ }) => {
        impl $limits {
            /// Checks each setting by itself, and those that depend on each other, as a server does when it is bound and a client
            /// when it connects.
            ///
            /// # Errors
            /// Returns the first setting that is outside its bounds.
            pub fn check(&self) -> Result<(), SettingError> {
                let $limits { $($field),+ } = self;
                $(within(concat!(stringify!($limits), "::", stringify!($field)), $field, &$least, &$most, $advice)?;)+
                self.check_together()
            }

            /// Returns the values at both ends of each field's bounds and beyond them: the field, the settings, and true if the
            /// value is allowed.
            #[cfg(test)]
            fn ends() -> Vec<(&'static str, Self, bool)> {
                let mut ends = Vec::new();
                let usual = $limits::default();
                $(
                    for (value, allowed) in ends_of(&usual.$field, [$least, $least], [$most, $most]) {
                        if let Some($field) = value {
                            ends.push((stringify!($field), $limits { $field, ..usual.clone() }, allowed));
                        }
                    }
                )+
                ends
            }
        }
    };
}

bounds! {
    ServerLimits {
        slots: 1, MAX_SLOTS, "without a slot no client can call";
        max_frame: MAX_DETAIL, FRAME, "a frame must have room for the text of a refusal";
        nesting: 1, MOST_NESTING, "arguments are a tuple, which is a level, and each level takes stack";
        sessions: 1, COUNT, "without a session no client can call";
        sessions_per_source: Some(1), Some(COUNT), "for a quarter of the sessions, use `None`";
        lease: TICK, LONGEST, "a session must outlive its connection, and a frame carries this time";
        max_cached_reply: 0, FRAME, "zero keeps no reply";
        session_replies: 0, BYTES, "zero keeps no reply";
        reply_budget: 0, BYTES, "zero keeps no reply";
        replies: 0, COUNT, "zero keeps no reply";
        reply_age: Duration::ZERO, LONGEST, "replies older than this make room first";
        queue: 1, COUNT, "a call waits in the queue before it runs";
        held: 1, COUNT, "a call whose reply comes later needs a place";
        queue_bytes: 0, BYTES, "the arguments of a call wait in the queue before it runs";
        queue_pause: 1, BYTES, "a connection is read while fewer bytes of its arguments wait than this";
        retry_after: TICK, LONGEST, "clients would come back at once, and a frame carries this time";
        unsent_pause: HEADER, BYTES, "a connection is read while it has fewer unsent bytes than this";
        unsent_most: HEADER, BYTES, "a connection needs room for a reply";
        unsent_budget: HEADER, BYTES, "the connections need room for replies";
        frames_budget: HEADER, BYTES, "a frame that has begun needs room";
        unsent_stall: TICK, LONGEST, "a connection needs time to send a reply";
        grace: Duration::ZERO, LONGEST, "zero ends a drain at once";
        drain_linger: Duration::ZERO, LONGEST, "zero closes a drained connection at once";
        drain_detached: Duration::ZERO, LONGEST, "zero waits for no client that has lost its connection";
        threads: 1, THREADS, "a handler needs a thread";
        spin: Duration::ZERO, SPIN, "zero sleeps at once, and a loop that never sleeps takes a core";
        connections: 1, COUNT, "without a connection no client can call";
        connections_per_source: Some(1), Some(COUNT), "for half of the connections, use `None`";
    }
}

bounds! {
    ClientLimits {
        slots: 1, MAX_SLOTS, "a call needs a slot";
        waiting: 0, COUNT, "zero refuses a call for which no slot is free";
        resend_first: TICK, LONGEST, "a call would be sent again at once";
        resend_cap: TICK, LONGEST, "a call would be sent again at once";
        ack_delay: Duration::ZERO, LONGEST, "zero acknowledges at once";
        ack_at_once: 0, BYTES, "zero acknowledges each reply at once";
        ping_after: TICK, LONGEST, "a client would ask for signs of life all the time";
        ping_limit: 1, MANY, "a server needs one chance to reply";
        backoff_first: TICK, LONGEST, "a client would connect again all the time";
        backoff_cap: TICK, LONGEST, "a client would connect again all the time";
        connect: TICK, LONGEST, "a connection takes time";
        all_orphaned: Duration::ZERO, LONGEST, "zero opens a second session at once";
        write_batch: HEADER, BYTES, "a write must have room for a frame";
        retry_budget: 0.0, f64::from(MANY), "zero retries nothing";
        spin: Duration::ZERO, SPIN, "zero sleeps at once, and a caller that never sleeps takes a core";
        max_frame: MAX_DETAIL, FRAME, "a frame must have room for the text of a refusal";
        nesting: 1, MOST_NESTING, "arguments are a tuple, which is a level, and each level takes stack";
    }
}

impl ServerLimits {
    /// Checks the settings that depend on each other.
    fn check_together(&self) -> Result<(), SettingError> {
        let pairs = [
            ("ServerLimits::queue_bytes", self.queue_bytes, "ServerLimits::max_frame", self.max_frame),
            (
                "ServerLimits::frames_budget",
                self.frames_budget,
                "ServerLimits::max_frame and a header",
                self.max_frame.saturating_add(HEADER),
            ),
        ];
        for (setting, value, other, least) in pairs {
            let allowed = format!("at least {other}, which is {least}");
            let advice = "a longer call could never run; raise it, or lower the other";
            holds(setting, &value, value >= least, allowed, advice)?;
        }
        Ok(())
    }
}

impl ClientLimits {
    /// Checks the settings that depend on each other.
    fn check_together(&self) -> Result<(), SettingError> {
        let pairs = [
            ("ClientLimits::resend_first", self.resend_first, "ClientLimits::resend_cap", self.resend_cap),
            (
                "ClientLimits::backoff_first",
                self.backoff_first,
                "ClientLimits::backoff_cap",
                self.backoff_cap,
            ),
        ];
        for (first, value, cap, most) in pairs {
            let allowed = format!("at most {cap}, which is {most:?}");
            holds(
                first,
                &value,
                value <= most,
                allowed,
                "the first pause is the shortest; raise the other, or lower it",
            )?;
        }
        Ok(())
    }
}

/// Checks a time for which connecting is tried.
pub fn check_time(setting: &'static str, time: Duration) -> Result<(), SettingError> {
    within(setting, &time, &Duration::ZERO, &LONGEST, "zero tries each address once")
}

/// Checks a deadline. The longest is [`Duration::MAX`], which is no deadline: the caller's own clock decides, and the frame carries
/// the longest time that it can.
pub fn check_deadline(setting: &'static str, deadline: Duration) -> Result<(), SettingError> {
    within(setting, &deadline, &TICK, &Duration::MAX, "a call would be over before it is sent")
}

/// A value of a setting.
trait Value: fmt::Debug + PartialOrd + Sized {
    /// Returns true if the value is in these bounds.
    fn is_within(&self, least: &Self, most: &Self) -> bool {
        least <= self && self <= most
    }

    /// Returns the value as an error shows it.
    fn shown(&self) -> String {
        format!("{self:?}")
    }

    /// Returns a value below this one, if there is one.
    #[cfg(test)]
    fn below(self) -> Option<Self>;

    /// Returns a value above this one, if there is one.
    #[cfg(test)]
    fn above(self) -> Option<Self>;
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl Value for $number {
            #[cfg(test)]
            fn below(self) -> Option<Self> {
                self.checked_sub(1)
            }
            #[cfg(test)]
            fn above(self) -> Option<Self> {
                self.checked_add(1)
            }
        })+
    };
}

whole_numbers!(u16, u32, usize);

impl Value for f64 {
    #[cfg(test)]
    fn below(self) -> Option<Self> {
        Some(self - 0.5)
    }
    #[cfg(test)]
    fn above(self) -> Option<Self> {
        Some(self + 0.5)
    }
}

impl Value for Duration {
    #[cfg(test)]
    fn below(self) -> Option<Self> {
        self.checked_sub(Duration::from_nanos(1))
    }
    #[cfg(test)]
    fn above(self) -> Option<Self> {
        self.checked_add(Duration::from_nanos(1))
    }
}

/// `None` is no bound, which is always allowed.
impl Value for Option<usize> {
    fn is_within(&self, least: &Self, most: &Self) -> bool {
        self.is_none() || (least <= self && self <= most)
    }
    fn shown(&self) -> String {
        self.map_or("none".to_owned(), |number| number.shown())
    }
    #[cfg(test)]
    fn below(self) -> Option<Self> {
        self.map(Value::below)
    }
    #[cfg(test)]
    fn above(self) -> Option<Self> {
        self.map(Value::above)
    }
}

/// Returns the values at both ends of the bounds of a field with this type, and beyond them; true if they are allowed.
#[cfg(test)]
fn ends_of<V: Value>(_: &V, least: [V; 2], most: [V; 2]) -> [(Option<V>, bool); 4] {
    let ([least, too_little], [most, too_much]) = (least, most);
    [(Some(least), true), (Some(most), true), (too_little.below(), false), (too_much.above(), false)]
}

/// Checks one setting by itself.
fn within<V: Value>(
    setting: &'static str,
    value: &V,
    least: &V,
    most: &V,
    advice: &'static str,
) -> Result<(), SettingError> {
    let allowed = format!("from {} to {}", least.shown(), most.shown());
    holds(setting, value, value.is_within(least, most), allowed, advice)
}

/// Returns an error if a rule does not hold.
fn holds(
    setting: &'static str,
    value: &impl Value,
    rule: bool,
    allowed: String,
    advice: &'static str,
) -> Result<(), SettingError> {
    if rule { Ok(()) } else { Err(SettingError { setting, value: value.shown(), allowed, advice }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts the verdict over a field at an end of its bounds. A value that is allowed by itself may contradict another one.
    fn judge(type_name: &str, field: &str, verdict: Result<(), SettingError>, allowed: bool) {
        let refused = verdict.err().filter(|error| error.allowed.starts_with("from "));
        match refused {
            None => assert!(allowed, "{type_name}::{field} is allowed beyond its bounds"),
            Some(error) => {
                assert_eq!(error.setting, format!("{type_name}::{field}"), "{error}");
                assert!(!allowed, "{error}");
                let text = error.to_string();
                assert!(text.starts_with(error.setting) && text.contains(&error.allowed), "{text}");
            }
        }
    }

    #[test]
    fn each_setting_is_allowed_at_both_ends_of_its_bounds_and_refused_by_name_beyond_them() {
        let server = ServerLimits::ends();
        assert!(server.len() > 18 * 3, "{} values", server.len());
        for (field, limits, allowed) in server {
            judge("ServerLimits", field, limits.check(), allowed);
        }
        let client = ClientLimits::ends();
        assert!(client.len() > 15 * 3, "{} values", client.len());
        for (field, limits, allowed) in client {
            judge("ClientLimits", field, limits.check(), allowed);
        }
    }

    #[test]
    fn the_default_settings_are_allowed_and_a_source_without_a_number_as_well() {
        assert_eq!(ServerLimits::default().check(), Ok(()));
        assert_eq!(ClientLimits::default().check(), Ok(()));
        let limits = ServerLimits { sessions_per_source: None, ..ServerLimits::default() };
        assert_eq!(limits.check(), Ok(()));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_with_both_names() {
        let limits = ServerLimits { queue_bytes: 1 << 20, ..ServerLimits::default() };
        let error = limits.check().expect_err("a call of 4 MiB could never run").to_string();
        assert!(
            error.contains("queue_bytes is 1048576") && error.contains("max_frame, which is 4194304"),
            "{error}"
        );
        let limits = ServerLimits { frames_budget: 4 << 20, ..ServerLimits::default() };
        let error = limits.check().expect_err("the longest call could never arrive").to_string();
        assert!(error.contains("frames_budget is 4194304") && error.contains("4194340"), "{error}");
        let limits = ServerLimits { frames_budget: (4 << 20) + HEADER, ..ServerLimits::default() };
        assert_eq!(limits.check(), Ok(()));
        let limits = ClientLimits { resend_first: Duration::from_secs(31), ..ClientLimits::default() };
        let error = limits.check().expect_err("the first is the shortest").to_string();
        assert!(
            error.contains("resend_first is 31s") && error.contains("resend_cap, which is 30s"),
            "{error}"
        );
        let limits = ClientLimits { backoff_cap: Duration::from_millis(49), ..ClientLimits::default() };
        assert!(
            limits
                .check()
                .expect_err("the first is the shortest")
                .to_string()
                .contains("backoff_first is 50ms")
        );
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        for retry_budget in [f64::NAN, f64::INFINITY, -0.1] {
            let limits = ClientLimits { retry_budget, ..ClientLimits::default() };
            assert!(limits.check().is_err_and(|error| error.setting == "ClientLimits::retry_budget"));
        }
    }
}
