//! Exit statuses: one for each kind of failure, so that scripts can tell them apart.

use std::fmt::{self, Debug, Display};
use std::io;
use std::process::ExitCode;

use rpc_core::Reason;
use rpc_core::Unknown;
use rpc_core::UnknownCause;
use rpc_core::{CallError, ConnectError, ServeError};

use crate::messages::{flush, say};

/// The exit status of a program; the numbers are part of what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The service's answer is no: for example, there is no such key.
    Negative = 1,
    /// The command line or the input is wrong.
    Usage = 2,
    /// No server answers at the address.
    Unreachable = 3,
    /// No reply within the deadline; it may be unknown whether the call ran.
    Unanswered = 4,
    /// The server failed: a handler panicked, a reply was lost, the server is shutting down.
    Server = 5,
    /// The other side speaks another protocol, or was built from another trait.
    Mismatch = 6,
}

/// An error text for people, with the exit status for scripts.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: Status,
    /// The problem, its place, its cause, and what to do next.
    pub text: String,
}

impl Failure {
    /// A failure with this text.
    pub fn new(status: Status, text: impl Display) -> Self {
        Failure { status, text: text.to_string() }
    }

    /// Returns the same failure with the current step in front of its text.
    pub fn during(self, what: impl Display) -> Self {
        Failure { text: format!("{what}: {}", self.text), ..self }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match &error {
            // A text that is no address ("localhost" without a port) is a mistake of the command line; a host name that is
            // not known is a server that cannot be reached.
            ConnectError::Address(cause) if cause.kind() == io::ErrorKind::InvalidInput => {
                let forms = "the server's address is not HOST:PORT, as in 127.0.0.1:4000, or unix:/PATH";
                Failure::new(Status::Usage, format!("{forms}: {cause}"))
            }
            ConnectError::Rejected { .. } | ConnectError::NoSuchService { .. } => {
                Failure::new(Status::Mismatch, error)
            }
            _ => Failure::new(Status::Unreachable, error),
        }
    }
}

impl<E: Debug + 'static> From<CallError<E>> for Failure {
    fn from(error: CallError<E>) -> Self {
        Failure::of_call(error, "look at what the server holds before it is called again")
    }
}

impl Failure {
    /// Returns the failure of a call. `next` says what to do when it is unknown whether the call ran: the framework's
    /// own advice is for programmers, and names a method.
    pub fn of_call<E: Debug + 'static>(error: CallError<E>, next: &str) -> Self {
        let status = match &error {
            CallError::Service(_) => Status::Negative,
            CallError::NotExecuted(refusal) => status_of(refusal.reason),
            CallError::Unknown(_) => Status::Unanswered,
            CallError::Panicked(_) | CallError::GivenUp(_) | CallError::ReplyLost(_) => Status::Server,
        };
        match &error {
            CallError::Unknown(Unknown { target, cause, .. }) => {
                Failure::new(status, format!("{target} may or may not have run: {}; {next}", why(*cause)))
            }
            _ => Failure::new(status, error),
        }
    }
}

fn why(cause: UnknownCause) -> &'static str {
    match cause {
        UnknownCause::Deadline => "no answer came within its deadline",
        UnknownCause::Unreachable => "it was sent, and the server can no longer be reached",
        UnknownCause::SessionLost => "the server restarted or forgot this client before it answered",
        UnknownCause::BrokenServer => "the server broke the protocol",
        UnknownCause::Closed => "the client was closed first",
        UnknownCause::Forked => "the process from which this one was forked has started the call",
        _ => "the cause is unknown",
    }
}

/// The exit status of a call that was not executed.
fn status_of(reason: Reason) -> Status {
    match reason {
        Reason::Unreachable => Status::Unreachable,
        Reason::Cancelled | Reason::Deadline | Reason::NoFreeSlot => Status::Unanswered,
        Reason::NoSuchMethod | Reason::Contract | Reason::BadArguments => Status::Mismatch,
        Reason::TooLarge | Reason::Encode => Status::Usage,
        _ => Status::Server, // busy, draining, closed
    }
}

/// Writing the output failed. A reader that has closed the pipe (`kv dump
/// head`) is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Status::Ok, ""),
            // What a child process should have said: see `children`.
            io::ErrorKind::TimedOut | io::ErrorKind::UnexpectedEof => Failure::new(Status::Server, error),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Failure::new(Status::Usage, error).during("cannot write the output")
            }
            _ => Failure::new(Status::Usage, error),
        }
    }
}

/// No server can be started here.
impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Failure::new(Status::Server, error)
    }
}

/// Ends a program: messages go to standard error, and the status says what happened.
pub fn finish(program: &str, result: Result<(), Failure>) -> ExitCode {
    let status = match result {
        Ok(()) => Status::Ok,
        Err(failure) => {
            if !failure.text.is_empty() {
                say(format_args!("{program}: {failure}"));
            }
            failure.status
        }
    };
    flush();
    ExitCode::from(status as u8)
}
