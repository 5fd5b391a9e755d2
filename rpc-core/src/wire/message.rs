//! Floor 1: what the frames say: statuses of replies, and the bodies of control frames, by hand at fixed offsets.

/// How a REPLY's body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The call ran; the body is its value.
    Done,
    /// The call ran; the body is the service's own error.
    Failed,
    /// The call ran and panicked; the body is a text.
    Panicked,
    /// The call ran; its reply is not there; the body is a text.
    ReplyLost,
}
