//! TypeScript: a package for node with the types, their codecs, a module for each service, and the runtime.

mod codecs;
mod service;
mod types;

use std::fmt::Write;

use rpc_core::reflection::Format;

use crate::description::KnownService;
use crate::names::{Scope, pascal, snake, upper};
use crate::types::Types;
use crate::{File, Language};

/// The files of the runtime, which are the same in each client.
const RUNTIME: [(&str, &str); 8] = [
    ("calls.ts", include_str!("../../typescript/runtime/calls.ts")),
    ("codec.ts", include_str!("../../typescript/runtime/codec.ts")),
    ("connection.ts", include_str!("../../typescript/runtime/connection.ts")),
    ("contract.ts", include_str!("../../typescript/runtime/contract.ts")),
    ("core.ts", include_str!("../../typescript/runtime/core.ts")),
    ("errors.ts", include_str!("../../typescript/runtime/errors.ts")),
    ("index.ts", include_str!("../../typescript/runtime/index.ts")),
    ("wire.ts", include_str!("../../typescript/runtime/wire.ts")),
];

/// The options of the compiler: as strict as it can be.
const TSCONFIG: &str = r#"{
  "compilerOptions": {
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": true,
    "noImplicitOverride": true,
    "noImplicitReturns": true,
    "noUnusedLocals": true,
    "noUnusedParameters": true,
    "target": "ES2022",
    "module": "NodeNext",
    "moduleResolution": "NodeNext",
    "types": ["node"],
    "declaration": true,
    "rootDir": "src",
    "outDir": "dist"
  },
  "include": ["src"]
}
"#;

/// The names that a type has in TypeScript.
#[derive(Debug)]
struct Named {
    /// The type.
    ty: String,
    /// The constant of its codec.
    codec: String,
    /// The class that is thrown with it, if it is an error of a method.
    thrown: Option<String>,
}

/// The types, and their names.
struct TypeScript<'a> {
    types: &'a Types,
    names: Vec<Named>,
}

/// Returns the files of a client.
pub(crate) fn files(services: &[KnownService<'_>], types: &Types, package: &str, source: &str) -> Vec<File> {
    let typescript = TypeScript { types, names: names(types) };
    let mut modules = Scope::new(Language::TypeScript, &[]);
    let mut files = vec![
        file("package.json", package_json(package, source)),
        file("tsconfig.json", TSCONFIG.to_owned()),
        file("src/types.ts", types::module(&typescript, source)),
        file("src/formats.ts", codecs::module(&typescript)),
    ];
    let mut index =
        format!("/** A client of {}. */\n\nexport * as runtime from \"./runtime/index.js\";\n", docs(source));
    index.push_str("export * as types from \"./types.js\";\n");
    for (at, service) in services.iter().enumerate().filter(|(_, service)| !service.methods.is_empty()) {
        let module = modules.give(&snake(&service.service.name));
        let class = pascal(&service.service.name);
        files.push(file(
            &format!("src/{module}.ts"),
            service::module(&typescript, service, &types.methods[at], &class),
        ));
        // A `String` takes all.
        let _ = writeln!(
            index,
            "export {{ {class}Client, CONTRACT as {} }} from \"./{module}.js\";",
            upper(&module)
        );
    }
    files.push(file("src/index.ts", index));
    files.extend(RUNTIME.iter().map(|(name, text)| file(&format!("src/runtime/{name}"), (*text).to_owned())));
    files
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), text }
}

fn package_json(package: &str, source: &str) -> String {
    let (name, description) = (quoted(&package.replace('_', "-")), quoted(&format!("A client of {source}")));
    format!(
        "{{\n  \"name\": {name},\n  \"version\": \"0.1.0\",\n  \"description\": {description},\n  \"type\": \"module\",\n  \
         \"exports\": {{ \".\": {{ \"types\": \"./dist/index.d.ts\", \"default\": \"./dist/index.js\" }} }},\n  \
         \"files\": [\"dist\"],\n  \"engines\": {{ \"node\": \">=20\" }},\n  \
         \"scripts\": {{ \"build\": \"tsc\", \"prepare\": \"tsc\" }},\n  \
         \"devDependencies\": {{ \"@types/node\": \">=20\", \"typescript\": \">=5.5\" }}\n}}\n"
    )
}

/// Gives each type its names.
fn names(types: &Types) -> Vec<Named> {
    let mut all = Scope::new(Language::TypeScript, &[]);
    let mut codecs = Scope::new(Language::TypeScript, &[]);
    let named = types.definitions.iter().map(|definition| {
        let ty = all.give(&pascal(&definition.name));
        Named { codec: codecs.give(&upper(&ty)), ty, thrown: None }
    });
    let mut names: Vec<Named> = named.collect();
    for error in types.methods.iter().flatten().filter_map(|method| method.error.as_ref()) {
        if let Format::Named(index) = error {
            let name = &mut names[*index];
            if name.thrown.is_none() {
                name.thrown = Some(all.give(&format!("{}Exception", name.ty)));
            }
        }
    }
    names
}

/// Returns a text as it stands in a comment.
fn docs(text: &str) -> String {
    text.replace("*/", "* /").trim().to_owned()
}

/// Returns a text as a string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(c @ (b'"' | b'\\')) => quoted.extend(['\\', char::from(c)]),
            Ok(c @ b' '..=b'~') => quoted.push(char::from(c)),
            _ => {
                let _ = write!(quoted, "\\u{unit:04x}"); // a `String` takes all
            }
        }
    }
    quoted + "\""
}
