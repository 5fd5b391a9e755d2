//! The module of a service: its contract, and its client.

use std::collections::HashSet;

use rpc_core::reflection::Format;

use super::{TypeScript, docs, quoted};
use crate::Language;
use crate::description::{KnownMethod, KnownService};
use crate::lines::Lines;
use crate::names::{Scope, camel, upper};
use crate::types::MethodFormats;

/// A method, as it is written in TypeScript.
struct Written<'a> {
    known: &'a KnownMethod<'a>,
    formats: &'a MethodFormats,
    /// The name of the function.
    name: String,
    /// The constant that describes it.
    constant: String,
    /// The names of its arguments.
    arguments: Vec<String>,
    /// `line: string, at: number`.
    parameters: String,
    /// The type of what it returns.
    returns: String,
}

pub(super) fn module(
    typescript: &TypeScript<'_>,
    service: &KnownService<'_>,
    formats: &[MethodFormats],
    class: &str,
) -> String {
    let written = written(typescript, service, formats);
    let mut body = Lines::default();
    put_contract(&mut body, typescript, service, &written);
    put_client(&mut body, service, class, &written);
    let body = body.into_text();
    let mut lines = Lines::default();
    lines.put(0, format!("/** The service `{}`. */", docs(&service.service.name)));
    lines.gap(1);
    let mut more = String::from(if body.contains("Some<") { ", type Some" } else { "" });
    more.push_str(if body.contains("new ServiceError(") { ", ServiceError" } else { "" });
    let names = "type CallOptions, Connection, type Contract, type Method, type Settings";
    lines.put(0, format!("import {{ {names}{more}, codec }} from \"./runtime/index.js\";"));
    for module in ["formats", "types"] {
        if body.contains(&format!("{module}.")) {
            lines.put(0, format!("import * as {module} from \"./{module}.js\";"));
        }
    }
    lines.into_text() + &body
}

fn written<'a>(
    typescript: &TypeScript<'_>,
    service: &'a KnownService<'_>,
    formats: &'a [MethodFormats],
) -> Vec<Written<'a>> {
    let mut names = Scope::of_properties(&["close", "connection", "constructor", "then"]);
    let mut constants = Scope::new(Language::TypeScript, &[]);
    let methods = service.methods.iter().zip(formats).map(|(known, formats)| {
        let mut scope = Scope::new(Language::TypeScript, &["options"]);
        let arguments: Vec<_> = known.arguments().iter().map(|name| scope.give(&camel(name))).collect();
        let typed = arguments.iter().zip(&formats.arguments);
        let typed: Vec<_> =
            typed.map(|(name, format)| format!("{name}: {}", typescript.ty(format, "types."))).collect();
        Written {
            known,
            formats,
            name: names.give(&camel(known.short_name())),
            constant: constants.give(&upper(known.short_name())),
            parameters: typed.join(", "),
            arguments,
            returns: typescript.ty(&formats.value, "types."),
        }
    });
    methods.collect()
}

fn put_contract(
    lines: &mut Lines,
    typescript: &TypeScript<'_>,
    service: &KnownService<'_>,
    written: &[Written<'_>],
) {
    let all: HashSet<usize> = (0..typescript.names.len()).collect();
    let codec = |format: &Format| typescript.codec(format, &all, "formats.");
    lines.gap(1);
    for method in written {
        let known = method.known.method;
        lines.put(
            0,
            format!(
                "export const {}: Method<readonly [{}], {}> = {{",
                method.constant, method.parameters, method.returns
            ),
        );
        lines.put(1, format!("name: {},", quoted(&known.name)));
        lines.put(1, format!("id: 0x{:016x}n,", known.id));
        lines.put(1, format!("types: 0x{:016x}n,", known.fingerprint));
        lines.put(1, format!("signature: {},", quoted(&known.signature)));
        lines.put(1, format!("formats: {},", quoted(method.known.text)));
        let names: Vec<_> = method.known.arguments().iter().map(|name| quoted(name)).collect();
        lines.put(1, format!("names: [{}],", names.join(", ")));
        let arguments: Vec<_> = method.formats.arguments.iter().map(codec).collect();
        lines.put(1, format!("arguments: codec.tuple({}),", arguments.join(", ")));
        lines.put(1, format!("value: {},", codec(&method.formats.value)));
        if let Some(error) = &method.formats.error {
            let thrown = match error {
                Format::Named(index) => {
                    typescript.names[*index].thrown.as_deref().map(|name| format!("types.{name}"))
                }
                _ => None,
            };
            let thrown = thrown.unwrap_or_else(|| "ServiceError".to_owned());
            lines.put(
                1,
                format!(
                    "fails: (target, body) => new {thrown}(target, codec.decode({}, body)),",
                    codec(error)
                ),
            );
        }
        if known.idempotent {
            lines.put(1, "idempotent: true,");
        }
        if let Some(deadline) = known.deadline {
            lines.put(1, format!("timeout: {},", deadline.as_millis()));
        }
        lines.put(0, "};");
    }
    let constants: Vec<_> = written.iter().map(|method| method.constant.as_str()).collect();
    lines.gap(1);
    lines.put(0, "export const CONTRACT: Contract = {");
    lines.put(1, format!("service: {},", quoted(&service.service.name)));
    lines.put(1, format!("hash: 0x{:016x}n,", service.service.contract));
    lines.put(1, format!("types: 0x{:016x}n,", service.service.fingerprint));
    lines.put(1, format!("methods: [{}],", constants.join(", ")));
    lines.put(0, "};");
}

fn put_client(lines: &mut Lines, service: &KnownService<'_>, class: &str, written: &[Written<'_>]) {
    lines.gap(1);
    put_comment(lines, 0, &format!("A client of `{}`.", service.service.name), &service.service.docs);
    lines.put(0, format!("export class {class}Client {{"));
    lines.put(1, "constructor(readonly connection: Connection) {}");
    lines.gap(1);
    lines.put(1, "/** Connects. Throws `ConnectError` if no such server is there. */");
    lines.put(1, format!("static async connect(address: string, settings: Partial<Settings> = {{}}): Promise<{class}Client> {{"));
    lines.put(
        2,
        format!("return new {class}Client(await Connection.connect(address, [CONTRACT], settings));"),
    );
    lines.put(1, "}");
    lines.gap(1);
    lines.put(1, "/** Ends the session. Calls that are under way are unknown. */");
    lines.put(1, "close(): void {");
    lines.put(2, "this.connection.close();");
    lines.put(1, "}");
    for method in written {
        lines.gap(1);
        put_comment(lines, 1, &format!("`{}`", method.known.method.signature), &method.known.method.docs);
        let comma = if method.parameters.is_empty() { "" } else { ", " };
        lines.put(
            1,
            format!(
                "{}({}{comma}options: CallOptions = {{}}): Promise<{}> {{",
                method.name, method.parameters, method.returns
            ),
        );
        lines.put(
            2,
            format!(
                "return this.connection.call({}, [{}], options);",
                method.constant,
                method.arguments.join(", ")
            ),
        );
        lines.put(1, "}");
    }
    lines.put(0, "}");
}

/// Writes a comment: the documentation, and a line behind it.
fn put_comment(lines: &mut Lines, depth: usize, line: &str, text: &str) {
    lines.put(depth, "/**");
    for text in docs(text).lines() {
        lines.put(depth, format!(" * {text}").trim_end());
    }
    if !text.is_empty() {
        lines.put(depth, " *");
    }
    lines.put(depth, format!(" * {}", docs(line)));
    lines.put(depth, " */");
}
