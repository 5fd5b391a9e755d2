//! The bodies of control frames, field by field: rules W7 and W9 to W11.

use rpc_core::limits::{MAX_OPENING_HELLO, MAX_SERVICES};
use rpc_core::wire::message::{
    FEATURE_DENIED, FEATURE_GIVEN_UP, FEATURE_METADATA, FEATURE_NO_BODY_CHECKSUM, FEATURE_PROPERTIES,
    FEATURE_TYPES, MAGIC, Table, VERSION,
};

use crate::reader::{Reader, Stop, Taken, counted, quoted, quoted_bytes};
use crate::value::Said;

/// The features, by their bits.
const FEATURES: [(u32, &str); 6] = [
    (FEATURE_NO_BODY_CHECKSUM, "no checksums over bodies"),
    (FEATURE_PROPERTIES, "properties"),
    (FEATURE_GIVEN_UP, "GivenUp"),
    (FEATURE_DENIED, "Denied"),
    (FEATURE_METADATA, "metadata"),
    (FEATURE_TYPES, "types"),
];

/// Reads the body of a HELLO.
pub(crate) fn hello(reader: &mut Reader<'_>) -> String {
    let length = reader.left();
    let mut says = String::new();
    let read = hello_fields(reader, length, &mut says);
    reader.end(read);
    says
}

fn hello_fields(reader: &mut Reader<'_>, length: usize, says: &mut String) -> Result<(), Stop> {
    let magic = reader.take("magic", MAGIC.len())?;
    if magic.bytes != MAGIC {
        return Err(refuse(reader, "magic", magic, "", "not this protocol: it begins with 41 4d 4f 01"));
    }
    reader.field("magic", magic, "this protocol");
    let (lowest, from) = reader.number("lowest version", 2)?;
    reader.field("lowest version", lowest, from.to_string());
    let (highest, to) = reader.number("highest version", 2)?;
    let value = to.to_string();
    if !(from..=to).contains(&u64::from(VERSION)) {
        let wrong = format!("versions {from} to {to}, and there is only {VERSION}");
        return Err(refuse(reader, "highest version", highest, &value, &wrong));
    }
    reader.field("highest version", highest, value);
    features(reader, "features wanted")?;
    plain(reader, "slots wanted", 2)?;
    let (taken, resume) = reader.number("resume", 1)?;
    match resume {
        0 if length > MAX_OPENING_HELLO => {
            let wrong = format!("a HELLO that opens a session has at most {MAX_OPENING_HELLO} bytes");
            return Err(refuse(reader, "resume", taken, "0", &wrong));
        }
        0 => reader.field("resume", taken, "0: a new session"),
        1 => reader.field("resume", taken, "1: the session goes on"),
        _ => return Err(refuse(reader, "resume", taken, &resume.to_string(), "it is 0 or 1")),
    }
    if resume == 1 {
        opaque(reader, "session", 16, "as WELCOME gave it")?;
        opaque(reader, "token", 32, "a secret, as WELCOME gave it")?;
    }
    let services = hello_services(reader)?;
    *says = format!("{} {}", if resume == 1 { "resumes a session:" } else { "opens a session:" }, services.1);
    hello_extensions(reader, services.0)
}

fn hello_services(reader: &mut Reader<'_>) -> Result<(usize, String), Stop> {
    let (taken, count) = reader.number("services", 1)?;
    let count = usize::try_from(count).unwrap_or_default();
    if count > MAX_SERVICES {
        let wrong = format!("a HELLO has at most {MAX_SERVICES}");
        return Err(refuse(reader, "services", taken, &count.to_string(), &wrong));
    }
    reader.field("services", taken, count.to_string());
    let mut said = Said::new("");
    for _ in 0..count {
        opaque_number(reader, "contract hash", 8)?;
        said.add(&name(reader, "name")?);
    }
    Ok((count, said.end("")))
}

