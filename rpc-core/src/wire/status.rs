//! Layer 1: the status of a reply: how its body is read, and if the call ran. Rule W12 of `docs/wire.md`.

use crate::error::{ProtocolError, Reason};

/// The status of a REPLY: it decides how the body is read (W12).
///
/// ```
/// use rpc_core::Status;
///
/// /// Returns true for the end of a call that an operator should look at. An error of the service itself is a reply.
/// fn is_alarming(status: Status) -> bool {
///     matches!(status, Status::Panicked | Status::ReplyLost)
/// }
/// assert!(!is_alarming(Status::Failed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The call ran; the body is its value.
    Done,
    /// The call ran; the body is the service's own error.
    Failed,
    /// The call ran and panicked; the body is a text.
    Panicked,
    /// The call ran, and its reply was not kept; the body is a text.
    ReplyLost,
    /// The call began, and its handler gave it up; the body is a text. Only with [`FEATURE_GIVEN_UP`](super::message::FEATURE_GIVEN_UP).
    GivenUp,
    /// The call did not run and never will; the body is a text.
    Refused(Reason),
}

/// The text of a [`Status::ReplyLost`] whose reply was not kept. A client decides by the pause beside it (W12).
pub const REPLY_NOT_KEPT: &str = "its reply was not kept";

/// The text by which servers of an earlier page said so, without a pause (W12).
pub const REPLY_NOT_KEPT_BEFORE: &str = "its reply was sent once and not kept";

/// The code of the first reason in [`REASONS`].
const REFUSED: u8 = 16;
/// The reasons that a server gives, in the order of their codes. The others never travel: only a client gives them.
const REASONS: [Reason; 8] = [
    Reason::Cancelled,
    Reason::Deadline,
    Reason::Busy,
    Reason::Draining,
    Reason::NoSuchMethod,
    Reason::BadArguments,
    Reason::TooLarge,
    Reason::Denied, // only with `FEATURE_DENIED`
];

impl Status {
    /// Returns the code on the wire. A reason that no server gives has the code of the first one.
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Panicked => 2,
            Status::ReplyLost => 3,
            Status::GivenUp => 4,
            Status::Refused(reason) => REASONS
                .iter()
                .zip(REFUSED..)
                .find_map(|(known, code)| (*known == reason).then_some(code))
                .unwrap_or(REFUSED),
        }
    }

    /// Returns the status with this code.
    ///
    /// # Errors
    /// [`ProtocolError`] if there is none (W12).
    pub fn from_code(code: u8) -> Result<Status, ProtocolError> {
        match code {
            0 => Ok(Status::Done),
            1 => Ok(Status::Failed),
            2 => Ok(Status::Panicked),
            3 => Ok(Status::ReplyLost),
            4 => Ok(Status::GivenUp),
            _ => {
                let reason = code.checked_sub(REFUSED).and_then(|index| REASONS.get(usize::from(index)));
                reason.map(|reason| Status::Refused(*reason)).ok_or(ProtocolError::BadBody("REPLY"))
            }
        }
    }

    /// Returns true unless the handler ended without a reply, by a panic or by giving up, or the service denied the call.
    pub fn is_ordinary(self) -> bool {
        !matches!(self, Status::Panicked | Status::GivenUp | Status::Refused(Reason::Denied))
    }

    /// Returns true if the user's function was entered.
    pub fn ran(self) -> bool {
        !matches!(self, Status::Refused(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_code_and_back() {
        for code in 0..=255 {
            if let Ok(status) = Status::from_code(code) {
                assert_eq!(status.code(), code);
            }
        }
        assert_eq!(
            Status::from_code(Status::Refused(Reason::Denied).code()),
            Ok(Status::Refused(Reason::Denied))
        );
    }
}
