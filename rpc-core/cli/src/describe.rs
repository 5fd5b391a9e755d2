//! `rpc list` and `rpc describe`: what a server says of itself.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use rpc_core::Escaped;
use rpc_core::reflection::{
    LimitValue, MethodDescription, ServerDescription, ServiceDescription, TypesDescription,
};
use rpc_json::JsonClient;
use serde_json::json;

use crate::arguments::{Format, Formatted, Server};
use crate::connection::{asking, service_of};
use crate::sample;
use crate::status::Failure;

/// Writes the services of a server and their methods.
pub(crate) fn list(server: &Server, format: Formatted) -> Result<(), Failure> {
    let client = asking(server)?;
    let mut services = Vec::new();
    for service in client.server()?.services {
        services.push(client.service(&service.name)?);
    }
    client.close();
    match format.format {
        Format::Json => {
            let methods = |service: &ServiceDescription| {
                service
                    .methods
                    .iter()
                    .map(|method| json!({"name": method.name, "signature": method.signature}))
                    .collect::<Vec<_>>()
            };
            let services: Vec<_> = services
                .iter()
                .map(|service| json!({"name": service.name, "methods": methods(service)}))
                .collect();
            crate::output::json(&json!({"services": services}))?;
        }
        Format::Text => {
            let mut text = String::new();
            for service in services {
                line(&mut text, 0, &service.name);
                service.methods.iter().for_each(|method| line(&mut text, 2, &written(method)));
            }
            write(&text)?;
        }
    }
    Ok(())
}

/// Describes a server, a service or a method.
pub(crate) fn describe(server: &Server, name: Option<&str>, format: Formatted) -> Result<(), Failure> {
    let client = asking(server)?;
    let is_json = format.format == Format::Json;
    match name {
        None => {
            let description = client.server()?;
            if is_json {
                crate::output::json(&description)?
            } else {
                write(&of_server(&client, &description))?
            }
        }
        Some(name) if !name.contains('.') => {
            let description = client.service(name)?;
            if is_json { crate::output::json(&*description)? } else { write(&of_service(&description))? }
        }
        Some(name) => {
            let description = client.service(service_of(name)?)?;
            let method = description.methods.iter().find(|method| method.name == name);
            // It is not there, or its formats are not known: the client says the first, and the second is described.
            let Some(method) = method else {
                return Err(client.method(name).map(drop).err().map_or_else(nothing, Failure::from));
            };
            if is_json { crate::output::json(method)? } else { write(&of_method(&client, method))? }
        }
    }
    client.close();
    Ok(())
}

/// Returns the failure of a method that was there after all: the server was started again meanwhile.
fn nothing() -> Failure {
    Failure::usage("the server changed while it was asked; ask again")
}

fn write(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Appends a line, escaped: it may have text of the server.
fn line(text: &mut String, indent: usize, content: &str) {
    let shown = Escaped(content).to_string();
    let _ = writeln!(text, "{:indent$}{shown}", ""); // a `String` takes all
}

/// Appends documentation, line by line.
fn docs(text: &mut String, indent: usize, docs: &str) {
    for content in docs.lines() {
        if content.is_empty() { text.push('\n') } else { line(text, indent, content) }
    }
}

/// Returns the signature with the full name of the method: `Kv.get(key: &str) -> String`.
fn written(method: &MethodDescription) -> String {
    let rest = method.signature.split_once('(').map_or("..)", |(_, rest)| rest);
    format!("{}({rest}", method.name)
}

fn of_server(client: &JsonClient, server: &ServerDescription) -> String {
    let mut text = String::new();
    line(&mut text, 0, &format!("{} at {}", server.version, client.peer()));
    let filter = if server.at_most_once { "at most once" } else { "without a duplicate filter" };
    let store = if server.durable { ", with a store" } else { "" };
    let loops =
        if server.loops == 1 { "one event loop".to_owned() } else { format!("{} event loops", server.loops) };
    line(&mut text, 0, &format!("{loops}, {filter}{store}"));
    if let Some(health) = server.health {
        line(&mut text, 0, &format!("health: {health}"));
    }
    line(&mut text, 0, "services:");
    for service in &server.services {
        let methods =
            if service.methods == 1 { "1 method".to_owned() } else { format!("{} methods", service.methods) };
        line(&mut text, 2, &format!("{} ({methods})", service.name));
    }
    line(&mut text, 0, "limits:");
    let width = server.limits.iter().map(|(name, _)| name.len()).max().unwrap_or_default().min(64);
    for (name, value) in &server.limits {
        line(&mut text, 2, &format!("{name:width$}  {}", of_limit(*value)));
    }
    text
}

fn of_limit(value: LimitValue) -> String {
    match value {
        LimitValue::Unset => "none".to_owned(),
        LimitValue::Number(number) => number.to_string(),
        LimitValue::Microseconds(micros) => {
            humantime::format_duration(Duration::from_micros(micros)).to_string()
        }
    }
}

fn of_service(service: &ServiceDescription) -> String {
    let mut text = String::new();
    line(&mut text, 0, &service.name);
    docs(&mut text, 2, &service.docs);
    for method in &service.methods {
        text.push('\n');
        line(&mut text, 2, &written(method));
        let policies = policies(method);
        if !policies.is_empty() {
            line(&mut text, 4, &policies.join(", "));
        }
        docs(&mut text, 4, &method.docs);
    }
    if service.next.is_some() {
        line(&mut text, 2, ".. the server describes no more of it");
    }
    text
}

/// Returns the policies of a method, in words.
fn policies(method: &MethodDescription) -> Vec<String> {
    let mut policies = Vec::new();
    for (is, word) in
        [(method.idempotent, "idempotent"), (method.slow, "slow"), (method.later, "replies later")]
    {
        policies.extend(is.then(|| word.to_owned()));
    }
    let time = |millis| humantime::format_duration(Duration::from_millis(millis)).to_string();
    policies.extend(method.deadline_millis.map(|millis| format!("deadline {}", time(millis))));
    policies.extend(method.max_cached_reply.map(|bytes| format!("replies of up to {bytes} bytes are kept")));
    policies
}

fn of_method(client: &JsonClient, method: &MethodDescription) -> String {
    let mut text = String::new();
    line(&mut text, 0, &written(method));
    docs(&mut text, 2, &method.docs);
    let policies = policies(method);
    let calls = if method.idempotent { "" } else { "runs at most once" };
    let words = policies.iter().map(String::as_str).chain([calls]).filter(|word| !word.is_empty());
    line(&mut text, 2, &words.collect::<Vec<_>>().join(", "));
    line(&mut text, 2, &format!("id {:016x}", method.id));
    match (&method.types, method.formats()) {
        (TypesDescription::Known(types), Ok(formats)) => {
            line(&mut text, 2, "types:");
            types.split("; ").for_each(|definition| line(&mut text, 4, definition));
            let example = sample::arguments(method, &formats);
            line(&mut text, 2, "a call:");
            let quoted = example.to_string().replace('\'', r"'\''");
            line(&mut text, 4, &format!("rpc call {} {} '{quoted}'", client.peer(), method.name));
        }
        (_, Err(why)) => {
            line(&mut text, 2, &format!("its types are not known, so it cannot be called in JSON: {why}"))
        }
        (TypesDescription::Unknown(_), Ok(_)) => {} // there are no formats without their text
    }
    text
}
