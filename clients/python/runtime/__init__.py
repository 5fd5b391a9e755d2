"""The runtime of generated clients: Python's own library and nothing else."""

from __future__ import annotations

from . import codec
from .aio import AsyncConnection
from .blocking import Connection, Pending
from .calls import Settings
from .codec import DecodeError, EncodeError, Some
from .contract import Contract, Method
from .errors import (
    CallError,
    ConnectError,
    Executed,
    GivenUp,
    NotExecuted,
    Panicked,
    Reason,
    ReplyLost,
    RpcError,
    ServiceError,
    UnknownCause,
    UnknownOutcome,
)

__all__ = [
    "AsyncConnection",
    "CallError",
    "ConnectError",
    "Connection",
    "Contract",
    "DecodeError",
    "EncodeError",
    "Executed",
    "GivenUp",
    "Method",
    "NotExecuted",
    "Panicked",
    "Pending",
    "Reason",
    "ReplyLost",
    "RpcError",
    "ServiceError",
    "Settings",
    "Some",
    "UnknownCause",
    "UnknownOutcome",
    "codec",
]
