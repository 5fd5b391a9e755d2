"""Between the calls of generated code and the core: values to bodies, and outcomes to values and errors."""

from __future__ import annotations

from typing import Any, Callable, Mapping, TypeVar

from . import wire
from .calls import DONE, FAILED, GIVEN_UP, NEVER, PANICKED, Call, Outcome
from .codec import DecodeError, EncodeError
from .contract import Method
from .errors import GivenUp, NotExecuted, Panicked, Reason, ReplyLost, ServiceError, UnknownCause, UnknownOutcome

T = TypeVar("T")


def make_call(
    method: Method[Any], arguments: tuple[Any, ...], metadata: Mapping[str, str] | None, deadline: float, peer: str
) -> Call:
    """A call that is ready to be sent. Values that are none of their formats are refused here."""
    try:
        body = method.arguments.encode(arguments)
        extra = wire.metadata(metadata) if metadata else b""
    except EncodeError as error:
        number, _, rest = error.path[1:].partition("]")
        place = method.names[int(number)] + rest if number.isdecimal() else error.path
        text = f"`{place}`: {error.text}" if place else error.text
        raise NotExecuted(f"{method.name} at {peer}", Reason.ENCODE, text) from None
    except (ValueError, RecursionError) as error:
        raise NotExecuted(f"{method.name} at {peer}", Reason.ENCODE, str(error)) from None
    return Call(method, body, extra, deadline, lambda: None)


def seconds(method: Method[Any], timeout: float | None, default: float) -> float:
    """The time that a call has."""
    if timeout is None:
        timeout = default if method.timeout is None else method.timeout
    return NEVER if timeout < 0 else timeout


def value_of(method: Method[T], outcome: Outcome, peer: str, resolve: Callable[[float], Any]) -> T:
    """The value of a call. Raises the error of any other outcome."""
    target = f"{method.name} at {peer}"
    if outcome.reason is not None:
        raise NotExecuted(target, outcome.reason, outcome.detail, outcome.retry_after)
    if outcome.cause is not None:
        raise UnknownOutcome(target, outcome.cause, resolve)
    if outcome.status == DONE:
        return _read(target, lambda: method.value.decode(outcome.body))
    if outcome.status == FAILED:
        if method.error is None:
            raise ReplyLost(target, "the service's own error came from a method that has none")
        codec = method.error
        error = _read(target, lambda: codec.decode(outcome.body))
        raise (method.raises or ServiceError)(target, error)
    if outcome.status == PANICKED:
        raise Panicked(target, outcome.detail)
    if outcome.status == GIVEN_UP:
        raise GivenUp(target, outcome.detail)
    raise ReplyLost(target, outcome.detail)


def _read(target: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (DecodeError, RecursionError) as error:
        raise ReplyLost(target, f"its reply could not be decoded: {error}") from None


def final_of(call: Call) -> Outcome:
    """What is known of a call now."""
    return call.final or call.outcome or Outcome(cause=UnknownCause.DEADLINE)


def split(address: str | tuple[str, int]) -> tuple[str, int]:
    """Host and port of `127.0.0.1:4000` or `[::1]:4000`."""
    if not isinstance(address, str):
        return address
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address: write host:port, as in 127.0.0.1:4000")
    return host.strip("[]"), int(port)
