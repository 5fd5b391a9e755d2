"""A client for asyncio. It belongs to the event loop in which it was connected."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from types import TracebackType
from typing import Any, Mapping, Sequence, TypeVar

from .calls import NEVER, Call, Settings
from .contract import Contract, Method
from .core import Core
from .errors import ConnectError, Reason, UnknownCause
from .pending import final_of, make_call, seconds, split, value_of

T = TypeVar("T")


class _Bytes(asyncio.Protocol):
    """The bytes of one connection."""

    def __init__(self, owner: AsyncConnection) -> None:
        self.owner = owner

    def data_received(self, data: bytes) -> None:
        self.owner.received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        peer = self.owner.peer
        self.owner.lost(self, f"{peer} has closed the connection" if exc is None else f"the connection to {peer} was lost: {exc}")


class AsyncConnection:
    """A session with a server, and the connection that carries it. It connects again by itself."""

    def __init__(
        self, address: str | tuple[str, int], contracts: Sequence[Contract], settings: Settings | None = None
    ) -> None:
        self._address = split(address)
        self.peer = ":".join(map(str, self._address))
        self._settings = settings or Settings()
        self._core = Core(list(contracts), self._settings, os.urandom)
        self._loop = asyncio.get_running_loop()
        self._bytes: _Bytes | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._refused = False

    async def connect(self) -> None:
        """Connects. Raises `ConnectError` if there is no server of this protocol with these services."""
        until = time.monotonic() + self._settings.connect
        self._pump()
        while not self._core.ready():
            left = until - time.monotonic()
            if self._refused or self._core.refused_for_good or left <= 0:
                why = self._core.failure or f"{self.peer} gave no answer within {self._settings.connect:g} s"
                await self.close()
                raise ConnectError(why)
            await self._change(left)
        missing = self._core.missing()
        if missing:
            await self.close()
            raise ConnectError(f"{self.peer}: {missing}")

    async def _change(self, timeout: float) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except asyncio.TimeoutError:
            pass

    async def call(
        self, method: Method[T], arguments: tuple[Any, ...], timeout: float | None, metadata: Mapping[str, str] | None
    ) -> T:
        """Makes a call. A task that is cancelled gives its call up."""
        now = time.monotonic()
        deadline = now + seconds(method, timeout, self._settings.timeout)
        call = make_call(method, arguments, metadata, deadline, self.peer)
        ended: asyncio.Future[None] = self._loop.create_future()
        call.done = lambda: None if ended.done() else ended.set_result(None)
        self._core.submit(call, now)
        self._pump()
        try:
            await ended
        except asyncio.CancelledError:
            self._core.give_up(call, UnknownCause.CANCELLED, Reason.CANCELLED, time.monotonic())
            self._pump()
            raise
        return self._value(method, call)

    def _value(self, method: Method[T], call: Call) -> T:
        async def resolve(timeout: float) -> T:
            ended: asyncio.Future[None] = self._loop.create_future()
            call.done = lambda: None if ended.done() else ended.set_result(None)
            if call.final is None:
                await asyncio.wait([ended], timeout=timeout)
            return value_of(method, final_of(call), self.peer, resolve)

        return value_of(method, call.outcome or final_of(call), self.peer, resolve)

    async def close(self) -> None:
        """Ends the session. Calls that are under way are unknown."""
        self._core.close(time.monotonic())
        self._pump()
        if self._timer is not None:
            self._timer.cancel()
        if self._attempt is not None:
            self._attempt.cancel()
        await asyncio.sleep(0)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Events

    def _pump(self) -> None:
        """Does what is due: writes, closes, connects, and sets the timer."""
        now = time.monotonic()
        core = self._core
        core.tick(now)
        if self._transport is not None and core.out:
            self._transport.write(bytes(core.out))
            core.out.clear()
        if core.wants_close:
            why, bytes_ = core.failure, self._bytes
            if self._transport is not None:
                self._transport.close()
            elif self._attempt is not None:
                self._attempt.cancel()
            self._forget(bytes_, why)
        if core.wants_connection(now):
            core.connecting(now)
            self._attempt = self._loop.create_task(self._connect())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wakeup = NEVER if core.closed else core.wakeup()
        if wakeup != NEVER:
            self._timer = self._loop.call_later(max(0.0, min(wakeup - time.monotonic(), 3600.0)), self._pump)
        self._changed.set()

    async def _connect(self) -> None:
        try:
            transport, bytes_ = await self._loop.create_connection(lambda: _Bytes(self), *self._address)
        except OSError as error:
            self._refused = isinstance(error, ConnectionRefusedError) or _all_refused(error)
            self._refused = self._refused or isinstance(error, socket.gaierror)
            self._core.lost(f"connecting to {self.peer} failed: {error}", time.monotonic(), self._refused)
            self._pump()
            return
        if self._core.state != "connecting":
            transport.close()
            return
        self._transport, self._bytes, self._refused = transport, bytes_, False
        self._core.connected(self.peer, time.monotonic())
        self._pump()

    def received(self, bytes_: _Bytes, data: bytes) -> None:
        if bytes_ is self._bytes:
            self._core.received(data, time.monotonic())
            self._pump()

    def lost(self, bytes_: _Bytes, why: str) -> None:
        if bytes_ is self._bytes:
            self._forget(bytes_, why)
            self._pump()

    def _forget(self, bytes_: _Bytes | None, why: str) -> None:
        if bytes_ is self._bytes:
            self._transport, self._bytes = None, None
        self._core.lost(why, time.monotonic())
        self._core.wants_close = False


def _all_refused(error: OSError) -> bool:
    """True if each address of a name has refused: asyncio has one error with all texts for that."""
    text = str(error)
    return text.startswith("Multiple exceptions:") and text.count("Errno") == text.count("Connect call failed")
