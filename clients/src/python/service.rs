//! The module of a service: its contract, and its clients, blocking and for asyncio.

use std::collections::HashSet;
use std::fmt::Write;

use rpc_core::reflection::Format;

use super::{Python, docs, quoted};
use crate::Language;
use crate::description::{KnownMethod, KnownService};
use crate::lines::Lines;
use crate::names::{Scope, snake, upper};
use crate::types::MethodFormats;

/// A method, as it is written in Python.
struct Written<'a> {
    known: &'a KnownMethod<'a>,
    /// The name of the function.
    name: String,
    /// The constant that describes it.
    constant: String,
    /// `key: str, value: str`.
    parameters: String,
    /// `(key, value,)`.
    values: String,
    /// The annotation of what it returns.
    returns: String,
}

pub(super) fn module(
    python: &Python<'_>,
    service: &KnownService<'_>,
    formats: &[MethodFormats],
    class: &str,
) -> String {
    let written = written(python, service, formats);
    let mut body = Lines::default();
    put_contract(&mut body, python, service, formats, &written);
    put_blocking(&mut body, service, class, &written);
    put_async(&mut body, service, class, &written);
    let body = body.into_text();
    let mut lines = Lines::default();
    lines.put(0, format!("\"\"\"The service `{}`.\"\"\"", docs(&service.service.name)));
    lines.gap(1);
    lines.put(0, "from __future__ import annotations");
    lines.gap(1);
    lines.put(0, "from types import TracebackType");
    lines.put(0, "from typing import Mapping");
    lines.gap(1);
    let modules = ["formats", "types"].into_iter().filter(|module| body.contains(&format!("{module}.")));
    let modules: Vec<_> = modules.collect();
    if !modules.is_empty() {
        lines.put(0, format!("from . import {}", modules.join(", ")));
    }
    let some = if body.contains("Some[") { ", Some" } else { "" };
    lines.put(0, format!("from .runtime import AsyncConnection, Connection, Contract, Method, Pending, Settings{some}, codec"));
    lines.into_text() + &body
}

fn written<'a>(
    python: &Python<'_>,
    service: &'a KnownService<'_>,
    formats: &[MethodFormats],
) -> Vec<Written<'a>> {
    let mut names = Scope::new(Language::Python, &["connect", "close", "start", "connection"]);
    let mut constants = Scope::new(Language::Python, &["CONTRACT"]);
    let methods = service.methods.iter().zip(formats).map(|(known, formats)| {
        let mut scope = Scope::new(Language::Python, &["timeout", "metadata"]);
        let arguments: Vec<_> = known.arguments().iter().map(|name| scope.give(&snake(name))).collect();
        let (mut parameters, mut values) = (String::new(), String::new());
        for (name, format) in arguments.iter().zip(&formats.arguments) {
            // A `String` takes all.
            let _ = write!(parameters, "{name}: {}, ", python.annotation(format, "types."));
            let _ = write!(values, "{name}, ");
        }
        Written {
            known,
            name: names.give(&snake(known.short_name())),
            constant: constants.give(&upper(known.short_name())),
            parameters,
            values: format!("({})", values.trim_end()),
            returns: python.annotation(&formats.value, "types."),
        }
    });
    methods.collect()
}

