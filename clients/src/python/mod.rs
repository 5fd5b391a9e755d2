//! Python: a package with the types, their codecs, a module for each service, and the runtime.

mod codecs;
mod service;
mod types;

use std::fmt::Write;

use rpc_core::reflection::{Definition, Shape, Variant};

use crate::description::KnownService;
use crate::names::{Scope, pascal, snake, upper};
use crate::types::{Types, has_only_names};
use crate::{File, Language};

/// The files of the runtime, which are the same in each client.
const RUNTIME: [(&str, &str); 10] = [
    ("__init__.py", include_str!("../../python/runtime/__init__.py")),
    ("aio.py", include_str!("../../python/runtime/aio.py")),
    ("blocking.py", include_str!("../../python/runtime/blocking.py")),
    ("calls.py", include_str!("../../python/runtime/calls.py")),
    ("codec.py", include_str!("../../python/runtime/codec.py")),
    ("contract.py", include_str!("../../python/runtime/contract.py")),
    ("core.py", include_str!("../../python/runtime/core.py")),
    ("errors.py", include_str!("../../python/runtime/errors.py")),
    ("pending.py", include_str!("../../python/runtime/pending.py")),
    ("wire.py", include_str!("../../python/runtime/wire.py")),
];

/// The names that a type has in Python.
#[derive(Debug)]
struct Named {
    /// The class, or the alias of a union.
    class: String,
    /// The constant of its codec.
    codec: String,
    /// Of an enum with fields, the class of each variant.
    variants: Vec<String>,
    /// The exception that is raised with it, if it is an error of a method.
    raised: Option<String>,
}

/// The types, and their names.
struct Python<'a> {
    types: &'a Types,
    names: Vec<Named>,
}

/// Returns the files of a client.
pub(crate) fn files(services: &[KnownService<'_>], types: &Types, package: &str, source: &str) -> Vec<File> {
    let python = Python { types, names: names(types) };
    let mut modules = Scope::new(Language::Python, &["runtime", "types", "formats"]);
    let mut files = vec![
        file("pyproject.toml", pyproject(package, source)),
        file(&format!("{package}/py.typed"), String::new()),
        file(&format!("{package}/types.py"), types::module(&python, source)),
        file(&format!("{package}/formats.py"), codecs::module(&python)),
    ];
    let mut exported = Vec::new();
    for (at, service) in services.iter().enumerate().filter(|(_, service)| !service.methods.is_empty()) {
        let module = modules.give(&snake(&service.service.name));
        let class = pascal(&service.service.name);
        files.push(file(
            &format!("{package}/{module}.py"),
            service::module(&python, service, &types.methods[at], &class),
        ));
        exported.push((module, class));
    }
    files.push(file(&format!("{package}/__init__.py"), init(&exported, source)));
    let runtime =
        RUNTIME.iter().map(|(name, text)| file(&format!("{package}/runtime/{name}"), (*text).to_owned()));
    files.extend(runtime);
    files
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), text }
}

fn pyproject(package: &str, source: &str) -> String {
    let comment = source.replace(['\n', '\r'], " ");
    let name = package.replace('_', "-");
    format!(
        "# A client that was generated from {comment}. It needs nothing but Python's own library.\n\
         [build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"0.1.0\"\nrequires-python = \">=3.10\"\n\n\
         [tool.setuptools]\npackages = [\"{package}\", \"{package}.runtime\"]\n\n\
         [tool.setuptools.package-data]\n{package} = [\"py.typed\"]\n\n\
         [tool.pyright]\ntypeCheckingMode = \"strict\"\npythonVersion = \"3.10\"\n"
    )
}

fn init(services: &[(String, String)], source: &str) -> String {
    let mut text = format!("\"\"\"A client of {}.\"\"\"\n\n", docs(source));
    let mut names = vec!["runtime".to_owned(), "types".to_owned()];
    text.push_str("from . import runtime, types\n");
    for (module, class) in services {
        let classes = [format!("Async{class}Client"), format!("{class}Client")];
        let _ = writeln!(text, "from .{module} import {}", classes.join(", ")); // a `String` takes all
        names.extend(classes);
    }
    names.sort();
    let list: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let _ = writeln!(text, "\n__all__ = [{}]", list.join(", "));
    text
}

/// Gives each type its names.
fn names(types: &Types) -> Vec<Named> {
    let mut classes = Scope::new(Language::Python, &[]);
    let mut codecs = Scope::new(Language::Python, &[]);
    let mut first = |definition: &Definition| {
        let class = classes.give(&pascal(&definition.name));
        let codec = codecs.give(&upper(&class));
        Named { class, codec, variants: Vec::new(), raised: None }
    };
    let mut names: Vec<Named> = types.definitions.iter().map(&mut first).collect();
    for (name, definition) in names.iter_mut().zip(&types.definitions) {
        if let Shape::Enum(variants) = &definition.shape {
            let whole = name.class.clone();
            let mut give = |variant: &Variant| classes.give(&(whole.clone() + &pascal(&variant.name)));
            if !has_only_names(variants) {
                name.variants = variants.iter().map(&mut give).collect();
            }
        }
    }
    for error in types.methods.iter().flatten().filter_map(|method| method.error.as_ref()) {
        if let rpc_core::reflection::Format::Named(index) = error {
            let name = &mut names[*index];
            if name.raised.is_none() {
                name.raised = Some(classes.give(&format!("{}Exception", name.class)));
            }
        }
    }
    names
}

/// Returns a text as it stands in a documentation string.
fn docs(text: &str) -> String {
    text.replace('\\', "\\\\").replace("\"\"\"", "'''").trim().trim_end_matches('"').to_owned()
}

/// Returns a text as a string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c)); // a `String` takes all
            }
        }
    }
    quoted + "\""
}
