"""Reads values of random types, says what they are, and writes them again."""

import dataclasses
import enum
import json
import struct
import sys

from generated import samples
from generated.runtime import DecodeError, Some


def said(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "f:" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "s:" + value
    if isinstance(value, bytes):
        return "b:" + value.hex()
    if isinstance(value, Some):
        return said(value.value)
    if isinstance(value, dict):
        return ["list", *(["list", said(key), said(one)] for key, one in value.items())]
    if isinstance(value, (list, tuple)):
        return ["list", *map(said, value)]
    if isinstance(value, enum.Enum):
        return [type(value).__name__, value.value]
    assert dataclasses.is_dataclass(value), value
    return [type(value).__name__, *(said(getattr(value, field.name)) for field in dataclasses.fields(value))]


def main(path):
    methods = samples.CONTRACT.methods
    count = 0
    with open(path, encoding="utf-8") as lines:
        for method, line in zip(methods, lines, strict=True):
            data, expected = line.split(" ", 1)
            data = bytes.fromhex(data)
            (value,) = method.arguments.decode(data)
            assert said(value) == json.loads(expected), f"{method.formats}\n{said(value)}\n{expected}"
            assert method.arguments.encode((value,)) == data, f"{method.formats}: {value}"
            for end in range(min(len(data), 40)):  # what is cut is refused, or shorter by bytes that nothing needs
                try:
                    method.arguments.decode(data[:end])
                except DecodeError:
                    continue
                raise AssertionError(f"{method.formats}: {end} bytes of {len(data)} were read")
            count += 1
    print(f"{count} values are the same")


main(*sys.argv[1:])
