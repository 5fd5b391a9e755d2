"""A client written from docs/wire.md alone: it greets, asks for the methods, calls, loses its connection, resumes, sends the same
call again, and leaves. It repeats a call of an idempotent method whose reply is lost, and never one that is denied.

usage: client.py [--metadata KEY=VALUE ..] HOST PORT SERVICE SIGNATURES [TEXT ..]

SIGNATURES are those of the service as written in the trait, without `&self`, one on each line; the first is called, and its
arguments are the TEXTs. It prints what the server granted, and the status of each reply with its body in hex. Only Python's own library. The rules W1.. are those of docs/wire.md.
"""

import os
import re
import socket
import struct
import sys
import time

HELLO, WELCOME, CALL, REPLY, BYE, METHODS, TABLE, REJECT = 1, 2, 3, 4, 12, 13, 14, 15
PROPERTIES, DENIED, METADATA = 2, 8, 16  # the feature bits of W11, W12 and W13a
WANTED = PROPERTIES | DENIED | METADATA
HAS_METADATA = 1  # a bit of the code of a CALL
IDEMPOTENT = 1  # a bit of a method's properties
STATUS = {0: "done", 1: "failed", 2: "panicked", 3: "reply lost", 18: "busy", 19: "draining", 23: "denied"}
REFUSED = 16  # the first status of a call that did not run


def crc32c(data):  # W5
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fnv1a(data, value=0xCBF29CE484222325):  # W16
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def method_id(service, signature):  # W16
    name = signature.split("(")[0].removeprefix("fn ")
    hashed = re.sub(r"\w+: ", "", signature)  # W16a: without the names of the arguments
    return fnv1a(f"{service}.{name}\n{hashed}".encode())


def contract_hash(service, signatures):  # W17
    ids = sorted(method_id(service, signature) for signature in signatures)
    return fnv1a(b"".join(id.to_bytes(8, "little") for id in ids), fnv1a(service.encode()))


def frame(kind, body=b"", code=0, slot=0, seq=0, method=0, millis=0):  # W1
    fixed = struct.pack("<IBBHQQII", 32 + len(body), kind, code, slot, seq, method, millis, crc32c(body))
    return fixed + struct.pack("<I", crc32c(fixed)) + body


def hello(services, resume=b"", slots=64, features=0, nonce=b""):  # W9
    body = b"AMO\x01" + struct.pack("<HHIHB", 1, 1, features, slots, bool(resume)) + resume + bytes([len(services)])
    for name, value in services:
        body += struct.pack("<QB", value, len(name.encode())) + name.encode()
    if nonce:
        body += struct.pack("<BH", 1, len(nonce)) + nonce
    assert resume or len(body) <= 4048, "a session that could not be resumed"
    return body


def text(value):  # W14
    return struct.pack("<Q", len(value.encode())) + value.encode()


def metadata_of(entries):  # W13a: keys in ascending order of their bytes, and the length of all entries at the end
    body = b""
    for key, value in sorted((key.encode(), value.encode()) for key, value in entries.items()):
        assert 1 <= len(key) <= 255, "the length of a key"
        body += bytes([len(key)]) + key + struct.pack("<H", len(value)) + value
    assert len(body) <= 1024, "the length of all entries"
    return body + struct.pack("<H", len(body))


def receive(connection):
    """The next frame, its checksums compared: kind, code, slot, seq, millis, body."""
    data = b""
    want = 36
    while len(data) < want:
        more = connection.recv(want - len(data))
        if not more:
            raise SystemExit("the server closed the connection")
        data += more
        if len(data) == 36:
            length, kind, code, slot, seq, _, millis, body_crc, header_crc = struct.unpack("<IBBHQQIII", data)
            assert crc32c(data[:32]) == header_crc, "header checksum"
            want = 4 + length
    body = data[36:]
    assert crc32c(body) == body_crc, "body checksum"
    if kind == REJECT:
        raise SystemExit(f"rejected with code {code}: {body.decode(errors='replace')}")
    return kind, code, slot, seq, millis, body


