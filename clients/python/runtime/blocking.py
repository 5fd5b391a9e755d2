"""A client whose calls block. Threads may share it; a thread of its own carries the bytes."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Any, Generic, Mapping, Sequence, TypeVar

from .calls import Call, Outcome, Settings
from .contract import Contract, Method
from .core import Core
from .errors import ConnectError, Reason, UnknownCause
from .pending import final_of, make_call, seconds, split, value_of

T = TypeVar("T")
LONGEST_WAIT = 3600.0  # a wait without an end: some systems refuse longer ones


class Pending(Generic[T]):
    """A call that was started."""

    def __init__(self, connection: Connection, method: Method[T], call: Call) -> None:
        self._connection, self._method, self._call = connection, method, call
        self._ended = threading.Event()
        call.done = self._ended.set

    def done(self) -> bool:
        """True if `result` would not wait."""
        return self._call.outcome is not None

    def cancel(self) -> None:
        """Gives the call up. It did not run if it has not begun; `result` tells."""
        self._connection._give_up(self._call, UnknownCause.CANCELLED, Reason.CANCELLED)  # pyright: ignore[reportPrivateUsage]

    def result(self) -> T:
        """Waits for the outcome: the value, or the error of the call. It comes at the call's deadline at the latest."""
        while (outcome := self._call.outcome) is None:
            left = self._call.deadline - time.monotonic()
            if not self._ended.wait(min(max(left, 0.0), LONGEST_WAIT)) and left <= 0:
                self._connection._give_up(self._call, UnknownCause.DEADLINE, Reason.DEADLINE)  # pyright: ignore[reportPrivateUsage]
        return self._value(outcome)

    def resolve(self, timeout: float) -> T:
        """Waits for what became of a call whose outcome was unknown, for at most so many seconds."""
        self._ended.clear()
        self._call.done = self._ended.set
        if self._call.final is None:
            self._ended.wait(timeout)
        return self._value(final_of(self._call))

    def _value(self, outcome: Outcome) -> T:
        return value_of(self._method, outcome, self._connection.peer, self.resolve)


class Connection:
    """A session with a server, and the connection that carries it. It connects again by itself."""

    def __init__(
        self, address: str | tuple[str, int], contracts: Sequence[Contract], settings: Settings | None = None
    ) -> None:
        """Connects. Raises `ConnectError` if there is no server of this protocol with these services."""
        self._address = split(address)
        self.peer = ":".join(map(str, self._address))
        self._settings = settings or Settings()
        self._core = Core(list(contracts), self._settings, os.urandom)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._awake, self._waker = socket.socketpair()
        self._awake.setblocking(False)
        self._waker.setblocking(False)
        self._socket: socket.socket | None = None
        self._unsent = bytearray()
        self._refused = False
        self._thread = threading.Thread(target=self._run, name=f"rpc {self.peer}", daemon=True)
        self._thread.start()
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + self._settings.connect
        with self._lock:
            while not self._core.ready():
                left = until - time.monotonic()
                over = self._refused or self._core.refused_for_good or left <= 0
                if over:
                    why = self._core.failure or f"{self.peer} gave no answer within {self._settings.connect:g} s"
                    self.close()
                    raise ConnectError(why)
                self._changed.wait(left)
            missing = self._core.missing()
        if missing:
            self.close()
            raise ConnectError(f"{self.peer}: {missing}")

    def start(
        self, method: Method[T], arguments: tuple[Any, ...], timeout: float | None, metadata: Mapping[str, str] | None
    ) -> Pending[T]:
        """Starts a call."""
        now = time.monotonic()
        deadline = now + seconds(method, timeout, self._settings.timeout)
        call = make_call(method, arguments, metadata, deadline, self.peer)
        pending = Pending(self, method, call)
        with self._lock:
            self._core.submit(call, now)
            self._wake()
        return pending

    def _give_up(self, call: Call, cause: UnknownCause, reason: Reason) -> None:
        with self._lock:
            self._core.give_up(call, cause, reason, time.monotonic())
            self._wake()

    def close(self) -> None:
        """Ends the session. Calls that are under way are unknown."""
        with self._lock:
            self._core.close(time.monotonic())
            self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(self._settings.attempt)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The thread of the connection

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except OSError:
            pass  # enough bytes are there, or the thread has ended

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._awake, selectors.EVENT_READ)
        try:
            while self._step(selector):
                pass
        finally:
            self._drop(selector)
            selector.close()
            self._awake.close()

    def _step(self, selector: selectors.BaseSelector) -> bool:
        now = time.monotonic()
        with self._lock:
            self._core.tick(now)
            self._unsent += self._core.out
            self._core.out.clear()
            closes, connects = self._core.wants_close, self._core.wants_connection(now)
            if connects:
                self._core.connecting(now)
        if connects:
            self._connect(selector)
            return True
        self._write()
        if closes or (self._socket is None and self._core.state != "down"):
            self._lose(selector, self._core.failure)
            return not self._core.closed
        if self._core.closed:
            return False
        with self._lock:
            wakeup = self._core.wakeup()
            more = bool(self._core.out) or self._core.wants_close
        if not more:
            self._sleep(selector, min(max(0.0, wakeup - time.monotonic()), LONGEST_WAIT))
        return True

    def _sleep(self, selector: selectors.BaseSelector, timeout: float) -> None:
        if self._socket is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
            selector.modify(self._socket, events)
        for key, _ in selector.select(timeout):
            if key.fileobj is self._awake:
                self._awake.recv(4096)
            elif key.fileobj is self._socket:
                self._read(selector)

    def _connect(self, selector: selectors.BaseSelector) -> None:
        try:
            connection = socket.create_connection(self._address, timeout=self._settings.attempt)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            with self._lock:
                self._refused = isinstance(error, (ConnectionRefusedError, socket.gaierror))
                self._core.lost(f"connecting to {self.peer} failed: {error}", time.monotonic(), self._refused)
                self._changed.notify_all()
            return
        connection.setblocking(False)
        self._socket = connection
        selector.register(connection, selectors.EVENT_READ)
        with self._lock:
            self._unsent.clear()
            self._refused = False
            self._core.connected(self.peer, time.monotonic())

    def _write(self) -> None:
        if self._socket is None or not self._unsent:
            return
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            pass  # what was lost is read next: the reason may be there

    def _read(self, selector: selectors.BaseSelector) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(1 << 18)
            why = f"{self.peer} has closed the connection"
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            data, why = b"", f"the connection to {self.peer} was lost: {error}"
        if data:
            with self._lock:
                self._core.received(data, time.monotonic())
                self._changed.notify_all()
        else:
            self._lose(selector, why)

    def _lose(self, selector: selectors.BaseSelector, why: str) -> None:
        self._drop(selector)
        with self._lock:
            self._core.lost(why, time.monotonic())
            self._core.wants_close = False
            self._changed.notify_all()

    def _drop(self, selector: selectors.BaseSelector) -> None:
        if self._socket is not None:
            selector.unregister(self._socket)
            self._socket.close()
            self._socket = None