fn put_contract(
    lines: &mut Lines,
    python: &Python<'_>,
    service: &KnownService<'_>,
    formats: &[MethodFormats],
    written: &[Written<'_>],
) {
    let all: HashSet<usize> = (0..python.names.len()).collect();
    lines.gap(1);
    for (method, formats) in written.iter().zip(formats) {
        let known = method.known.method;
        let codec = |format: &Format| python.codec(format, &all, "formats.");
        lines.put(0, format!("{}: Method[{}] = Method(", method.constant, method.returns));
        lines.put(1, format!("name={},", quoted(&known.name)));
        lines.put(1, format!("id=0x{:016x},", known.id));
        lines.put(1, format!("types=0x{:016x},", known.fingerprint));
        lines.put(1, format!("signature={},", quoted(&known.signature)));
        lines.put(1, format!("formats={},", quoted(method.known.text)));
        let names = method.known.arguments();
        let names: String = names.iter().map(|name| format!("{}, ", quoted(name))).collect();
        lines.put(1, format!("names=({}),", names.trim_end()));
        let arguments: Vec<_> = formats.arguments.iter().map(codec).collect();
        lines.put(1, format!("arguments=codec.fixed({}),", arguments.join(", ")));
        lines.put(1, format!("value={},", codec(&formats.value)));
        if let Some(error) = &formats.error {
            lines.put(1, format!("error={},", codec(error)));
            if let Format::Named(index) = error {
                let raised = python.names[*index].raised.as_deref().unwrap_or("ServiceError");
                lines.put(1, format!("raises=types.{raised},"));
            }
        }
        if known.idempotent {
            lines.put(1, "idempotent=True,");
        }
        if let Some(deadline) = known.deadline {
            lines.put(1, format!("timeout={:?},", deadline.as_secs_f64()));
        }
        lines.put(0, ")");
    }
    let constants: String = written.iter().map(|method| format!("{}, ", method.constant)).collect();
    lines.gap(1);
    lines.put(0, "CONTRACT = Contract(");
    lines.put(1, format!("service={},", quoted(&service.service.name)));
    lines.put(1, format!("hash=0x{:016x},", service.service.contract));
    lines.put(1, format!("types=0x{:016x},", service.service.fingerprint));
    lines.put(1, format!("methods=({}),", constants.trim_end()));
    lines.put(0, ")");
}

const OPTIONS: &str = "timeout: float | None = None, metadata: Mapping[str, str] | None = None";

fn put_docs(lines: &mut Lines, service: &KnownService<'_>, text: &str) {
    let more = docs(&service.service.docs);
    let more = if more.is_empty() {
        String::new()
    } else {
        format!("\n\n    {}\n    ", more.replace('\n', "\n    "))
    };
    lines.put(1, format!("\"\"\"{text}{more}\"\"\""));
    lines.gap(1);
}

fn put_blocking(lines: &mut Lines, service: &KnownService<'_>, class: &str, written: &[Written<'_>]) {
    let name = docs(&service.service.name);
    lines.gap(2);
    lines.put(0, format!("class {class}Start:"));
    lines.put(1, format!("\"\"\"The calls of `{name}`, started without waiting for their outcome.\"\"\""));
    lines.gap(1);
    lines.put(1, "def __init__(self, connection: Connection) -> None:");
    lines.put(2, "self.connection = connection");
    for method in written {
        lines.gap(1);
        put_signature(lines, "def", method, &format!("Pending[{}]", method.returns));
        lines.put(
            2,
            format!(
                "return self.connection.start({}, {}, timeout, metadata)",
                method.constant, method.values
            ),
        );
    }
    lines.gap(2);
    lines.put(0, format!("class {class}Client:"));
    put_docs(lines, service, &format!("A client of `{name}` whose calls block. Threads may share it."));
    lines.put(1, "def __init__(self, connection: Connection) -> None:");
    lines.put(2, "self.connection = connection");
    lines.put(2, format!("self.start = {class}Start(connection)"));
    lines.gap(1);
    lines.put(1, "@classmethod");
    lines.put(1, format!("def connect(cls, address: str | tuple[str, int], settings: Settings | None = None) -> {class}Client:"));
    lines.put(2, "\"\"\"Connects. Raises `ConnectError` if no such server is there.\"\"\"");
    lines.put(2, "return cls(Connection(address, [CONTRACT], settings))");
    lines.gap(1);
    lines.put(1, "def close(self) -> None:");
    lines.put(2, "\"\"\"Ends the session. Calls that are under way are unknown.\"\"\"");
    lines.put(2, "self.connection.close()");
    put_context(lines, "", class, "self.close()");
    for method in written {
        lines.gap(1);
        put_signature(lines, "def", method, &method.returns);
        lines.put(
            2,
            format!(
                "return self.connection.start({}, {}, timeout, metadata).result()",
                method.constant, method.values
            ),
        );
    }
}

fn put_async(lines: &mut Lines, service: &KnownService<'_>, class: &str, written: &[Written<'_>]) {
    lines.gap(2);
    lines.put(0, format!("class Async{class}Client:"));
    put_docs(lines, service, &format!("A client of `{}` for asyncio.", docs(&service.service.name)));
    lines.put(1, "def __init__(self, connection: AsyncConnection) -> None:");
    lines.put(2, "self.connection = connection");
    lines.gap(1);
    lines.put(1, "@classmethod");
    let arguments = "cls, address: str | tuple[str, int], settings: Settings | None = None";
    lines.put(1, format!("async def connect({arguments}) -> Async{class}Client:"));
    lines.put(2, "\"\"\"Connects. Raises `ConnectError` if no such server is there.\"\"\"");
    lines.put(2, "connection = AsyncConnection(address, [CONTRACT], settings)");
    lines.put(2, "await connection.connect()");
    lines.put(2, "return cls(connection)");
    lines.gap(1);
    lines.put(1, "async def close(self) -> None:");
    lines.put(2, "\"\"\"Ends the session. Calls that are under way are unknown.\"\"\"");
    lines.put(2, "await self.connection.close()");
    put_context(lines, "a", class, "await self.close()");
    for method in written {
        lines.gap(1);
        put_signature(lines, "async def", method, &method.returns);
        lines.put(
            2,
            format!(
                "return await self.connection.call({}, {}, timeout, metadata)",
                method.constant, method.values
            ),
        );
    }
}

fn put_context(lines: &mut Lines, a: &str, class: &str, close: &str) {
    let (def, own) =
        if a.is_empty() { ("def", class.to_owned()) } else { ("async def", format!("Async{class}")) };
    lines.gap(1);
    lines.put(1, format!("{def} __{a}enter__(self) -> {own}Client:"));
    lines.put(2, "return self");
    lines.gap(1);
    lines.put(1, format!("{def} __{a}exit__("));
    lines.put(
        2,
        "self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None",
    );
    lines.put(1, ") -> None:");
    lines.put(2, close);
}

fn put_signature(lines: &mut Lines, def: &str, method: &Written<'_>, returns: &str) {
    lines.put(1, format!("{def} {}(self, {}*, {OPTIONS}) -> {returns}:", method.name, method.parameters));
    let text = docs(&method.known.method.docs);
    let signature = format!("`{}`", docs(&method.known.method.signature));
    let text = if text.is_empty() {
        signature
    } else {
        format!("{}\n\n        {signature}\n        ", text.replace('\n', "\n        "))
    };
    lines.put(2, format!("\"\"\"{text}\"\"\""));
}
