"""The errors of a call. The class of each tells if the call ran.

    RpcError
        ConnectError            there is no connection; nothing was called
        CallError
            NotExecuted         it did not run and never will: it is safe to call again
            Executed            it ran
                ServiceError        and returned the service's own error
                Panicked            and panicked: its effects may be partial
                GivenUp             and was given up by the service: its effects may be partial
                ReplyLost           and its reply is lost: read the state back
            UnknownOutcome      it may have run, or may still run
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Callable


class Reason(Enum):
    """The reason for which a call was not executed."""

    CANCELLED = "it was cancelled before it began"
    DEADLINE = "its deadline passed before it began"
    BUSY = "the server is busy"
    DRAINING = "the server is shutting down"
    NO_SUCH_METHOD = "the server has no such method"
    CONTRACT = "client and server disagree about the method"
    BAD_ARGUMENTS = "the server could not decode the arguments"
    DENIED = "it was denied"
    TOO_LARGE = "the arguments are too large"
    ENCODE = "the arguments could not be encoded"
    NO_FREE_SLOT = "no slot was free"
    UNREACHABLE = "the server could not be reached"
    CLOSED = "the client is closed"

    @property
    def may_pass(self) -> bool:
        """True if the same call may succeed later."""
        return self in _MAY_PASS


_MAY_PASS = {
    Reason.CANCELLED,
    Reason.DEADLINE,
    Reason.BUSY,
    Reason.DRAINING,
    Reason.NO_FREE_SLOT,
    Reason.UNREACHABLE,
}


class UnknownCause(Enum):
    """The reason for which it is not known if a call ran."""

    DEADLINE = "no reply arrived within its deadline"
    CANCELLED = "its caller gave it up before the reply arrived"
    SESSION_LOST = "the server restarted or forgot this client before it replied"
    BROKEN_SERVER = "the server broke the protocol"
    CLOSED = "the client was closed before the reply arrived"


class RpcError(Exception):
    """An error of this library."""


class ConnectError(RpcError):
    """There is no connection to a server with these services."""


class CallError(RpcError):
    """A call that returned no value."""

    ran: bool | None
    """True if it ran, False if it did not and never will, None if that is not known."""

    def __init__(self, target: str, text: str) -> None:
        super().__init__(f"{target} {text}")
        self.target = target
        """The method and the server: `Kv.get at 127.0.0.1:4000`."""


def _behind(detail: str) -> str:
    return f": {detail}" if detail else ""


class NotExecuted(CallError):
    """It did not run and never will: it is safe to call again."""

    ran = False

    def __init__(self, target: str, reason: Reason, detail: str = "", retry_after: float = 0.0) -> None:
        super().__init__(target, f"was not executed: {reason.value}{_behind(detail)}")
        self.reason, self.detail = reason, detail
        self.retry_after = retry_after
        """The pause that the server asks for before the next attempt, in seconds."""


class Executed(CallError):
    """It ran once; a call of an idempotent method ran at least once."""

    ran = True


class ServiceError(Executed):
    """It ran, and this is the service's own error. Generated code has a class for each type of error."""

    def __init__(self, target: str, error: object) -> None:
        super().__init__(target, f"returned an error: {error!r}")
        self.error = error


class Panicked(Executed):
    """It ran and panicked; its effects may be partial."""

    def __init__(self, target: str, detail: str) -> None:
        super().__init__(target, f"panicked{_behind(detail)}; its effects may be partial")
        self.detail = detail


class GivenUp(Executed):
    """It began, and the service gave it up; its effects may be partial."""

    def __init__(self, target: str, detail: str) -> None:
        super().__init__(target, f"began and was given up by the service{_behind(detail)}; its effects may be partial")
        self.detail = detail


class ReplyLost(Executed):
    """It ran, and its reply no longer exists: read the state back."""

    def __init__(self, target: str, detail: str) -> None:
        super().__init__(target, f"was executed but its reply is lost{_behind(detail)}; read the state back")
        self.detail = detail


class UnknownOutcome(CallError):
    """It was sent and has no reply: it may have run, or may still run.

    While `is_open` is true the client goes on asking for the reply, and `resolve` waits for it.
    """

    ran = None

    def __init__(self, target: str, cause: UnknownCause, resolve: Callable[[float], Any]) -> None:
        self.resolve = resolve
        """Waits for the outcome for so many seconds: it returns or raises what the call would have. With asyncio it is awaited."""
        self.cause = cause
        self.is_open = cause in (UnknownCause.DEADLINE, UnknownCause.CANCELLED)
        advice = "resolve it, or read the state back" if self.is_open else "read the state back"
        super().__init__(target, f"may or may not have run: {cause.value}; {advice}")
