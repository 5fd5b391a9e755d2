"""What a client expects of a service, and the differences to what the server has (W16 and W17 of docs/wire.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, TypeVar

from .codec import Codec
from .wire import Row, Table

T = TypeVar("T")


@dataclass(frozen=True)
class Method(Generic[T]):
    """A method: its id, the format of its arguments and replies, and its policies."""

    name: str
    id: int
    types: int
    signature: str
    formats: str
    names: tuple[str, ...]
    arguments: Codec[Any]
    value: Codec[T]
    error: Codec[Any] | None = None
    raises: Callable[[str, Any], Exception] | None = None
    idempotent: bool = False
    timeout: float | None = None


@dataclass(frozen=True)
class Contract:
    """A service: its name, and the hashes over its methods and their types."""

    service: str
    hash: int
    types: int
    methods: tuple[Method[Any], ...] = ()


@dataclass
class Judgement:
    """The methods of a service that must not be called, with the reasons; all of them while the server's table is awaited."""

    waiting: bool = False
    refused: dict[int, str] = field(default_factory=dict[int, str])
    missing: str = ""


def judge(contract: Contract, table: Table) -> dict[int, str]:
    """The methods that the server has otherwise, with the difference."""
    refused: dict[int, str] = {}
    rows = {row.id: row for row in table.rows}
    for method in contract.methods:
        row = rows.get(method.id)
        if row is None:
            refused[method.id] = _other_signature(method, table)
        elif method.types and row.types and method.types != row.types:
            difference = _difference(method.formats, row.formats)
            if difference:
                refused[method.id] = difference
    return refused


def _other_signature(method: Method[Any], table: Table) -> str:
    theirs = next((row for row in table.rows if row.name == method.name), None)
    if theirs is not None:
        return f"`{method.signature}` here, `{theirs.signature}` there"
    known = ", ".join(f"`{row.name}`" for row in table.rows) or "none"
    return f"the server has no method `{method.name}`; those that it has: {known}"


def no_service(name: str, known: list[Row]) -> str:
    """A sentence about a service that the server does not have."""
    names = ", ".join(f"`{row.name}`" for row in known) or "none"
    return f"the server has no service `{name}`; those that it has: {names}"


def _difference(here: str, there: str) -> str:
    """The first difference of two texts of formats; empty if they differ in names of types, or in last variants, only."""
    try:
        ours, theirs = _Text(here), _Text(there)
    except (ValueError, RecursionError):
        return f"types that cannot be compared: `{here}` here, `{there}` there"
    found = _Comparison(ours.types, theirs.types).compare(ours.roots, theirs.roots, "")
    return "" if found is None else found


# A format is a tuple: its word, and its parts. `("struct", names, formats)` has names of fields, `("enum", [(name, fields)])` variants.
_Format = tuple[Any, ...]
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"(?:\'\w+)?|\w+(?:\'\w+)?|->|.)')
_LEAVES = {"bool", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "f64", "char", "str", "bytes"}


