//! Exit statuses: one for each kind of failure, as those of the example `kv`, so that scripts can tell them apart.

use std::fmt::{self, Debug, Display};
use std::io::{self, Write};
use std::process::ExitCode;

use rpc_core::{CallError, ConnectError, Escaped, Reason};
use rpc_json::JsonError;

/// The exit status of the program; the numbers are part of what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done.
    Ok = 0,
    /// The service's answer is no: its own error.
    Negative = 1,
    /// The command line or the input is wrong.
    Usage = 2,
    /// No server answers at the address.
    Unreachable = 3,
    /// No reply within the deadline; it may be unknown whether the call ran.
    Unanswered = 4,
    /// The server failed: a handler panicked, a reply was lost, the server is shutting down.
    Server = 5,
    /// The other side speaks another protocol, does not describe itself, or has no such service or method.
    Mismatch = 6,
}

/// An error text for people, with the exit status for scripts.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(status: Status, text: impl Display) -> Self {
        Failure { status, text: text.to_string() }
    }

    pub(crate) fn usage(text: impl Display) -> Self {
        Failure::new(Status::Usage, text)
    }

    /// Returns the same failure with the current step in front of its text.
    pub(crate) fn during(self, what: impl Display) -> Self {
        Failure { text: format!("{what}: {}", self.text), ..self }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match &error {
            // A text that is no address is a mistake of the command line; a host that is not known cannot be reached.
            ConnectError::Address(cause) if cause.kind() == io::ErrorKind::InvalidInput => {
                let forms = "the server's address is not HOST:PORT, as in 127.0.0.1:4000, or unix:/PATH";
                Failure::usage(format_args!("{forms}: {cause}"))
            }
            ConnectError::Rejected { .. } | ConnectError::NoSuchService { .. } => {
                Failure::new(Status::Mismatch, error)
            }
            ConnectError::LongName(_) | ConnectError::TooManyServices(_) => Failure::usage(error),
            _ => Failure::new(Status::Unreachable, error),
        }
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        let status = match &error {
            JsonError::Service(_) => Status::Negative,
            JsonError::Call(failed) => status_of(&failed.error),
            JsonError::Arguments { .. } => Status::Usage,
            JsonError::Untraced { .. } | JsonError::NoSuchName(_) | JsonError::NoReflection(_) => {
                Status::Mismatch
            }
            JsonError::Description(error) => status_of(error),
            _ => Status::Server, // a reply that cannot be read
        };
        match &error {
            // The advice of the framework is for programmers, and names a method.
            JsonError::Call(failed) if matches!(failed.error, CallError::Unknown(_)) => Failure::new(
                status,
                format_args!("{}; --resolve TIME waits for what became of it", cause(&error.to_string())),
            ),
            _ => Failure::new(status, error),
        }
    }
}

/// Returns the text of an error up to its advice.
fn cause(text: &str) -> &str {
    text.split("; ").next().unwrap_or(text)
}

/// Returns the exit status for a verdict.
pub(crate) fn status_of<E>(error: &CallError<E>) -> Status {
    match error {
        CallError::Service(_) => Status::Negative,
        CallError::Unknown(_) => Status::Unanswered,
        CallError::Panicked(_) | CallError::GivenUp(_) | CallError::ReplyLost(_) => Status::Server,
        CallError::NotExecuted(refused) => match refused.reason {
            Reason::Unreachable => Status::Unreachable,
            Reason::Cancelled | Reason::Deadline | Reason::NoFreeSlot => Status::Unanswered,
            Reason::NoSuchMethod | Reason::Contract | Reason::BadArguments => Status::Mismatch,
            Reason::TooLarge | Reason::Encode => Status::Usage,
            Reason::Denied => Status::Negative,
            _ => Status::Server, // busy, draining, closed
        },
    }
}

/// Writing the output failed. A reader that has closed the pipe is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Status::Ok, ""),
            _ => Failure::usage(error),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.text)) // it may have text of the server
    }
}

/// Ends the program: messages go to standard error, and the status says what happened.
pub(crate) fn finish(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if !failure.text.is_empty() {
        let _ = writeln!(io::stderr(), "rpc: {failure}"); // the status says it as well
    }
    ExitCode::from(failure.status as u8)
}
