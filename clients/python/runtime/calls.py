"""A call, its slot, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from .contract import Method
from .errors import Reason, UnknownCause

NEVER = float("inf")
NOT_EXECUTED = 16  # the first status of a call that did not run
DONE, FAILED, PANICKED, REPLY_LOST, GIVEN_UP = range(5)
NOT_KEPT = "its reply was sent once and not kept"  # W12: what servers of an earlier page say in place of milliseconds
REASONS = {
    16: Reason.CANCELLED,
    17: Reason.DEADLINE,
    18: Reason.BUSY,
    19: Reason.DRAINING,
    20: Reason.NO_SUCH_METHOD,
    21: Reason.BAD_ARGUMENTS,
    22: Reason.TOO_LARGE,
    23: Reason.DENIED,
}


@dataclass
class Settings:
    """Bounds and times, in seconds and bytes."""

    slots: int = 64
    """Calls in flight at once that the client asks for."""
    waiting: int = 4096
    """Calls that may wait for a slot."""
    timeout: float = 5.0
    """The time that a call has, if it says nothing else."""
    connect: float = 5.0
    """The time for the first connection."""
    attempt: float = 2.0
    """The time for one attempt to connect."""
    longest_body: int = 4 << 20
    """The longest reply that is read."""
    checksums: bool = True
    """False: no checksums over bodies, if the server agrees. Those of headers remain."""
    retry: bool = True
    """True: a call that the server refuses as busy or draining, and one of an idempotent method whose reply is lost, is made again."""


@dataclass(frozen=True)
class Outcome:
    """What became of a call: a reply, a refusal, or a cause for which it is not known."""

    status: int = DONE
    body: bytes = b""
    reason: Reason | None = None
    cause: UnknownCause | None = None
    detail: str = ""
    retry_after: float = 0.0


class Call:
    """One call. `outcome` is what its caller is told; `final` is what became of it, if that is known later."""

    def __init__(self, method: Method[Any], body: bytes, extra: bytes, deadline: float, done: Callable[[], None]) -> None:
        self.method, self.body, self.extra, self.deadline, self.done = method, body, extra, deadline, done
        self.outcome: Outcome | None = None
        self.final: Outcome | None = None
        self.orphaned = False
        self.seq, self.code, self.frame_body, self.body_crc = 0, 0, b"", 0
        self.resend_at, self.pause = NEVER, 1.0
        self.repeats = 0
        self.not_before = 0.0


class Slot:
    """A place for one call at a time, and the acknowledgement of the last reply in it."""

    def __init__(self) -> None:
        self.seq = 0
        self.call: Call | None = None
        self.answered = 0
        self.ack_at = NEVER