def greet(address, services, resume=b"", nonce=b""):
    """A connection with a session, its features, and what resumes it: session and token (W10). A nonce opens one session (W9d)."""
    connection = socket.create_connection(address, timeout=60)
    connection.sendall(frame(HELLO, hello(services, resume, features=WANTED, nonce=nonce)))
    kind, _, _, _, _, body = receive(connection)
    if kind != WELCOME:
        raise SystemExit(f"no WELCOME but kind {kind}: {body.decode(errors='replace')}")
    version, features, _, session, token, slots, _, _, resumed = struct.unpack_from("<HI16s16s32sHIIB", body)
    agreement = body[82]
    assert features & ~WANTED == 0, "features that were not asked for"
    print(f"welcome version={version} features={features} slots={slots} resumed={resumed} agreement={agreement}")
    return connection, features, session + token


def idempotent_methods(connection, service):
    """The ids of those methods that may be repeated as new calls (W11, W36)."""
    connection.sendall(frame(METHODS, bytes([len(service)]) + service.encode()))
    kind, _, _, _, _, body = receive(connection)
    assert kind == TABLE, kind
    at = 1 + body[0]
    (count,) = struct.unpack_from("<H", body, at)
    at += 2
    found = set()
    for _ in range(count):
        (method,) = struct.unpack_from("<Q", body, at)
        at += 9 + body[at + 8]
        (length,) = struct.unpack_from("<H", body, at)
        at += 3 + length
        if body[at - 1] & IDEMPOTENT:
            found.add(method)
    assert at == len(body), "bytes left over"
    return found


def call(connection, method, arguments, metadata, slot, seq, may_repeat):
    """A call with its arguments and its metadata, which is None for none."""
    body = b"".join(map(text, arguments))  # W13: a tuple of arguments is its arguments, one behind the other
    has_metadata = 0
    if metadata is not None:
        body += metadata
        has_metadata = HAS_METADATA
    connection.sendall(frame(CALL, body, code=has_metadata, slot=slot, seq=seq, method=method, millis=5000))
    kind, code, *name, millis, body = receive(connection)
    assert (kind, name) == (REPLY, [slot, seq]), (kind, name)
    if code == 3 and millis > 0 and may_repeat:  # W37: as a new call, after the pause
        print("reply lost: again")
        time.sleep(millis / 1000)
        return call(connection, method, arguments, metadata, slot, seq + 1, may_repeat)
    if code >= REFUSED and body:  # a text; it may be missing when the reply is sent again (W12)
        print(f"refused: {body.decode()}")
        body = b""
    print(f"reply status={STATUS.get(code, code)} body={body.hex()}")
    return seq


def main(entries, host, port, service, signatures, *arguments):
    services = [(service, contract_hash(service, signatures.splitlines()))]
    method = method_id(service, signatures.splitlines()[0])
    nonce = os.urandom(16)
    lost, _, _ = greet((host, int(port)), services, nonce=nonce)  # as if its WELCOME were lost
    connection, features, resume = greet((host, int(port)), services, nonce=nonce)  # the same session (W9e)
    lost.close()
    may_repeat = method in idempotent_methods(connection, service)
    metadata = metadata_of(entries) if entries and features & METADATA else None  # an older server gets none
    seq = call(connection, method, arguments, metadata, 0, 1, may_repeat)
    seq = call(connection, method, arguments, metadata, 0, seq, may_repeat)  # a duplicate: it gets the reply, and does not run (W26)
    connection.close()
    connection, _, resume = greet((host, int(port)), services, resume)  # W29
    call(connection, method, arguments, metadata, 0, seq, may_repeat)
    connection.sendall(frame(BYE))


if __name__ == "__main__":
    given, entries = sys.argv[1:], {}
    while given[0] == "--metadata":
        key, _, value = given[1].partition("=")
        entries[key], given = value, given[2:]
    main(entries, *given)
