//! `rpc generate`: a client of a server's services in another language, as a package of that language.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rpc_clients::{GenerateError, describe, generate};
use rpc_core::reflection::ReflectionClient;
use rpc_core::{ConnectError, Connector, Escaped};

use crate::status::{Failure, Status, status_of};

/// The languages.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Language {
    /// Python 3.10 and later: blocking, and with asyncio
    Python,
    /// TypeScript, for node 20 and later
    #[value(name = "typescript")]
    TypeScript,
}

/// The arguments of `rpc generate`.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// The language of the client
    #[arg(long, short)]
    language: Language,
    /// The server: HOST:PORT, or unix:/PATH
    server: String,
    /// Its services that the client is for; all if none is named
    services: Vec<String>,
    /// The folder of the client, which is made
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// The name that programs import; if it is not given, that of the folder
    #[arg(long)]
    package: Option<String>,
}

impl Generate {
    /// Asks the server, writes the files, and says what was written.
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let package = self.package.clone().unwrap_or_else(|| self.folder_name());
        let asks: ReflectionClient =
            Connector::new().connect(self.server.as_str()).map_err(|error| self.explain(error))?;
        let services = describe(&asks, &self.services)?;
        let source = format!("the server at {}", self.server);
        let language = match self.language {
            Language::Python => rpc_clients::Language::Python,
            Language::TypeScript => rpc_clients::Language::TypeScript,
        };
        let generated = generate(language, &services, &package, &source)?;
        generated.write(&self.output)?;
        asks.call.close();
        let (count, output) = (generated.files.len(), self.output.display());
        writeln!(out, "{output}: {count} files of the package `{package}`")?;
        for service in &services {
            let (name, count) = (Escaped(&service.name), service.methods.len());
            writeln!(out, "  {name}: {count} {}", if count == 1 { "method" } else { "methods" })?;
        }
        for left_out in &generated.left_out {
            writeln!(out, "  left out: {}", Escaped(left_out))?;
        }
        Ok(())
    }

    /// Returns the name of the folder as that of a package.
    fn folder_name(&self) -> String {
        let name = self.output.file_name().map(|name| name.to_string_lossy().to_lowercase());
        name.unwrap_or_default().replace(['-', ' ', '.'], "_")
    }

    fn explain(&self, error: ConnectError) -> Failure {
        match error {
            ConnectError::NoSuchService { .. } => {
                let text = "does not describe itself: it was built without reflection, or with a version that has none";
                Failure::new(Status::Mismatch, format_args!("{} {text}", self.server))
            }
            error => error.into(),
        }
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        let status = match &error {
            GenerateError::NoMethods(_) | GenerateError::NoService { .. } => Status::Mismatch,
            GenerateError::Ask(error) => status_of(error),
            _ => Status::Usage, // the name of a package, or a folder
        };
        Failure::new(status, error)
    }
}
