"""Meets a server whose types have changed, one without the service, one of another protocol, and none."""

import asyncio
import sys

from generated import AsyncShopClient, ShopClient, runtime, types
from generated.runtime import ConnectError, NotExecuted, Reason, Settings


def raised(kind, run):
    try:
        value = run()
    except kind as error:
        print(f"{type(error).__name__}: {error}")
        return error
    raise AssertionError(f"no {kind.__name__} but {value!r}")


def changed(address):
    with ShopClient.connect(address) as shop:
        error = raised(NotExecuted, lambda: shop.order(types.Job(1, 2)))
        assert error.reason is Reason.CONTRACT and error.detail == "`Job.priority`: u8 here, u32 there", error
        error = raised(NotExecuted, lambda: shop.leave(1))
        assert error.reason is Reason.CONTRACT, error
        assert error.detail == "`fn leave(id: u64) -> u64` here, `fn leave(id: u32) -> u64` there", error
        assert shop.name() == "new"
        assert shop.promise(0) is None  # a variant behind the others is no difference
        assert raised(types.RefusalException, lambda: shop.promise(1)).error is types.Refusal.FULL
        assert "Refusal has no variant 1" in str(raised(runtime.ReplyLost, lambda: shop.promise(2)))


async def changed_async(address):
    async with await AsyncShopClient.connect(address) as shop:
        try:
            await shop.order(types.Job(1, 2))
            raise AssertionError("it ran")
        except NotExecuted as error:
            assert error.detail == "`Job.priority`: u8 here, u32 there", error
        assert await shop.name() == "new"


def main(new, other, foreign, gone):
    changed(new)
    asyncio.run(changed_async(new))
    quick = Settings(connect=0.5)
    for connect in (ShopClient.connect, lambda *all: asyncio.run(AsyncShopClient.connect(*all))):
        error = raised(ConnectError, lambda: connect(other, quick))
        assert str(error) == f"{other}: the server has no service `Shop`; those that it has: `ServerHealth`, `ServerReflection`", error
        error = raised(ConnectError, lambda: connect(foreign, quick))
        assert str(error).startswith(f"{foreign} does not speak this protocol"), error
        error = raised(ConnectError, lambda: connect(gone, Settings(connect=30.0)))
        assert str(error).startswith(f"connecting to {gone} failed: "), error
        error = raised(ConnectError, lambda: connect("no-such-host.invalid:1", Settings(connect=30.0)))
        raised(ValueError, lambda: connect("127.0.0.1"))
    print("all differences are told")


main(*sys.argv[1:])