fn hello_extensions(reader: &mut Reader<'_>, services: usize) -> Result<(), Stop> {
    let (mut nonces, mut types) = (0, 0);
    while reader.left() > 0 {
        let (taken, kind) = reader.number("extension", 1)?;
        let named = ["nonce", "types"].get(usize::try_from(kind).unwrap_or(0).wrapping_sub(1)).copied();
        reader.field("extension", taken, format!("{kind}: {}", named.unwrap_or("not known, skipped")));
        let (taken, length) = reader.number("extension: length", 2)?;
        let length = usize::try_from(length).unwrap_or_default();
        let wrong = match named {
            Some("nonce") if length != 16 => "a nonce has 16 bytes".to_owned(),
            Some("nonce") if nonces > 0 => "the second nonce".to_owned(),
            Some("types") if types > 0 => "the second list of types".to_owned(),
            Some("types") if services == 0 || length != 8 * services => {
                format!("8 bytes for each of {services} services, which are at least one")
            }
            _ => String::new(),
        };
        if !wrong.is_empty() {
            return Err(refuse(reader, "extension: length", taken, &length.to_string(), &wrong));
        }
        reader.field("extension: length", taken, length.to_string());
        match named {
            Some("nonce") => {
                nonces += 1;
                opaque(reader, "nonce", length, "names the session to be opened")?;
            }
            Some(_) => {
                types += 1;
                for _ in 0..services {
                    opaque_number(reader, "fingerprint of types", 8)?;
                }
            }
            None => opaque(reader, "extension: value", length, "not known")?,
        }
    }
    Ok(())
}

/// Reads the body of a WELCOME.
pub(crate) fn welcome(reader: &mut Reader<'_>) -> String {
    let mut says = String::new();
    let read = welcome_fields(reader, &mut says);
    reader.end(read);
    says
}

fn welcome_fields(reader: &mut Reader<'_>, says: &mut String) -> Result<(), Stop> {
    let (taken, version) = reader.number("version", 2)?;
    match version == u64::from(VERSION) {
        true => reader.field("version", taken, version.to_string()),
        false => reader.wrong("version", taken, &version.to_string(), format!("there is only {VERSION}")),
    }
    features(reader, "features agreed")?;
    opaque(reader, "incarnation", 16, "names this life of the server")?;
    opaque(reader, "session", 16, "names the session")?;
    opaque(reader, "token", 32, "a secret, to resume the session")?;
    let (taken, slots) = reader.number("slots granted", 2)?;
    match slots {
        0 => reader.wrong("slots granted", taken, "0", "at least one"),
        _ => reader.field("slots granted", taken, slots.to_string()),
    }
    plain(reader, "longest body", 4)?;
    let (taken, lease) = reader.number("lease", 4)?;
    reader.field("lease", taken, format!("{lease} ms"));
    let (taken, resumed) = reader.number("resumed", 1)?;
    let how = if resumed == 0 { "a new session" } else { "the session goes on" };
    reader.field("resumed", taken, format!("{resumed}: {how}"));
    *says = format!("{how}, {}", counted(slots, "slot"));
    let (taken, count) = reader.number("services", 1)?;
    reader.field("services", taken, count.to_string());
    for _ in 0..count {
        let (taken, agreement) = reader.number("agreement", 1)?;
        let means = match agreement {
            0 => "the same contract",
            1 => "another contract of this name",
            2 => "no such service",
            _ => return Err(refuse(reader, "agreement", taken, &agreement.to_string(), "it is 0, 1 or 2")),
        };
        reader.field("agreement", taken, format!("{agreement}: {means}"));
    }
    Ok(())
}

/// Reads the body of a SESSION_LOST.
pub(crate) fn session_lost(reader: &mut Reader<'_>) -> String {
    let read = opaque(reader, "incarnation", 16, "names this life of the server");
    reader.end(read);
    "the session is not known, or has ended".to_owned()
}

/// Reads the body of a METHODS.
pub(crate) fn methods(reader: &mut Reader<'_>) -> String {
    let read = name(reader, "name");
    let says = match &read {
        Ok(name) if name == "\"\"" => "asks for the services".to_owned(),
        Ok(name) => format!("asks for the methods of {name}"),
        Err(Stop) => String::new(),
    };
    reader.end(read.map(|_| ()));
    says
}