class _Text:
    """Reads the text of W17b."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        self.types: dict[str, _Format] = {}
        self.expect("fn")
        self.expect("(")
        arguments = self.until(")", self.format)
        self.expect("->")
        self.roots: _Format = ("fn", [f"argument {at + 1}" for at in range(len(arguments))], arguments)
        if self.takes("Result"):
            self.expect("<")
            value = self.format()
            self.expect(",")
            error = self.format()
            self.expect(">")
            self.roots[1].extend(("the reply", "the error"))
            arguments.extend((value, error))
        else:
            self.roots[1].append("the reply")
            arguments.append(self.format())
        while self.takes(";"):
            self.definition()
        if self.at != len(self.tokens):
            raise ValueError(text)

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def takes(self, token: str) -> bool:
        found = self.peek() == token
        self.at += found
        return found

    def expect(self, token: str) -> None:
        if not self.takes(token):
            raise ValueError(f"{token} is expected at {self.peek()}")

    def until(self, end: str, one: Callable[[], T]) -> list[T]:
        found: list[T] = []
        while not self.takes(end):
            if found:
                self.expect(",")
                if self.takes(end):  # a tuple of one
                    break
            found.append(one())
        return found

    def format(self) -> _Format:
        token = self.next()
        if token == "(":
            return ("tuple", self.until(")", self.format))
        if token == "[":
            inner = self.format()
            length = self.next() if self.takes(";") else ""
            self.expect("]")
            return ("array" + length, [inner]) if length else ("list", [inner])
        if token == "{":
            key = self.format()
            self.expect(":")
            value = self.format()
            self.expect("}")
            return ("map", [key, value])
        if token == "Option":
            self.expect("<")
            inner = self.format()
            self.expect(">")
            return ("option", [inner])
        if token in _LEAVES:
            return (token, [])
        if not re.match(r'\w|"', token):
            raise ValueError(f"{token} is no format")
        return ("named", token)

    def definition(self) -> None:
        kind, name = self.next(), self.next()
        if kind == "type":
            self.expect("=")
            self.types[name] = self.format()
        elif kind == "struct":
            self.types[name] = self.fields()
        else:
            self.expect("{")
            self.types[name] = ("enum", self.until("}", lambda: (self.next(), self.fields())))

    def fields(self) -> _Format:
        if self.takes("("):
            formats = self.until(")", self.format)
            return ("struct", [str(at) for at in range(len(formats))], formats)
        named = self.until("}", self.field) if self.takes("{") else []
        return ("struct", [name for name, _ in named], [format for _, format in named])

    def field(self) -> tuple[str, _Format]:
        name = self.next()
        self.expect(":")
        return name, self.format()


class _Comparison:
    def __init__(self, here: dict[str, _Format], there: dict[str, _Format]) -> None:
        self.types = (here, there)
        self.seen: set[tuple[str, str]] = set()

    def compare(self, here: _Format, there: _Format, path: str) -> str | None:
        """The first difference; None if there is none."""
        if here[0] == there[0] == "named":
            pair = (here[1], there[1])
            if pair in self.seen:
                return None
            self.seen.add(pair)
            try:
                return self.compare(self.types[0][pair[0]], self.types[1][pair[1]], pair[0].split("'")[0])
            except KeyError:
                return f"`{path}`: a type that is not defined"
        if here[0] != there[0] or (here[0] == "tuple" and len(here[1]) != len(there[1])):
            return f"`{path}`: {_shown(here)} here, {_shown(there)} there"
        if here[0] in ("fn", "struct"):
            return self.fields(here, there, path)
        if here[0] == "enum":
            return self.variants(here[1], there[1], path)
        steps = {"option": ["?"], "list": ["[]"], "map": ["{key}", "{value}"]}.get(here[0])
        for at, (one, other) in enumerate(zip(here[1], there[1])):
            step = steps[at] if steps else "[]" if here[0] != "tuple" else f".{at}"
            found = self.compare(one, other, path + step)
            if found:
                return found
        return None

    def fields(self, here: _Format, there: _Format, path: str) -> str | None:
        if here[1] != there[1]:
            ours, theirs = (", ".join(names[1]) or "none" for names in (here, there))
            return f"`{path or 'the method'}`: the fields `{ours}` here, `{theirs}` there"
        for name, one, other in zip(here[1], here[2], there[2]):
            found = self.compare(one, other, f"{path}.{name}" if path else name)
            if found:
                return found
        return None

    def variants(self, here: list[tuple[str, _Format]], there: list[tuple[str, _Format]], path: str) -> str | None:
        # Variants behind those of both are no difference: a reader refuses them by their numbers (W17a).
        for (name, one), (other_name, other) in zip(here, there):
            if name != other_name:
                ours, theirs = (", ".join(name for name, _ in variants) for variants in (here, there))
                return f"`{path}`: the variants `{ours}` here, `{theirs}` there"
            found = self.fields(one, other, f"{path}::{name}")
            if found:
                return found
        return None


def _shown(format: _Format) -> str:
    kind = format[0]
    if kind == "named":
        return str(format[1])
    if kind == "tuple":
        return "(" + ", ".join(map(_shown, format[1])) + ")" if format[1] else "()"
    if kind == "option":
        return f"Option<{_shown(format[1][0])}>"
    if kind == "list":
        return f"[{_shown(format[1][0])}]"
    if kind.startswith("array"):
        return f"[{_shown(format[1][0])}; {kind[5:]}]"
    if kind == "map":
        return f"{{{_shown(format[1][0])}: {_shown(format[1][1])}}}"
    return {"struct": "a struct", "enum": "an enum"}.get(kind, str(kind))
