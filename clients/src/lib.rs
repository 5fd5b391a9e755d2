//! Writes clients in other languages from what a service says of itself: its methods, and the formats of their types.
//!
//! ```text
//! Description --types: one table of all types--> names of the language --> files, and the runtime beside them
//! ```
//! The generator writes typed code for the services at hand. The code that all services share is written by hand once, and copied
//! beside it: the runtime, in `clients/python/runtime` and `clients/typescript/runtime`, which speaks `docs/wire.md`.

mod description;
mod lines;
mod names;
mod python;
mod types;
mod typescript;

use std::path::Path;

use rpc_core::CallError;
use thiserror::Error;

pub use description::{MethodDescription, ServiceDescription, describe};

/// A language that clients can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python 3.10 and later, blocking and with asyncio.
    Python,
    /// TypeScript, for node 20 and later.
    TypeScript,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder of the client, with `/`.
    pub path: String,
    /// Its contents.
    pub text: String,
}

/// The files of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// All files.
    pub files: Vec<File>,
    /// The methods that have no client, each with the reason: `Kv.get: its types are not known: ..`.
    pub left_out: Vec<String>,
}

/// The reason for which no client was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// There is no service with a method whose types are known.
    #[error("there is no method with known types{}", .0.iter().map(|why| format!("; {why}")).collect::<String>())]
    NoMethods(Vec<String>),
    /// The server has no service of this name.
    #[error("the server has no service `{name}`; those that it has: {known}")]
    NoService {
        /// The name.
        name: String,
        /// The services that it has.
        known: String,
    },
    /// The server could not be asked.
    #[error("{0}")]
    Ask(Box<CallError>),
    /// The name is none that a package can have.
    #[error("`{0}` cannot be the name of a package: letters, digits and `_`, beginning with a letter")]
    PackageName(String),
    /// A file cannot be written.
    #[error("{0} cannot be written: {1}")]
    Write(String, std::io::Error),
}

/// Returns the files of a client of these services. `package` is the name that users import, and `source` says where the description
/// is from.
///
/// # Errors
/// Returns an error if no method has known types, or the name cannot be that of a package.
pub fn generate(
    language: Language,
    services: &[ServiceDescription],
    package: &str,
    source: &str,
) -> Result<Generated, GenerateError> {
    let is_name = package.starts_with(|c: char| c.is_ascii_lowercase())
        && package.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        && !names::is_reserved(language, package);
    if !is_name {
        return Err(GenerateError::PackageName(package.to_owned()));
    }
    let (services, left_out) = description::known(services);
    if services.iter().all(|service| service.methods.is_empty()) {
        return Err(GenerateError::NoMethods(left_out));
    }
    let types = types::Types::of(&services);
    let files = match language {
        Language::Python => python::files(&services, &types, package, source),
        Language::TypeScript => typescript::files(&services, &types, package, source),
    };
    Ok(Generated { files, left_out })
}

impl From<CallError> for GenerateError {
    fn from(error: CallError) -> Self {
        GenerateError::Ask(Box::new(error))
    }
}

impl Generated {
    /// Writes the files below a folder, which is made. Files of these names are replaced, and others left alone.
    ///
    /// # Errors
    /// Returns an error if a folder or file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), GenerateError> {
        for file in &self.files {
            let path = folder.join(&file.path);
            let wrong = |error| GenerateError::Write(path.display().to_string(), error);
            path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(wrong)?;
            std::fs::write(&path, &file.text).map_err(wrong)?;
        }
        Ok(())
    }
}