/// Reads the body of a TABLE.
pub(crate) fn table(reader: &mut Reader<'_>, features: Option<u32>) -> String {
    // Not known: those with which it can be read.
    let all = FEATURE_PROPERTIES | FEATURE_TYPES;
    let body = reader.rest();
    let features = features.unwrap_or_else(|| {
        let mut possible = [0, FEATURE_PROPERTIES, FEATURE_TYPES, all].into_iter();
        possible.find(|features| Table::decode(body, *features).is_ok()).unwrap_or_default()
    });
    let mut says = String::new();
    let read = table_fields(reader, features, &mut says);
    reader.end(read);
    says
}

fn table_fields(reader: &mut Reader<'_>, features: u32, says: &mut String) -> Result<(), Stop> {
    let service = name(reader, "name")?;
    let of_services = service == "\"\"";
    let entries = if of_services { "services" } else { "methods" };
    let (taken, count) = reader.number(entries, 2)?;
    reader.field(entries, taken, count.to_string());
    *says = match of_services {
        true => counted(count, "service"),
        false => format!("{service} has {}", counted(count, "method")),
    };
    for _ in 0..count {
        opaque_number(reader, if of_services { "contract hash" } else { "id" }, 8)?;
        name(reader, "name")?;
        text(reader, "signature")?;
        if features & FEATURE_PROPERTIES != 0 {
            let (taken, bits) = reader.number("properties", 1)?;
            let means = if bits & 1 != 0 { "idempotent" } else { "not idempotent" };
            reader.field("properties", taken, format!("{bits}: {means}"));
        }
        if features & FEATURE_TYPES != 0 {
            opaque_number(reader, "fingerprint of types", 8)?;
            text(reader, "formats")?;
        }
    }
    Ok(())
}

/// Reads a length in two bytes and so much UTF-8.
fn text(reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    let of_length = format!("{name}: length");
    let (taken, length) = reader.number(&of_length, 2)?;
    reader.field(&of_length, taken, length.to_string());
    let taken = reader.take(name, usize::try_from(length).unwrap_or_default())?;
    match std::str::from_utf8(taken.bytes) {
        Ok(_) => reader.field(name, taken, quoted_bytes(taken.bytes)),
        Err(_) => return Err(refuse(reader, name, taken, &quoted_bytes(taken.bytes), "no UTF-8")),
    }
    Ok(())
}

/// Reads a length in one byte and so much UTF-8, as one field.
fn name(reader: &mut Reader<'_>, name: &str) -> Result<String, Stop> {
    let length = reader.rest().first().map_or(0, |length| usize::from(*length));
    let taken = reader.take(name, 1 + length)?;
    match std::str::from_utf8(taken.bytes.get(1..).unwrap_or_default()) {
        Ok(text) => {
            reader.field(name, taken, format!("{} in {}", quoted(text), counted(length as u64, "byte")));
            Ok(quoted(text))
        }
        Err(_) => Err(refuse(reader, name, taken, "", "no UTF-8")),
    }
}

fn plain(reader: &mut Reader<'_>, name: &str, length: usize) -> Result<(), Stop> {
    let (taken, value) = reader.number(name, length)?;
    reader.field(name, taken, value.to_string());
    Ok(())
}

/// Reads a number that is a name: in hexadecimal digits.
fn opaque_number(reader: &mut Reader<'_>, name: &str, length: usize) -> Result<(), Stop> {
    let (taken, value) = reader.number(name, length)?;
    reader.field(name, taken, format!("{value:016x}"));
    Ok(())
}

fn opaque(reader: &mut Reader<'_>, name: &str, length: usize, means: &str) -> Result<(), Stop> {
    let taken = reader.take(name, length)?;
    reader.field(name, taken, means);
    Ok(())
}

fn features(reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    let (taken, bits) = reader.number(name, 4)?;
    let mut said = Said::new("");
    for (bit, feature) in FEATURES {
        if bits & u64::from(bit) != 0 {
            said.add(feature);
        }
    }
    let said = said.end("");
    reader.field(name, taken, if said.is_empty() { bits.to_string() } else { format!("{bits}: {said}") });
    Ok(())
}

fn refuse(reader: &mut Reader<'_>, name: &str, taken: Taken<'_>, value: &str, wrong: &str) -> Stop {
    reader.wrong(name, taken, value, wrong);
    Stop
}
