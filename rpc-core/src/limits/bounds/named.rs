//! Layer 0: the values of a server's limits by their names, for its description of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The value of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitValue {
    /// None was set: another one decides, or the default.
    Unset,
    /// A number of things or bytes.
    Number(u64),
    /// A time in microseconds.
    Microseconds(u64),
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl From<$number> for LimitValue {
            fn from(number: $number) -> Self {
                LimitValue::Number(number as u64)
            }
        })+
    };
}

whole_numbers!(u16, u32, usize);

impl From<Duration> for LimitValue {
    fn from(time: Duration) -> Self {
        LimitValue::Microseconds(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)) // 584,000 years
    }
}

impl From<Option<usize>> for LimitValue {
    fn from(number: Option<usize>) -> Self {
        number.map_or(LimitValue::Unset, LimitValue::from)
    }
}

/// Declares a function that names all fields of a type. A field that is left out does not compile.
macro_rules! named {
    ($limits:ident { $($field:ident),+ $(,)? }) => {
        impl crate::limits::$limits {
            /// Returns the limits by their names.
            #[doc(hidden)] // for the service that describes a server
            pub fn named(&self) -> Vec<(String, LimitValue)> {
                let crate::limits::$limits { $($field),+ } = self;
                vec![$((stringify!($field).to_owned(), LimitValue::from(*$field))),+]
            }
        }
    };
}

named! {
    ServerLimits {
        slots, max_frame, nesting, sessions, sessions_per_source, lease, max_cached_reply, session_replies, reply_budget, replies,
        reply_age, queue, held, queue_bytes, queue_pause, retry_after, unsent_pause, unsent_most, unsent_budget, frames_budget,
        unsent_stall, grace, drain_linger, drain_detached, threads, spin, connections, connections_per_source,
    }
}
