"""Frames and their bodies (W1 to W19 of docs/wire.md)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Mapping

HELLO, WELCOME, CALL, REPLY, CANCEL, ACK, PING, PONG = range(1, 9)
GOAWAY, SESSION_LOST, BUSY, BYE, METHODS, TABLE, REJECT = range(9, 16)
FROM_SERVERS = {WELCOME, REPLY, PONG, GOAWAY, SESSION_LOST, BUSY, TABLE, REJECT}
WITHOUT_BODY = {CANCEL, ACK, PING, PONG, GOAWAY, BUSY, BYE}

UNCHECKED, PROPERTIES, GIVEN_UP, DENIED, METADATA, TYPES = (1 << bit for bit in range(6))  # features, W9
HAS_METADATA = 1  # a bit of the code of a CALL, W13a
REJECT_VERSION = 2  # a code of W19: after it the client does not connect again by itself

HEADER = struct.Struct("<IBBHQQII")
HEADER_BYTES = HEADER.size + 4
LONGEST_BEFORE_WELCOME = 4096  # W4a
LONGEST_OPENING_HELLO = 4048  # W9b
LONGEST_METADATA = 1024  # W13a
NO_DEADLINE = 2**32 - 1
LAST_SEQ = 2**63 - 1


class Unsound(Exception):
    """Bytes that are no sound frame: the way may be at fault (W35)."""


class Broken(Exception):
    """A sound frame that breaks a rule: the server is broken (W35)."""


def _crc_table() -> list[int]:
    table: list[int] = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes | bytearray) -> int:
    """CRC-32C (W5), by a table of our own: Python's library has only the other polynomial."""
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Frame:
    kind: int
    code: int
    slot: int
    seq: int
    millis: int
    body: bytes
    too_long: bool = False  # a REPLY over the client's limit, whose body was skipped (W4d)


def frame(
    kind: int,
    body: bytes = b"",
    code: int = 0,
    slot: int = 0,
    seq: int = 0,
    method: int = 0,
    millis: int = 0,
    body_crc: int | None = None,
) -> bytes:
    """The bytes of a frame. `body_crc` is computed if it is not given."""
    crc = crc32c(body) if body_crc is None else body_crc
    fixed = HEADER.pack(32 + len(body), kind, code, slot, seq, method, millis, crc)
    return b"".join((fixed, crc32c(fixed).to_bytes(4, "little"), body))


class Decoder:
    """The frames in the bytes of one connection."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.longest = LONGEST_BEFORE_WELCOME
        self.checked = True
        self.skip = 0

    def add(self, data: bytes) -> None:
        if self.skip:
            skipped = min(self.skip, len(data))
            self.skip -= skipped
            data = data[skipped:]
        self.buffer += data

    def next(self) -> Frame | None:
        """The next whole frame. Raises `Unsound` or `Broken` for bytes that are none."""
        if len(self.buffer) < HEADER_BYTES:
            return None
        length, kind, code, slot, seq, _, millis, body_crc = HEADER.unpack_from(self.buffer)
        if crc32c(self.buffer[: HEADER.size]) != int.from_bytes(self.buffer[HEADER.size : HEADER_BYTES], "little"):
            raise Unsound("a header's checksum is wrong")
        if length < 32:
            raise Unsound("a frame is shorter than its header")
        if kind < HELLO or kind > REJECT:
            raise Unsound(f"unknown frame kind {kind}")
        size = length - 32
        if kind in WITHOUT_BODY and size:
            raise Unsound(f"a frame of kind {kind} with a body")
        if size > self.longest:
            return self._too_long(size, Frame(kind, code, slot, seq, millis, b"", True))
        if len(self.buffer) < HEADER_BYTES + size:
            return None
        body = bytes(self.buffer[HEADER_BYTES : HEADER_BYTES + size])
        del self.buffer[: HEADER_BYTES + size]
        if (self.checked or kind in (HELLO, WELCOME)) and crc32c(body) != body_crc:
            raise Unsound("a body's checksum is wrong")
        if kind not in FROM_SERVERS:
            raise Broken(f"a frame of kind {kind} from a server")
        return Frame(kind, code, slot, seq, millis, body)

    def _too_long(self, size: int, skipped: Frame) -> Frame:
        if self.longest == LONGEST_BEFORE_WELCOME:
            raise Unsound(f"a body of {size} bytes before the session stands")
        if skipped.kind != REPLY or size > 16 * self.longest:
            raise Broken(f"a body of {size} bytes; the limit is {self.longest}")
        del self.buffer[:HEADER_BYTES]
        here = min(size, len(self.buffer))
        del self.buffer[:here]
        self.skip = size - here
        return skipped


def _name(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


class Fields:
    """Reads the body of a control frame (W7)."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, count: int) -> bytes:
        taken = self.body[self.at : self.at + count]
        if len(taken) != count:
            raise Broken("a body that ends too early")
        self.at += count
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self, size: int) -> str:
        try:
            return self.take(size).decode()
        except UnicodeDecodeError:
            raise Broken("a text that is no UTF-8") from None

    def name(self) -> str:
        return self.text(self.number(1))

    def end(self) -> None:
        if self.at != len(self.body):
            raise Broken("a body with bytes left over")


