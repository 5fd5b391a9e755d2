//! The verdict that a caller was told, and its code of one character in a journal.

use std::time::Duration;

use rpc_core::CallError;

/// The verdict of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// A value, and the right one.
    Value,
    /// A value that is not this call's.
    WrongValue,
    /// It ran, and there is no value: its reply is lost, or it panicked.
    Ran,
    /// It did not run and never will.
    NotExecuted,
    /// It may have run.
    Unknown,
    /// Unknown at first; asked again, it ran.
    ResolvedRan,
    /// Unknown at first; asked again, it did not run and never will.
    ResolvedNot,
}

/// All verdicts with their codes.
const CODES: [(Verdict, &str); 7] = [
    (Verdict::Value, "v"),
    (Verdict::WrongValue, "w"),
    (Verdict::Ran, "r"),
    (Verdict::NotExecuted, "n"),
    (Verdict::Unknown, "u"),
    (Verdict::ResolvedRan, "R"),
    (Verdict::ResolvedNot, "N"),
];

impl Verdict {
    /// Returns the verdict of a call. One that is unknown is asked for again, for at most `patience`.
    pub(crate) fn of<T>(
        outcome: &Result<T, CallError>,
        right: impl FnOnce(&T) -> bool,
        patience: Duration,
    ) -> Self {
        match outcome {
            Ok(value) if right(value) => Verdict::Value,
            Ok(_) => Verdict::WrongValue,
            Err(CallError::NotExecuted(_)) => Verdict::NotExecuted,
            Err(CallError::Unknown(unknown)) => match unknown.ran(patience) {
                Some(false) => Verdict::ResolvedNot,
                Some(true) => Verdict::ResolvedRan,
                None => Verdict::Unknown,
            },
            Err(_) => Verdict::Ran,
        }
    }

    /// Returns true if the call ran, false if it did not, and `None` if the caller does not know.
    pub(crate) fn ran(self) -> Option<bool> {
        match self {
            Verdict::Value | Verdict::WrongValue | Verdict::Ran | Verdict::ResolvedRan => Some(true),
            Verdict::NotExecuted | Verdict::ResolvedNot => Some(false),
            Verdict::Unknown => None,
        }
    }

    /// Returns its code.
    pub(crate) fn code(self) -> &'static str {
        CODES.iter().find(|(verdict, _)| *verdict == self).map_or("", |(_, code)| code)
    }

    /// Returns the verdict of a code.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        CODES.iter().find(|(_, known)| *known == code).map(|(verdict, _)| *verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::{CODES, Verdict};

    #[test]
    fn each_verdict_is_read_as_it_was_written() {
        for (verdict, _) in CODES {
            assert_eq!(Verdict::from_code(verdict.code()), Some(verdict));
        }
        assert_eq!(Verdict::from_code("?"), None);
    }
}
