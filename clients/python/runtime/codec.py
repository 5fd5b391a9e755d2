"""Values to bytes and back (W14, W15 of docs/wire.md): one `Codec` for each format."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import Any, Callable, Generic, Mapping, Sequence, TypeVar, cast

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
E = TypeVar("E", bound=Enum)

NESTING = 64  # levels of a value, as servers take by default
SPARE_ELEMENTS = 1024  # elements of lists and maps beyond the bytes of a body


class EncodeError(ValueError):
    """A value that is none of its format."""

    def __init__(self, text: str, path: str = "") -> None:
        super().__init__(f"{path}: {text}" if path else text)
        self.text, self.path = text, path

    def below(self, step: str) -> EncodeError:
        joined = step if not self.path else step + ("" if self.path[0] == "[" else ".") + self.path
        return EncodeError(self.text, joined)


class DecodeError(ValueError):
    """Bytes that are no value of the format."""


@dataclass(frozen=True)
class Some(Generic[T]):
    """A value that is present, where the value itself can be `None`: an option of an option."""

    value: T


class Writer:
    """The bytes of a value, and its present depth."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.depth = 0

    def enter(self) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise EncodeError(f"nested deeper than {NESTING} levels")


class Reader:
    """Reads a body from its beginning. It takes no more elements than the body can pay for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.depth = data, 0, 0
        self.elements = len(data) + SPARE_ELEMENTS

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise DecodeError(f"{count} bytes are needed at byte {self.at}, and {len(self.data) - self.at} are there")
        taken, self.at = self.data[self.at : end], end
        return taken

    def enter(self) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise DecodeError(f"nested deeper than {NESTING} levels")

    def count(self) -> int:
        """The number of elements of a list or map, taken from what is left of them."""
        number = int.from_bytes(self.take(8), "little")
        self.elements -= number
        if self.elements < 0:
            raise DecodeError(f"{number} elements are more than the bytes can have")
        return number

    def end(self) -> None:
        if self.at != len(self.data):
            raise DecodeError(f"{len(self.data) - self.at} bytes are left over")


@dataclass(frozen=True)
class Codec(Generic[T]):
    """Writes and reads the values of one format."""

    write: Callable[[Writer, T], None]
    read: Callable[[Reader], T]

    def encode(self, value: T) -> bytes:
        writer = Writer()
        self.write(writer, value)
        return bytes(writer.bytes)

    def decode(self, data: bytes) -> T:
        reader = Reader(data)
        value = self.read(reader)
        reader.end()
        return value


def _expected(what: str, value: object) -> EncodeError:
    shown = repr(value)
    return EncodeError(f"expected {what}, got {shown if len(shown) <= 60 else shown[:57] + '...'}")


def _integer(bits: int, signed: bool) -> Codec[int]:
    size, low = bits // 8, -(1 << bits - 1) if signed else 0
    high = low + (1 << bits) - 1
    name = f"{'i' if signed else 'u'}{bits}"

    def write(writer: Writer, value: int) -> None:
        # `True` is an int in Python, and no number for a reader.
        if type(value) is not int or not low <= value <= high:
            raise _expected(f"an integer from {low} to {high} ({name})", value)
        writer.bytes += value.to_bytes(size, "little", signed=signed)

    return Codec(write, lambda reader: int.from_bytes(reader.take(size), "little", signed=signed))


def _float(form: str, size: int, name: str) -> Codec[float]:
    def write(writer: Writer, value: float) -> None:
        if type(value) is not float and type(value) is not int:
            raise _expected(f"a number ({name})", value)
        try:
            writer.bytes += struct.pack(form, value)
        except OverflowError:
            raise _expected(f"a number that fits into {name}", value) from None

    def read(reader: Reader) -> float:
        return cast(float, struct.unpack(form, reader.take(size))[0])

    return Codec(write, read)


def _write_bool(writer: Writer, value: bool) -> None:
    if type(value) is not bool:
        raise _expected("True or False", value)
    writer.bytes.append(value)


def _flag(reader: Reader) -> bool:
    byte = reader.take(1)[0]
    if byte > 1:
        raise DecodeError(f"{byte} is no flag, at byte {reader.at - 1}")
    return byte == 1


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"no UTF-8: {error}") from None


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise _expected("text without single surrogates", value) from None


def _write_str(writer: Writer, value: str) -> None:
    if not isinstance(cast(object, value), str):
        raise _expected("a str", value)
    data = _utf8(value)
    writer.bytes += len(data).to_bytes(8, "little") + data


def _write_char(writer: Writer, value: str) -> None:
    if not isinstance(cast(object, value), str) or len(value) != 1:
        raise _expected("one character", value)
    writer.bytes += _utf8(value)


def _read_char(reader: Reader) -> str:
    first = reader.take(1)
    more = 0 if first[0] < 0x80 else 1 if first[0] < 0xE0 else 2 if first[0] < 0xF0 else 3
    return _text(first + reader.take(more))


def _write_bytes(writer: Writer, value: bytes) -> None:
    if not isinstance(cast(object, value), (bytes, bytearray, memoryview)):
        raise _expected("bytes", value)
    writer.bytes += len(value).to_bytes(8, "little") + value


def _write_unit(writer: Writer, value: None) -> None:
    if cast(object, value) is not None:
        raise _expected("None", value)


UNIT: Codec[None] = Codec(_write_unit, lambda reader: None)
BOOL: Codec[bool] = Codec(_write_bool, _flag)
I8, I16, I32, I64, I128 = (_integer(bits, True) for bits in (8, 16, 32, 64, 128))
U8, U16, U32, U64, U128 = (_integer(bits, False) for bits in (8, 16, 32, 64, 128))
F32, F64 = _float("<f", 4, "f32"), _float("<d", 8, "f64")
CHAR: Codec[str] = Codec(_write_char, _read_char)
STR: Codec[str] = Codec(_write_str, lambda reader: _text(reader.take(int.from_bytes(reader.take(8), "little"))))
BYTES: Codec[bytes] = Codec(_write_bytes, lambda reader: reader.take(int.from_bytes(reader.take(8), "little")))


def byte_array(length: int) -> Codec[bytes]:
    """Bytes of one length, which is not written: `[u8; 4]`."""

    def write(writer: Writer, value: bytes) -> None:
        if not isinstance(cast(object, value), (bytes, bytearray, memoryview)) or len(value) != length:
            raise _expected(f"{length} bytes", value)
        writer.bytes += value

    return Codec(write, lambda reader: reader.take(length))


def _option(inner: Codec[T], wrapped: bool) -> Codec[Any]:
    def write(writer: Writer, value: Any) -> None:
        if value is None:
            writer.bytes.append(0)
            return
        if wrapped and not isinstance(value, Some):
            raise _expected("None or Some(..)", value)
        writer.bytes.append(1)
        writer.enter()
        inner.write(writer, cast("Some[T]", value).value if wrapped else cast("T", value))
        writer.depth -= 1

    def read(reader: Reader) -> Any:
        if not _flag(reader):
            return None
        reader.enter()
        value = inner.read(reader)
        reader.depth -= 1
        return Some(value) if wrapped else value

    return Codec(write, read)


def option(inner: Codec[T]) -> Codec[T | None]:
    """A value or `None`."""
    return _option(inner, False)


def some(inner: Codec[T]) -> Codec[Some[T] | None]:
    """`Some(value)` or `None`, where the value itself can be `None`."""
    return _option(inner, True)


def listed(inner: Codec[T]) -> Codec[list[T]]:
    """A list of any length."""

    def write(writer: Writer, value: list[T]) -> None:
        if isinstance(cast(object, value), (str, bytes)) or not isinstance(cast(object, value), Sequence):
            raise _expected("a list", value)
        writer.bytes += len(value).to_bytes(8, "little")
        writer.enter()
        _each(writer, value, inner)
        writer.depth -= 1

    def read(reader: Reader) -> list[T]:
        count = reader.count()
        reader.enter()
        values = [inner.read(reader) for _ in range(count)]
        reader.depth -= 1
        return values

    return Codec(write, read)


def _each(writer: Writer, values: Sequence[T], inner: Codec[T]) -> None:
    for index, value in enumerate(values):
        try:
            inner.write(writer, value)
        except EncodeError as error:
            raise error.below(f"[{index}]") from None


def _pairs(key: Codec[K], value: Codec[V]) -> Codec[list[tuple[K, V]]]:
    def write(writer: Writer, entries: list[tuple[K, V]]) -> None:
        writer.bytes += len(entries).to_bytes(8, "little")
        writer.enter()
        for one, other in entries:
            try:
                key.write(writer, one)
                value.write(writer, other)
            except EncodeError as error:
                raise error.below(f"[{one!r}]") from None
        writer.depth -= 1

    def read(reader: Reader) -> list[tuple[K, V]]:
        count = reader.count()
        reader.enter()
        entries = [(key.read(reader), value.read(reader)) for _ in range(count)]
        reader.depth -= 1
        return entries

    return Codec(write, read)


def pairs(key: Codec[K], value: Codec[V]) -> Codec[list[tuple[K, V]]]:
    """A map whose keys Python cannot look up, as its entries."""
    inner = _pairs(key, value)

    def write(writer: Writer, entries: list[tuple[K, V]]) -> None:
        if not isinstance(cast(object, entries), list):
            raise _expected("a list of pairs", entries)
        inner.write(writer, entries)

    return Codec(write, inner.read)


def mapping(key: Codec[K], value: Codec[V]) -> Codec[dict[K, V]]:
    """A map."""
    inner = _pairs(key, value)

    def write(writer: Writer, entries: dict[K, V]) -> None:
        if not isinstance(cast(object, entries), Mapping):
            raise _expected("a dict", entries)
        inner.write(writer, list(entries.items()))

    return Codec(write, lambda reader: dict(inner.read(reader)))


def fixed(*inner: Codec[Any]) -> Codec[Any]:
    """A tuple: values of these formats, one behind the other."""

    def write(writer: Writer, value: Any) -> None:
        if not isinstance(value, (tuple, list)) or len(cast(Sequence[object], value)) != len(inner):
            raise _expected(f"a tuple of {len(inner)}", cast(object, value))
        writer.enter()
        for index, (codec, one) in enumerate(zip(inner, cast(Sequence[Any], value))):
            try:
                codec.write(writer, one)
            except EncodeError as error:
                raise error.below(f"[{index}]") from None
        writer.depth -= 1

    def read(reader: Reader) -> Any:
        reader.enter()
        values = tuple(codec.read(reader) for codec in inner)
        reader.depth -= 1
        return values

    return Codec(write, read)


def array(inner: Codec[T], length: int) -> Codec[tuple[T, ...]]:
    """A tuple of so many values of one format."""

    def write(writer: Writer, value: tuple[T, ...]) -> None:
        if not isinstance(cast(object, value), (tuple, list)) or len(value) != length:
            raise _expected(f"a tuple of {length}", value)
        writer.enter()
        _each(writer, value, inner)
        writer.depth -= 1

    def read(reader: Reader) -> tuple[T, ...]:
        reader.enter()
        values = tuple(inner.read(reader) for _ in range(length))
        reader.depth -= 1
        return values

    return Codec(write, read)


def record(made: Callable[..., T], /, **fields: Codec[Any]) -> Codec[T]:
    """A dataclass: its fields in their order."""
    name = getattr(made, "__name__", "")

    def write(writer: Writer, value: T) -> None:
        if type(value) is not made:
            raise _expected(f"a {name}", value)
        writer.enter()
        for field, codec in fields.items():
            try:
                codec.write(writer, getattr(value, field))
            except EncodeError as error:
                raise error.below(field) from None
        writer.depth -= 1

    def read(reader: Reader) -> T:
        reader.enter()
        values = [codec.read(reader) for codec in fields.values()]
        reader.depth -= 1
        return made(*values)

    return Codec(write, read)


def _variant(reader: Reader, count: int, name: str) -> int:
    number = int.from_bytes(reader.take(4), "little")
    if number >= count:
        raise DecodeError(f"{name} has no variant {number}")
    return number


def names(made: type[E]) -> Codec[E]:
    """An enum whose variants have no fields. The value of each is its number."""
    members = list(made)

    def write(writer: Writer, value: E) -> None:
        if type(value) is not made:
            raise _expected(f"a member of {made.__name__}", value)
        writer.bytes += int(value.value).to_bytes(4, "little")

    return Codec(write, lambda reader: members[_variant(reader, len(members), made.__name__)])


def variants(name: str, *made: tuple[type[Any], Codec[Any]]) -> Codec[Any]:
    """An enum: a class for each variant, in the order of their numbers."""
    numbers = {one: (number, codec) for number, (one, codec) in enumerate(made)}

    def write(writer: Writer, value: Any) -> None:
        found = numbers.get(cast(type[Any], type(value)))
        if found is None:
            raise _expected(f"a variant of {name}", value)
        writer.bytes += found[0].to_bytes(4, "little")
        found[1].write(writer, value)

    return Codec(write, lambda reader: made[_variant(reader, len(made), name)][1].read(reader))


def lazy(codec: Callable[[], Codec[T]]) -> Codec[T]:
    """The codec of a type that is defined later: it contains itself."""
    return Codec(lambda writer, value: codec().write(writer, value), lambda reader: codec().read(reader))