@dataclass(frozen=True)
class Session:
    """What resumes a session."""

    id: bytes
    token: bytes


def hello(
    services: list[tuple[str, int, int]], slots: int, features: int, nonce: bytes, resume: Session | None
) -> bytes:
    """The body of HELLO (W9) of services with their contract hashes and the fingerprints of their types."""
    known = b"" if resume is None else resume.id + resume.token
    parts = [b"AMO\x01", struct.pack("<HHIHB", 1, 1, features, slots, resume is not None), known]
    parts.append(bytes([len(services)]))
    parts += (struct.pack("<Q", contract) + _name(name) for name, contract, _ in services)
    if resume is None:
        parts.append(struct.pack("<BH", 1, len(nonce)) + nonce)
    if services:
        types = b"".join(types.to_bytes(8, "little") for _, _, types in services)
        parts.append(struct.pack("<BH", 2, len(types)) + types)
    return b"".join(parts)


@dataclass(frozen=True)
class Welcome:
    """The body of WELCOME (W10)."""

    version: int
    features: int
    incarnation: bytes
    session: Session
    slots: int
    longest: int
    resumed: bool
    agreements: list[int]

    @staticmethod
    def read(body: bytes) -> Welcome:
        fields = Fields(body)
        version, features, incarnation = fields.number(2), fields.number(4), fields.take(16)
        session = Session(fields.take(16), fields.take(32))
        slots, longest, _lease, resumed = fields.number(2), fields.number(4), fields.number(4), fields.number(1)
        agreements = list(fields.take(fields.number(1)))
        fields.end()
        return Welcome(version, features, incarnation, session, slots, longest, resumed == 1, agreements)


@dataclass(frozen=True)
class Row:
    """A method in a TABLE, or a service in the TABLE of all services."""

    id: int
    name: str
    signature: str
    idempotent: bool = False
    types: int = 0
    formats: str = ""


@dataclass(frozen=True)
class Table:
    """The body of TABLE (W11)."""

    service: str
    rows: list[Row] = field(default_factory=list[Row])

    @staticmethod
    def read(body: bytes, features: int) -> Table:
        fields = Fields(body)
        table = Table(fields.name())
        for _ in range(fields.number(2)):
            id, name, signature = fields.number(8), fields.name(), fields.text(fields.number(2))
            idempotent, types, formats = False, 0, ""
            if features & PROPERTIES:
                idempotent = bool(fields.number(1) & 1)
            if features & TYPES:
                types, formats = fields.number(8), fields.text(fields.number(2))
            table.rows.append(Row(id, name, signature, idempotent, types, formats))
        fields.end()
        return table


def methods(service: str) -> bytes:
    """The body of METHODS; an empty name asks for all services."""
    return _name(service)


def metadata(entries: Mapping[str, str]) -> bytes:
    """Metadata behind arguments (W13a)."""
    parts: list[bytes] = []
    for key, value in sorted((key.encode(), value.encode()) for key, value in entries.items()):
        if not 1 <= len(key) <= 255:
            raise ValueError("a key of metadata has 1 to 255 bytes")
        if len(value) > LONGEST_METADATA:
            raise ValueError(f"metadata of more than {LONGEST_METADATA} bytes")
        parts += (bytes([len(key)]), key, len(value).to_bytes(2, "little"), value)
    body = b"".join(parts)
    if len(body) > LONGEST_METADATA:
        raise ValueError(f"metadata of {len(body)} bytes; at most {LONGEST_METADATA}")
    return body + len(body).to_bytes(2, "little")
