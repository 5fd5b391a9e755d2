"""Appends lines over a bad network, and says what it was told of each: `ran`, `never` or `unknown`.

It appends so many lines, or, with 0, until its standard input ends.
"""

import asyncio
import itertools
import sys
import threading

from generated import AsyncJournalClient, JournalClient
from generated.runtime import Executed, NotExecuted, Settings, UnknownOutcome

SETTINGS = Settings(connect=30.0, timeout=1.0)
THREADS = 5


ENDED = threading.Event()


def numbers(first, count):
    """The numbers of one thread or task."""
    if count:
        yield from range(first, count, THREADS)
    else:
        yield from itertools.takewhile(lambda _: not ENDED.is_set(), itertools.count(first, THREADS))


def say(told, line):
    sys.stdout.write(f"{told} {line}\n")  # in one piece: threads share it
    sys.stdout.flush()


def after(error, first):
    """The verdict after an error, or None and the call to make next."""
    if isinstance(error, Executed):
        return "ran", None
    if isinstance(error, NotExecuted):
        return (None, first) if error.reason.may_pass else ("never", None)
    return (None, lambda: error.resolve(5.0)) if error.is_open else ("unknown", None)


def append(client, line):
    call = first = lambda: client.append(line)
    while call:
        try:
            call()
            return "ran"
        except (Executed, NotExecuted, UnknownOutcome) as error:
            told, call = after(error, first)
    return told


async def append_async(client, line):
    call = first = lambda: client.append(line)
    while call:
        try:
            await call()
            return "ran"
        except (Executed, NotExecuted, UnknownOutcome) as error:
            told, call = after(error, first)
    return told


def blocking(address, count):
    with JournalClient.connect(address, SETTINGS) as client:
        def run(first):
            for number in numbers(first, count):
                line = f"blocking {number}"
                say(append(client, line), line)

        threads = [threading.Thread(target=run, args=(first,)) for first in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


async def with_asyncio(address, count):
    async with await AsyncJournalClient.connect(address, SETTINGS) as client:
        async def run(first):
            for number in numbers(first, count):
                line = f"asyncio {number}"
                say(await append_async(client, line), line)

        await asyncio.gather(*(run(first) for first in range(THREADS)))


def main(kind, address, count):
    threading.Thread(target=lambda: (sys.stdin.read(), ENDED.set()), daemon=True).start()
    if kind == "blocking":
        blocking(address, int(count))
    else:
        asyncio.run(with_asyncio(address, int(count)))


main(*sys.argv[1:])
