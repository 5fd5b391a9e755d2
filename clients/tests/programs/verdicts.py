"""Calls of all kinds, blocking and with asyncio, and what their callers are told."""

import asyncio
import sys
import threading
import time

from generated import AsyncEchoClient, AsyncJournalClient, EchoClient, JournalClient, echo, journal, runtime, types
from generated.runtime import Reason


def raised(kind, run):
    try:
        value = run()
    except kind as error:
        assert type(error).__str__ is not None and str(error), "an error without a text"
        print(f"{type(error).__name__}: {error}")
        return error
    raise AssertionError(f"no {kind.__name__} but {value!r}")


EVERYTHING = types.Everything(
    bytes_=b"\0\xff",
    maybe=runtime.Some(None),
    by_unit={7: ["a", "\u00e9", "\U0001f600"]},
    by_list={b"k": 0.5},
    by_lists=[([1, 2], True)],
    hash=b"\1\2\3\4",
    point=(1.5, -0.0, float("inf")),
    one=(-128,),
    long=tuple(range(20)),
    large=(2**128 - 1, -(2**127), 2**64 - 1, -(2**63)),
    tree=[[], [[]]],
    colour=types.ResultErr("no"),
)
CALL = types.ExpressionCall("c", [types.ExpressionNumber(-1), types.ExpressionNothing()], runtime.Some(None))
SUM = types.ExpressionSum(CALL, types.ExpressionNothing())


def blocking(address):
    with EchoClient.connect(address) as client:
        assert client.everything(EVERYTHING) == EVERYTHING
        assert client.expression(SUM) == SUM
        assert client.nothing() is None
        assert client.close_(1, (2, "x")) == (1, (2, "x"))
        for number in range(80):
            raised_depth = types.ExpressionSum(SUM, SUM) if number == 0 else types.ExpressionSum(raised_depth, SUM)
        error = raised(runtime.NotExecuted, lambda: client.expression(raised_depth))
        assert error.reason is Reason.ENCODE, error
        error = raised(runtime.NotExecuted, lambda: client.close_(256, (0, "")))
        assert "`timeout`: expected an integer from 0 to 255" in str(error)
        error = raised(runtime.NotExecuted, lambda: client.close_(0, (0, 7)))
        assert "`metadata[1]`: expected a str, got 7" in str(error)
    error = raised(runtime.NotExecuted, lambda: client.nothing())
    assert error.reason is Reason.CLOSED

    with JournalClient.connect(address) as client:
        assert client.append("one") == 1
        assert client.append_new("two") == 2
        error = raised(types.JournalErrorException, lambda: client.append_new("two"))
        assert error.error == types.JournalErrorTwice() and error.ran is True
        error = raised(runtime.Executed, lambda: client.append_new("x" * 30))
        assert error.error == types.JournalErrorTooLong(20)
        error = raised(runtime.Panicked, lambda: client.append_and_panic("three"))
        assert "on purpose" in str(error)
        error = raised(runtime.GivenUp, lambda: client.append_and_give_up("four"))
        assert error.detail == "half of it is done"
        assert client.metadata("who", metadata={"who": "b\u00e9", "a": ""}) == "b\u00e9"
        assert client.metadata("who") is None
        error = raised(runtime.NotExecuted, lambda: client.append("never", metadata={"denied": "not you"}))
        assert error.reason is Reason.DENIED and error.detail == "not you" and not error.reason.may_pass
        error = raised(runtime.NotExecuted, lambda: client.append("never", metadata={"k": "v" * 2000}))
        error = raised(runtime.NotExecuted, lambda: client.append("x" * (5 << 20)))
        assert error.reason is Reason.TOO_LARGE

        error = raised(runtime.UnknownOutcome, lambda: client.append_slowly("five", 300, timeout=0.1))
        assert error.is_open and error.ran is None
        assert error.resolve(5.0) == 5
        pending = client.start.append_slowly("six", 200)
        time.sleep(0.05)
        pending.cancel()
        raised(runtime.UnknownOutcome, pending.result)
        assert pending.resolve(5.0) == 6

        many = [client.start.append(f"many {number}") for number in range(200)]
        assert sorted(pending.result() for pending in many) == list(range(7, 207))
        threads = [threading.Thread(target=lambda: [client.append("thread") for _ in range(25)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.lines().count("thread") == 200
        assert "never" not in client.lines()

    unchecked = runtime.Settings(checksums=False, slots=2)
    with JournalClient.connect(address, unchecked) as client:
        assert [pending.result() for pending in [client.start.metadata("k") for _ in range(20)]] == [None] * 20
    both = runtime.Connection(address, [echo.CONTRACT, journal.CONTRACT])
    EchoClient(both).nothing()
    assert JournalClient(both).metadata("k") is None
    both.close()


async def with_asyncio(address):
    async with await AsyncEchoClient.connect(address) as client:
        assert await client.everything(EVERYTHING) == EVERYTHING
        results = await asyncio.gather(*(client.close_(at, (at, "x")) for at in range(100)))
        assert results == [(at, (at, "x")) for at in range(100)]
    async with await AsyncJournalClient.connect(address) as client:
        count = len(await client.lines())
        try:
            await client.append_slowly("async five", 300, timeout=0.1)
            raise AssertionError("in time")
        except runtime.UnknownOutcome as error:
            assert await error.resolve(5.0) == count + 1
        task = asyncio.create_task(client.append_slowly("async six", 100))
        await asyncio.sleep(0.02)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
        try:
            await client.append_new("async five")
            raise AssertionError("twice")
        except types.JournalErrorException as error:
            assert error.error == types.JournalErrorTwice()


def main(address):
    blocking(address)
    asyncio.run(with_asyncio(address))
    print("all verdicts are right")


main(*sys.argv[1:])
